// RUN: gpt-opt %s --gpt-to-linalg-pipeline=schedule=x86-avx512-bf16 \
// RUN:   --gpt-linalg-to-vector-pipeline="fuse-elementwise schedule=x86-avx512-bf16" \
// RUN:   --gpt-linalg-to-loops-pipeline="approximate-math threads" | FileCheck %s
// RUN: gpt-opt %s --gpt-to-llvm-pipeline="opt-level=3 schedule=x86-avx512-bf16 expand-bf16=false" \
// RUN:   | FileCheck %s --check-prefix=LLVM

// Attention in bf16 where the processor has products of pairs. Nothing is as large as the scores: what a
// tile has on its stack are queries, the sum, scores, weights and values of 64 keys. All arithmetic on
// numbers is that of vectors.

// CHECK-LABEL: func.func @prefill
// CHECK:         memref.alloc({{.+}}) {{.*}} : memref<?x?x4x64xbf16>
// CHECK-NOT:     memref.alloc(
// CHECK-LABEL: func.func private @prefill_parallel_body
// CHECK-DAG:     memref.alloca() {{.+}} : memref<64x32xf32>
// CHECK-DAG:     memref.alloca() {{.+}} : memref<64x32xf32>
// CHECK-DAG:     memref.alloca() {{.+}} : memref<32x64xbf16>
// CHECK-DAG:     memref.alloca() {{.+}} : memref<32x64xbf16>
// CHECK-DAG:     memref.alloca() {{.+}} : memref<32x128xbf16>
// CHECK-NOT:     memref.alloc
// CHECK-NOT:     memref.copy
// CHECK-NOT:     = arith.{{(add|sub|mul|div)}}f {{.+}} : f32
// CHECK:         scf.for {{.+}} iter_args(%[[SCORES:.+]] = %{{.+}}) -> (vector<8x32xf32>)
// CHECK:           vector.contract {{.+}}, %[[SCORES]] : vector<8x2xbf16>, vector<32x2xbf16> into vector<8x32xf32>
// CHECK-NOT:       vector.transfer_write
// CHECK:           scf.yield
// CHECK-NOT:     math.exp
// CHECK:         arith.truncf {{.+}} : vector<32xf32> to vector<32xbf16>
// CHECK:         vector.interleave
// CHECK:         scf.for {{.+}} iter_args(%[[SUMS:.+]] = %{{.+}}) -> (vector<8x32xf32>)
// CHECK:           vector.contract {{.+}}, %[[SUMS]] : vector<8x2xbf16>, vector<32x2xbf16> into vector<8x32xf32>
// CHECK-NOT:       vector.transfer_write
// CHECK:           scf.yield
// CHECK-NOT:     = arith.{{(add|sub|mul|div)}}f {{.+}} : f32
// CHECK:         return

// Eight keys times two registers of queries, one key, the total, eight features of values.
// LLVM-COUNT-36: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
// LLVM-NOT:      llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
func.func @prefill(%q: tensor<?x?x256xbf16>, %k: tensor<?x?x128xbf16>, %v: tensor<?x?x128xbf16>) -> tensor<?x?x256xbf16> {
  %y = gpt.attention %q, %k, %v {causal, num_heads = 4 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x?x256xbf16>, tensor<?x?x128xbf16>, tensor<?x?x128xbf16>) -> tensor<?x?x256xbf16>
  return %y : tensor<?x?x256xbf16>
}
