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

func.func @odd_interleaved_rope(%x: tensor<?x?x30xf32>) -> tensor<?x?x30xf32> {
  // expected-error @+2 {{cannot be converted to linalg: interleaved pairs need an even head dimension, got 15}}
  // expected-error @+1 {{failed to legalize operation 'gpt.rope'}}
  %y = gpt.rope %x {num_heads = 2 : i64, rotary_dims = 4 : i64, style = #gpt<rope_style interleaved>} : (tensor<?x?x30xf32>) -> tensor<?x?x30xf32>
  return %y : tensor<?x?x30xf32>
}
