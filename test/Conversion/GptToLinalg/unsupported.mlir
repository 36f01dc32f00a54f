// RUN: gpt-opt %s -split-input-file -convert-gpt-to-linalg -verify-diagnostics

// What cannot be converted is an error on the op that names the reason; a gpt
// op never survives the conversion.

func.func @operand_encoding(%x: tensor<2x8xf32, "sparse">, %w: tensor<4x8xf32>) -> tensor<2x4xf32> {
  // expected-error @+2 {{cannot be converted to linalg: operand 0 of type 'tensor<2x8xf32, "sparse">' has an encoding}}
  // expected-error @+1 {{failed to legalize operation 'gpt.linear'}}
  %y = gpt.linear %x, %w : (tensor<2x8xf32, "sparse">, tensor<4x8xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// -----

func.func @result_encoding(%ids: tensor<2xi64>, %t: tensor<4x8xf32>) -> tensor<2x8xf32, 1> {
  // expected-error @+2 {{cannot be converted to linalg: result 0 of type 'tensor<2x8xf32, 1 : i64>' has an encoding}}
  // expected-error @+1 {{failed to legalize operation 'gpt.embedding'}}
  %y = gpt.embedding %t, %ids : (tensor<4x8xf32>, tensor<2xi64>) -> tensor<2x8xf32, 1>
  return %y : tensor<2x8xf32, 1>
}
