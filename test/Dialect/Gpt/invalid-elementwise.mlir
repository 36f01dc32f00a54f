// Breaks every constraint of the elementwise ops once.
// RUN: gpt-opt %s --split-input-file --verify-diagnostics

func.func @case_0(%x: tensor<2x8xf32>, %y: tensor<2x8xbf16>) {
  // expected-error @+1 {{'gpt.add' op expected rhs element type ('bf16') to match lhs element type ('f32')}}
  %0 = gpt.add %x, %y : (tensor<2x8xf32>, tensor<2x8xbf16>) -> tensor<2x8xf32>
  return
}

// -----

func.func @case_1(%x: tensor<2x8xf32>, %y: tensor<3x8xf32>) {
  // expected-error @+1 {{'gpt.add' op expected rhs dim 0 (3) to match lhs dim 0 (2)}}
  %0 = gpt.add %x, %y : (tensor<2x8xf32>, tensor<3x8xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @case_2(%x: tensor<2x8xf32>, %y: tensor<7xf32>) {
  // expected-error @+1 {{'gpt.mul' op expected rhs dim 0 (7) to match lhs dim 1 (8)}}
  %0 = gpt.mul %x, %y : (tensor<2x8xf32>, tensor<7xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @case_3(%x: tensor<2x8xf32>, %y: tensor<2x8xf16>) {
  // expected-error @+1 {{'gpt.mul' op expected rhs element type ('f16') to match lhs element type ('f32')}}
  %0 = gpt.mul %x, %y : (tensor<2x8xf32>, tensor<2x8xf16>) -> tensor<2x8xf32>
  return
}

// -----

func.func @case_4(%x: tensor<2x8xf32>) {
  // expected-error @+1 {{op expected result types ('tensor<2x8xf32>'), but found ('tensor<2x9xf32>')}}
  %0 = gpt.scale %x {factor = 2.0 : f64} : (tensor<2x8xf32>) -> tensor<2x9xf32>
  return
}

// -----

func.func @case_5(%x: tensor<2x8xf32>) {
  // expected-error @+1 {{'gpt.scale' op requires attribute 'factor'}}
  %0 = gpt.scale %x : (tensor<2x8xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @case_6(%x: tensor<2x8xf32>) {
  // expected-error @+1 {{'gpt.cast' op expected a result of the shape of input ('tensor<2x8xf32>'), but found 'tensor<2x9xbf16>'}}
  %0 = gpt.cast %x : tensor<2x8xf32> to tensor<2x9xbf16>
  return
}

// -----

func.func @case_7(%x: tensor<2x8xf32>) {
  // expected-error @+1 {{'gpt.transpose' op expected permutation to be one of the 2 dims of input, but found array<i64: 0, 0>}}
  %0 = gpt.transpose %x {permutation = array<i64: 0, 0>} : (tensor<2x8xf32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @case_8(%x: tensor<2x8xf32>) {
  // expected-error @+1 {{'gpt.transpose' op expected permutation to be one of the 2 dims of input, but found array<i64: 1>}}
  %0 = gpt.transpose %x {permutation = array<i64: 1>} : (tensor<2x8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @case_9(%x: tensor<f32>) {
  // expected-error @+1 {{'gpt.split' op expected input of rank 1 or more, but found 'tensor<f32>'}}
  %0 = gpt.split %x {num_parts = 1 : i64} : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @case_10(%x: tensor<2x?xf32>) {
  // expected-error @+1 {{'gpt.split' op expected a static last dim of input, but found 'tensor<2x?xf32>'}}
  %0 = gpt.split %x {num_parts = 1 : i64} : (tensor<2x?xf32>) -> tensor<2x?xf32>
  return
}

// -----

func.func @case_11(%x: tensor<2x12xf32>) {
  // expected-error @+1 {{'gpt.split' op expected num_parts to be positive, but found 0}}
  %0 = gpt.split %x {num_parts = 0 : i64} : (tensor<2x12xf32>) -> tensor<2x12xf32>
  return
}

// -----

func.func @case_12(%x: tensor<2x12xf32>) {
  // expected-error @+1 {{'gpt.split' op expected num_groups to be positive, but found -1}}
  %0 = gpt.split %x {num_parts = 1 : i64, num_groups = -1 : i64} : (tensor<2x12xf32>) -> tensor<2x12xf32>
  return
}

// -----

func.func @case_13(%x: tensor<2x12xf32>) {
  // expected-error @+1 {{op expected result types ('tensor<2x4xf32>', 'tensor<2x4xf32>', 'tensor<2x4xf32>'), but found ('tensor<2x4xf32>')}}
  %0 = gpt.split %x {num_parts = 3 : i64} : (tensor<2x12xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @case_14(%x: tensor<2x12xf32>) {
  // expected-error @+1 {{'gpt.split' op expected num_parts * num_groups (3 * 3) to divide input dim 1 (12)}}
  %0 = gpt.split %x {num_parts = 3 : i64, num_groups = 3 : i64} : (tensor<2x12xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @case_15(%x: tensor<2x0xf32>) {
  // expected-error @+1 {{'gpt.split' op expected num_parts of at most 65536, but found 100000}}
  %0 = gpt.split %x {num_parts = 100000 : i64} : (tensor<2x0xf32>) -> tensor<2x0xf32>
  return
}

// -----

func.func @case_16(%x: tensor<8xf32>) {
  // expected-error @+1 {{'gpt.last_token' op expected input of rank 2 or more, but found 'tensor<8xf32>'}}
  %0 = gpt.last_token %x : (tensor<8xf32>) -> tensor<1xf32>
  return
}

// -----

func.func @case_17(%x: tensor<2x0x8xf32>) {
  // expected-error @+1 {{'gpt.last_token' op expected input dim 1 to be at least 1, but found 'tensor<2x0x8xf32>'}}
  %0 = gpt.last_token %x : (tensor<2x0x8xf32>) -> tensor<2x1x8xf32>
  return
}
