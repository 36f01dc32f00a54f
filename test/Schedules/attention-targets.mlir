// Attention by the schedules of other targets than AVX-512, and of one token by all of them: sums as
// many as the registers of the target hold, vectors as wide, and nothing as large as the scores.
// RUN: gpt-opt %s --gpt-to-linalg-pipeline=schedule=x86-avx512 --gpt-linalg-to-vector-pipeline="fuse-elementwise schedule=x86-avx512" --gpt-linalg-to-loops-pipeline="threads schedule=x86-avx512" | FileCheck %s --check-prefixes=CHECK,AVX512 '-D$Q=32' '-D$R=8' '-D$L=16'
// RUN: gpt-opt %s --gpt-to-linalg-pipeline=schedule=x86-avx2 --gpt-linalg-to-vector-pipeline="fuse-elementwise schedule=x86-avx2" --gpt-linalg-to-loops-pipeline="threads schedule=x86-avx2" | FileCheck %s --check-prefixes=CHECK,AVX2 '-D$Q=16' '-D$R=4' '-D$L=8'
// RUN: gpt-opt %s --gpt-to-linalg-pipeline=schedule=aarch64-neon --gpt-linalg-to-vector-pipeline="fuse-elementwise schedule=aarch64-neon" --gpt-linalg-to-loops-pipeline="threads schedule=aarch64-neon" | FileCheck %s --check-prefixes=CHECK,NEON '-D$Q=8' '-D$R=8' '-D$L=4'
// RUN: gpt-opt %s --gpt-to-linalg-pipeline=schedule=generic --gpt-linalg-to-vector-pipeline="fuse-elementwise schedule=generic" --gpt-linalg-to-loops-pipeline="threads schedule=generic" | FileCheck %s --check-prefixes=CHECK,GENERIC '-D$Q=8' '-D$R=4' '-D$L=4'

// Tiles of 64 keys on the stack of a thread; the sums of scores, and of weighted values, in registers.

// CHECK-LABEL: func.func @prefill
// CHECK:         memref.alloc({{.+}}) {{.*}} : memref<?x?x4x64xf32>
// CHECK-NOT:     memref.alloc(
// CHECK-LABEL: func.func private @prefill_parallel_body
// CHECK-COUNT-3: memref.alloca() {{.+}} : memref<64x[[$Q]]xf32>
// CHECK-NOT:     memref.alloc
// CHECK-NOT:     = arith.{{(add|sub|mul|div)}}f {{.+}} : f32
// CHECK:         scf.for {{.+}} iter_args(%[[SCORES:.+]] = %{{.+}}) -> (vector<[[$R]]x[[$Q]]xf32>)
// CHECK:           vector.outerproduct {{.+}}, %[[SCORES]] {{.+}} : vector<[[$R]]xf32>, vector<[[$Q]]xf32>
// CHECK-NOT:       vector.transfer_write
// CHECK:           scf.yield
// CHECK:         math.exp {{.+}} : vector<[[$Q]]xf32>
// CHECK:         scf.for {{.+}} iter_args(%[[SUMS:.+]] = %{{.+}}) -> (vector<[[$R]]x[[$Q]]xf32>)
// CHECK:           vector.outerproduct {{.+}}, %[[SUMS]] {{.+}} : vector<[[$R]]xf32>, vector<[[$Q]]xf32>
// CHECK-NOT:       vector.transfer_write
// CHECK:           scf.yield
// CHECK-NOT:     = arith.{{(add|sub|mul|div)}}f {{.+}} : f32
// CHECK:         return
func.func @prefill(%q: tensor<?x?x256xf32>, %k: tensor<?x?x128xf32>, %v: tensor<?x?x128xf32>) -> tensor<?x?x256xf32> {
  %y = gpt.attention %q, %k, %v {causal, num_heads = 4 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x?x256xf32>, tensor<?x?x128xf32>, tensor<?x?x128xf32>) -> tensor<?x?x256xf32>
  return %y : tensor<?x?x256xf32>
}

// Parts of 256 keys: scores of two query heads that share a key, one sum of products each; weights;
// then values times weights, as many features at a time as sums fit into registers. Last in the text is
// the loop over the parts, before it the one that merges them.

// CHECK-LABEL: func.func private @decode_parallel_body
// CHECK:         memref.alloca() {{.+}} : memref<2x256xf32>
// CHECK-NOT:     memref.alloc
// The queries do not change.
// CHECK:         vector.transfer_read {{.+}} : memref<?x1x256xf32>, vector<[[$L]]xf32>
// CHECK:         scf.for
// CHECK-NOT:       memref<?x1x256xf32>
// CHECK:           vector.transfer_read {{.+}} : memref<?x2x?x64xf32>, vector<[[$L]]xf32>
// CHECK:           arith.mulf {{.+}} : vector<[[$L]]xf32>
// CHECK:           arith.mulf {{.+}} : vector<[[$L]]xf32>
// CHECK-COUNT-2:   vector.reduction <add>, {{.+}} : vector<[[$L]]xf32> into f32
// CHECK-COUNT-2: math.exp {{.+}} : vector<[[$L]]xf32>
// AVX512:        scf.for {{.+}} -> ({{(vector<16xf32>, ){7}(v)}}ector<16xf32>)
// AVX2:          scf.for {{.+}} -> ({{(vector<8xf32>, ){7}(v)}}ector<8xf32>)
// NEON:          scf.for {{.+}} -> ({{(vector<4xf32>, ){15}(v)}}ector<4xf32>)
// GENERIC:       scf.for {{.+}} -> ({{(vector<4xf32>, ){7}(v)}}ector<4xf32>)
// CHECK:           vector.broadcast {{.+}} : f32 to vector<[[$L]]xf32>
// CHECK-NOT:       vector.transfer_write
// CHECK-NOT:       = arith.{{(add|sub|mul|div)}}f {{.+}} : f32
// CHECK:           scf.yield
// AVX512-NOT:    scf.for {{.+}} -> (vector
// AVX2-COUNT-1:  scf.for {{.+}} -> (vector
// AVX2-NOT:      scf.for {{.+}} -> (vector
// NEON-COUNT-1:  scf.for {{.+}} -> (vector
// NEON-NOT:      scf.for {{.+}} -> (vector
// GENERIC-COUNT-3: scf.for {{.+}} -> (vector
// GENERIC-NOT:   scf.for {{.+}} -> (vector
// CHECK:         return
func.func @decode(%q: tensor<?x1x256xf32>, %k: tensor<?x1x128xf32>, %v: tensor<?x1x128xf32>, %ks: tensor<?x2x?x64xf32>, %vs: tensor<?x2x?x64xf32>, %p: tensor<?xi64>) -> (tensor<?x1x256xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32>) {
  %0:3 = gpt.cached_attention %q, %k, %v cache(%ks, %vs) positions(%p) {num_heads = 4 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x1x256xf32>, tensor<?x1x128xf32>, tensor<?x1x128xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?xi64>) -> (tensor<?x1x256xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32>)
  return %0#0, %0#1, %0#2 : tensor<?x1x256xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32>
}
