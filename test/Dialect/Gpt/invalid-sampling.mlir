// Breaks every constraint of the sampling ops once.
// RUN: gpt-opt %s --split-input-file --verify-diagnostics

func.func @case_0(%x: tensor<f32>) {
  // expected-error @+1 {{'gpt.argmax' op expected input of rank 1 or more, but found 'tensor<f32>'}}
  %0 = gpt.argmax %x : (tensor<f32>) -> tensor<i64>
  return
}

// -----

func.func @case_1(%x: tensor<2x0xf32>) {
  // expected-error @+1 {{'gpt.argmax' op expected input dim 1 to be at least 1, but found 'tensor<2x0xf32>'}}
  %0 = gpt.argmax %x : (tensor<2x0xf32>) -> tensor<2xi64>
  return
}

// -----

func.func @case_2(%x: tensor<2x0xf32>, %u: tensor<2xf32>) {
  // expected-error @+1 {{'gpt.sample' op expected logits dim 1 to be at least 1, but found 'tensor<2x0xf32>'}}
  %0 = gpt.sample %x, %u : (tensor<2x0xf32>, tensor<2xf32>) -> tensor<2xi64>
  return
}

// -----

func.func @case_3(%x: tensor<2x9xf32>, %u: tensor<2x1xf32>) {
  // expected-error @+1 {{'gpt.sample' op expected uniform of rank 1, but found 'tensor<2x1xf32>'}}
  %0 = gpt.sample %x, %u : (tensor<2x9xf32>, tensor<2x1xf32>) -> tensor<2xi64>
  return
}

// -----

func.func @case_4(%x: tensor<2x9xf32>, %u: tensor<3xf32>) {
  // expected-error @+1 {{'gpt.sample' op expected uniform dim 0 (3) to match logits dim 0 (2)}}
  %0 = gpt.sample %x, %u : (tensor<2x9xf32>, tensor<3xf32>) -> tensor<2xi64>
  return
}
