// Breaks every constraint of the activation ops once.
// RUN: gpt-opt %s --split-input-file --verify-diagnostics

func.func @case_0(%x: tensor<2x8xf32>) {
  // expected-error @+1 {{op expected result types ('tensor<2x8xf32>'), but found ('tensor<2x8xbf16>')}}
  %0 = gpt.gelu %x : (tensor<2x8xf32>) -> tensor<2x8xbf16>
  return
}

// -----

func.func @case_1(%x: tensor<2x8xi32>) {
  // expected-error @+1 {{'gpt.silu' op operand #0 must be ranked tensor of 32-bit float or bfloat16 type or 16-bit float values, but got 'tensor<2x8xi32>'}}
  %0 = gpt.silu %x : (tensor<2x8xi32>) -> tensor<2x8xi32>
  return
}

// -----

func.func @case_2(%x: tensor<f32>) {
  // expected-error @+1 {{'gpt.softmax' op expected input of rank 1 or more, but found 'tensor<f32>'}}
  %0 = gpt.softmax %x : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @case_3(%x: tensor<f32>, %m: tensor<f32>) {
  // expected-error @+1 {{'gpt.masked_softmax' op expected input of rank 1 or more, but found 'tensor<f32>'}}
  %0 = gpt.masked_softmax %x, %m : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @case_4(%x: tensor<4x5xf32>, %m: tensor<3x5xf32>) {
  // expected-error @+1 {{'gpt.masked_softmax' op expected mask dim 0 (3) to be 1 or 4}}
  %0 = gpt.masked_softmax %x, %m : (tensor<4x5xf32>, tensor<3x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

func.func @case_5(%x: tensor<4x5xf32>, %m: tensor<2x4x5xf32>) {
  // expected-error @+1 {{'gpt.masked_softmax' op expected mask of rank 2 or less, but found 'tensor<2x4x5xf32>'}}
  %0 = gpt.masked_softmax %x, %m : (tensor<4x5xf32>, tensor<2x4x5xf32>) -> tensor<4x5xf32>
  return
}

// -----

func.func @case_6(%p: tensor<2xi64>) {
  // expected-error @+1 {{'gpt.causal_mask' op expected a result of rank 2 without positions, but found 'tensor<5xf32>'}}
  %0 = gpt.causal_mask() : tensor<5xf32>
  return
}

// -----

func.func @case_7(%p: tensor<2xi64>) {
  // expected-error @+1 {{'gpt.causal_mask' op expected a result of rank 4 with positions, but found 'tensor<5x6xf32>'}}
  %0 = gpt.causal_mask() positions(%p : tensor<2xi64>) : tensor<5x6xf32>
  return
}

// -----

func.func @case_8(%p: tensor<2xi64>) {
  // expected-error @+1 {{'gpt.causal_mask' op expected result dim 1 to be 1, but found 'tensor<2x3x5x6xf32>'}}
  %0 = gpt.causal_mask() positions(%p : tensor<2xi64>) : tensor<2x3x5x6xf32>
  return
}

// -----

func.func @case_9(%p: tensor<2xi64>) {
  // expected-error @+1 {{'gpt.causal_mask' op expected positions dim 0 (2) to match result dim 0 (3)}}
  %0 = gpt.causal_mask() positions(%p : tensor<2xi64>) : tensor<3x1x5x6xf32>
  return
}

// -----

func.func @case_10(%n: index) {
  // expected-error @+1 {{'gpt.causal_mask' op expected 2 sizes for 'tensor<?x?xf32>', but found 1}}
  %0 = gpt.causal_mask(%n) : tensor<?x?xf32>
  return
}

// -----

func.func @case_11(%n: index) {
  // expected-error @+1 {{'gpt.causal_mask' op expected window to be positive, but found 0}}
  %0 = gpt.causal_mask() {window = 0 : i64} : tensor<4x4xf32>
  return
}
