// Breaks every constraint of the projection ops once.
// RUN: gpt-opt %s --split-input-file --verify-diagnostics

func.func @case_0(%x: tensor<f32>, %w: tensor<4x8xf32>) {
  // expected-error @+1 {{'gpt.linear' op expected input of rank 1 or more, but found 'tensor<f32>'}}
  %0 = gpt.linear %x, %w : (tensor<f32>, tensor<4x8xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @case_1(%x: tensor<2x768xf32>, %w: tensor<5x1024xf32>) {
  // expected-error @+1 {{'gpt.linear' op expected weight dim 1 (1024) to match input dim 1 (768)}}
  %0 = gpt.linear %x, %w : (tensor<2x768xf32>, tensor<5x1024xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @case_2(%x: tensor<2x768xf32>, %w: tensor<1024x5xf32>) {
  // expected-error @+1 {{'gpt.linear' op expected weight dim 0 (1024) to match input dim 1 (768)}}
  %0 = gpt.linear %x, %w {weight_layout = #gpt<weight_layout in_out>} : (tensor<2x768xf32>, tensor<1024x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @case_3(%x: tensor<2x8xf32>, %w: tensor<5x8xf32>, %b: tensor<6xf32>) {
  // expected-error @+1 {{'gpt.linear' op expected bias dim 0 (6) to match weight dim 0 (5)}}
  %0 = gpt.linear %x, %w bias(%b) : (tensor<2x8xf32>, tensor<5x8xf32>, tensor<6xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @case_4(%x: tensor<2x8xf32>, %w: tensor<5x8xf32>) {
  // expected-error @+1 {{op expected result types ('tensor<2x5xf32>'), but found ('tensor<2x5xbf16>')}}
  %0 = gpt.linear %x, %w : (tensor<2x8xf32>, tensor<5x8xf32>) -> tensor<2x5xbf16>
  return
}

// -----

func.func @case_5(%x: tensor<2x8xf32>, %w: tensor<5x8x1xf32>) {
  // expected-error @+1 {{'gpt.linear' op operand #1 must be 2D tensor of 32-bit float or bfloat16 type or 16-bit float values, but got 'tensor<5x8x1xf32>'}}
  %0 = gpt.linear %x, %w : (tensor<2x8xf32>, tensor<5x8x1xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @case_6(%x: tensor<2x8xi32>, %w: tensor<5x8xf32>) {
  // expected-error @+1 {{'gpt.linear' op operand #0 must be ranked tensor of 32-bit float or bfloat16 type or 16-bit float values, but got 'tensor<2x8xi32>'}}
  %0 = gpt.linear %x, %w : (tensor<2x8xi32>, tensor<5x8xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @case_7(%x: tensor<8xf32>, %w: tensor<8x3xf32>) {
  // expected-error @+1 {{'gpt.matmul' op expected lhs of rank 2 or more, but found 'tensor<8xf32>'}}
  %0 = gpt.matmul %x, %w : (tensor<8xf32>, tensor<8x3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @case_8(%x: tensor<2x3x4x8xf32>, %w: tensor<3x8x5xf32>) {
  // expected-error @+1 {{'gpt.matmul' op expected rhs of rank 2 or 4, but found 'tensor<3x8x5xf32>'}}
  %0 = gpt.matmul %x, %w : (tensor<2x3x4x8xf32>, tensor<3x8x5xf32>) -> tensor<2x3x4x5xf32>
  return
}

// -----

func.func @case_9(%x: tensor<2x4x8xf32>, %w: tensor<3x8x5xf32>) {
  // expected-error @+1 {{'gpt.matmul' op expected rhs dim 0 (3) to match lhs dim 0 (2)}}
  %0 = gpt.matmul %x, %w : (tensor<2x4x8xf32>, tensor<3x8x5xf32>) -> tensor<2x4x5xf32>
  return
}

// -----

func.func @case_10(%x: tensor<2x4x8xf32>, %w: tensor<2x9x5xf32>) {
  // expected-error @+1 {{'gpt.matmul' op expected rhs dim 1 (9) to match lhs dim 2 (8)}}
  %0 = gpt.matmul %x, %w : (tensor<2x4x8xf32>, tensor<2x9x5xf32>) -> tensor<2x4x5xf32>
  return
}

// -----

func.func @case_11(%x: tensor<2x4x8xf32>, %w: tensor<2x8x5xbf16>) {
  // expected-error @+1 {{'gpt.matmul' op expected rhs element type ('bf16') to match lhs element type ('f32')}}
  %0 = gpt.matmul %x, %w : (tensor<2x4x8xf32>, tensor<2x8x5xbf16>) -> tensor<2x4x5xf32>
  return
}
