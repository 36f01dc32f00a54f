// RUN: gpt-opt %s -gpt-verify-vector-stage=strict=true -verify-diagnostics

func.func @large(%x: memref<?x4xf32>, %small: memref<8x8xf32>, %tensor: tensor<65xf32>, %v: f32) -> tensor<65xf32> {
  // expected-error @below {{'linalg.fill' op is left for a loop over scalars of ?x4 iterations, more than the 64 that are allowed in the vector stage}}
  linalg.fill ins(%v : f32) outs(%x : memref<?x4xf32>)
  linalg.fill ins(%v : f32) outs(%small : memref<8x8xf32>)
  // expected-error @below {{of 65 iterations}}
  %0 = linalg.fill ins(%v : f32) outs(%tensor : tensor<65xf32>) -> tensor<65xf32>
  return %0 : tensor<65xf32>
}
