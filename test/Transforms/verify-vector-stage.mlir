// RUN: gpt-opt %s -gpt-verify-vector-stage -split-input-file -verify-diagnostics

func.func @large(%x: memref<?x4xf32>, %small: memref<8x8xf32>, %tensor: tensor<65xf32>, %v: f32) -> tensor<65xf32> {
  // expected-error @below {{'linalg.fill' op is left for a loop over scalars of ?x4 iterations, more than the 64 that are allowed in the vector stage}}
  linalg.fill ins(%v : f32) outs(%x : memref<?x4xf32>)
  linalg.fill ins(%v : f32) outs(%small : memref<8x8xf32>)
  // expected-error @below {{of 65 iterations}}
  %0 = linalg.fill ins(%v : f32) outs(%tensor : tensor<65xf32>) -> tensor<65xf32>
  return %0 : tensor<65xf32>
}

// -----

#rows = affine_map<(i) -> (i)>

// A search along each row.

func.func @search(%weights: memref<?x?xf32>, %y: memref<?xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  linalg.generic {indexing_maps = [#rows], iterator_types = ["parallel"]} outs(%y : memref<?xf32>) {
  ^bb0(%out: f32):
    %row = linalg.index 0 : index
    %sum = scf.for %j = %c0 to %n step %c1 iter_args(%s = %zero) -> f32 {
      %w = memref.load %weights[%row, %j] : memref<?x?xf32>
      %next = arith.addf %s, %w : f32
      scf.yield %next : f32
    }
    linalg.yield %sum : f32
  }
  return
}
