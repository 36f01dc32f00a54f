// Breaks every constraint of the embedding ops once.
// RUN: gpt-opt %s --split-input-file --verify-diagnostics

func.func @case_0(%t: tensor<0x8xf32>, %i: tensor<3xi64>) {
  // expected-error @+1 {{'gpt.embedding' op expected table dim 0 to be at least 1, but found 'tensor<0x8xf32>'}}
  %0 = gpt.embedding %t, %i : (tensor<0x8xf32>, tensor<3xi64>) -> tensor<3x8xf32>
  return
}

// -----

func.func @case_1(%t: tensor<9x8xf32>, %i: tensor<3xi64>) {
  // expected-error @+1 {{op expected result types ('tensor<3x8xf32>'), but found ('tensor<3x8xf16>')}}
  %0 = gpt.embedding %t, %i : (tensor<9x8xf32>, tensor<3xi64>) -> tensor<3x8xf16>
  return
}

// -----

func.func @case_2(%t: tensor<9x8xf32>, %i: tensor<3xf32>) {
  // expected-error @+1 {{'gpt.embedding' op operand #1 must be ranked tensor of 32-bit signless integer or 64-bit signless integer values, but got 'tensor<3xf32>'}}
  %0 = gpt.embedding %t, %i : (tensor<9x8xf32>, tensor<3xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @case_3(%t: tensor<9x8x1xf32>, %i: tensor<3xi64>) {
  // expected-error @+1 {{'gpt.embedding' op operand #0 must be 2D tensor of 32-bit float or bfloat16 type or 16-bit float values, but got 'tensor<9x8x1xf32>'}}
  %0 = gpt.embedding %t, %i : (tensor<9x8x1xf32>, tensor<3xi64>) -> tensor<3x8xf32>
  return
}

// -----

func.func @case_4(%i: tensor<3xi64>) {
  // expected-error @+1 {{'gpt.position_ids' op expected like to be a ranked tensor of rank 2 or more, but found 'tensor<3xi64>'}}
  %0 = gpt.position_ids %i : (tensor<3xi64>) -> tensor<3xi64>
  return
}

// -----

func.func @case_5(%i: tensor<3x4xi64>, %p: tensor<2xi64>) {
  // expected-error @+1 {{'gpt.position_ids' op expected positions dim 0 (2) to match like dim 0 (3)}}
  %0 = gpt.position_ids %i positions(%p) : (tensor<3x4xi64>, tensor<2xi64>) -> tensor<3x4xi64>
  return
}
