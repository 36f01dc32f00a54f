// RUN: gpt-opt %s --gpt-to-linalg-pipeline=schedule=x86-avx512 \
// RUN:   --gpt-linalg-to-vector-pipeline="fuse-elementwise schedule=x86-avx512" \
// RUN:   --gpt-linalg-to-loops-pipeline="approximate-math threads" | FileCheck %s
// RUN: gpt-opt %s --gpt-to-llvm-pipeline="opt-level=3 schedule=x86-avx512" | FileCheck %s --check-prefix=LLVM

// Nothing is as large as the scores: what a function allocates is the result, or tiles on its stack.
// Sums are carried in registers, and all arithmetic on numbers is that of vectors.

// CHECK-LABEL: func.func @prefill
// CHECK:         memref.alloc({{.+}}) {{.*}} : memref<?x?x4x64xf32>
// CHECK-NOT:     memref.alloc(
// CHECK-LABEL: func.func private @prefill_parallel_body
// CHECK-COUNT-3: memref.alloca() {{.+}} : memref<64x32xf32>
// CHECK-NOT:     memref.alloc
// CHECK-NOT:     = arith.{{(add|sub|mul|div)}}f {{.+}} : f32
// CHECK:         scf.for {{.+}} -> (vector<32xf32>, vector<32xf32>)
// CHECK:           scf.for {{.+}} iter_args(%[[SCORES:.+]] = %{{.+}}) -> (vector<8x32xf32>)
// CHECK:             vector.outerproduct {{.+}}, %[[SCORES]] {{.+}} : vector<8xf32>, vector<32xf32>
// CHECK-NOT:         vector.transfer_write
// CHECK:             scf.yield
// CHECK:           scf.for {{.+}} iter_args(%[[SUMS:.+]] = %{{.+}}) -> (vector<8x32xf32>)
// CHECK:             vector.outerproduct {{.+}}, %[[SUMS]] {{.+}} : vector<8xf32>, vector<32xf32>
// CHECK-NOT:         vector.transfer_write
// CHECK:             scf.yield
// CHECK-NOT:     = arith.{{(add|sub|mul|div)}}f {{.+}} : f32
// CHECK:         return

// LLVM:          llvm.intr.fmuladd({{.+}}) : (vector<32xf32>, vector<32xf32>, vector<32xf32>)
func.func @prefill(%q: tensor<?x?x256xf32>, %k: tensor<?x?x128xf32>, %v: tensor<?x?x128xf32>) -> tensor<?x?x256xf32> {
  %y = gpt.attention %q, %k, %v {causal, num_heads = 4 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x?x256xf32>, tensor<?x?x128xf32>, tensor<?x?x128xf32>) -> tensor<?x?x256xf32>
  return %y : tensor<?x?x256xf32>
}
