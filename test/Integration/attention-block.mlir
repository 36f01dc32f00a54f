// One attention block through every stage: the IR that docs/Architecture.md shows.
// RUN: gpt-opt %s --gpt-insert-kv-cache=keep-function=false --canonicalize -o %t.gpt.mlir
// RUN: FileCheck %s --check-prefix=GPT --input-file=%t.gpt.mlir
// RUN: gpt-opt %t.gpt.mlir --gpt-to-linalg-pipeline -o %t.linalg.mlir
// RUN: FileCheck %s --check-prefix=LINALG --input-file=%t.linalg.mlir
// RUN: gpt-opt %t.linalg.mlir --gpt-linalg-to-loops-pipeline -o %t.loops.mlir
// RUN: FileCheck %s --check-prefix=LOOPS --input-file=%t.loops.mlir
// RUN: gpt-opt %t.loops.mlir --gpt-loops-to-llvm-pipeline | FileCheck %s --check-prefix=LLVM
// The stages in one pipeline give the same.
// RUN: gpt-opt %t.gpt.mlir --gpt-to-llvm-pipeline | FileCheck %s --check-prefix=LLVM

func.func @forward(%x: tensor<?x?x64xf32> {gpt.name = "x", gpt.dims = ["batch", "seq", ""]}, %norm: tensor<64xf32> {gpt.weight = "norm.weight"}, %w: tensor<192x64xf32> {gpt.weight = "qkv.weight"}) -> (tensor<?x?x64xf32> {gpt.name = "y", gpt.dims = ["batch", "seq", ""]}) {
  %h = gpt.rms_norm %x, %norm {epsilon = 1.0e-5 : f64} : (tensor<?x?x64xf32>, tensor<64xf32>) -> tensor<?x?x64xf32>
  %qkv = gpt.linear %h, %w : (tensor<?x?x64xf32>, tensor<192x64xf32>) -> tensor<?x?x192xf32>
  %q, %k, %v = gpt.split %qkv {num_parts = 3 : i64} : (tensor<?x?x192xf32>) -> (tensor<?x?x64xf32>, tensor<?x?x64xf32>, tensor<?x?x64xf32>)
  %qr = gpt.rope %q {num_heads = 4 : i64} : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %kr = gpt.rope %k {num_heads = 4 : i64} : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %a = gpt.attention %qr, %kr, %v {causal, num_heads = 4 : i64, num_kv_heads = 4 : i64} : (tensor<?x?x64xf32>, tensor<?x?x64xf32>, tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %y = gpt.add %x, %a : (tensor<?x?x64xf32>, tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  return %y : tensor<?x?x64xf32>
}

// GPT-NOT: @forward
// GPT: func.func @prefill(%{{.*}}: tensor<?x?x64xf32>
// GPT: func.func @decode(%[[X:.*]]: tensor<?x1x64xf32>
// GPT-SAME: %[[P:[^ ]*]]: tensor<?xi64> {gpt.dims = ["batch"], gpt.name = "positions", gpt.positions}
// GPT-SAME: %[[KC:[^ ]*]]: tensor<?x4x?x16xf32> {bufferization.writable = true, gpt.cache = "key"
// GPT-SAME: %[[VC:[^ ]*]]: tensor<?x4x?x16xf32> {bufferization.writable = true, gpt.cache = "value"
// GPT: %[[Q:.*]] = gpt.rope %{{.*}} positions(%[[P]])
// GPT: %[[K:.*]] = gpt.rope %{{.*}} positions(%[[P]])
// GPT: %[[R:.*]], %[[UK:.*]], %[[UV:.*]] = gpt.cached_attention %[[Q]], %[[K]], %{{.*}} cache(%[[KC]], %[[VC]]) positions(%[[P]])
// GPT: %[[Y:.*]] = gpt.add %[[X]], %[[R]]
// GPT: return %[[Y]], %[[UK]], %[[UV]]

// LINALG-NOT: gpt.{{[a-z_]+}} %
// LINALG: func.func @decode(
// LINALG: linalg.contract
// LINALG: math.cos
// LINALG: tensor.insert_slice %{{.*}} into %{{.*}} : tensor<4x1x16xf32> into tensor<?x4x?x16xf32>
// LINALG: linalg.contract
// LINALG: linalg.softmax
// LINALG: linalg.contract

// LOOPS-NOT: tensor<
// LOOPS: func.func @decode(%{{.*}}: memref<?x1x64xf32>
// LOOPS-SAME: %[[KC:[^ ]*]]: memref<?x4x?x16xf32> {{{[^}]*}}gpt.cache = "key"
// LOOPS-SAME: ) -> (memref<?x1x64xf32>
// LOOPS: memref.store %{{.*}}, %[[KC]][
// LOOPS-NOT: memref.copy
// LOOPS: math.exp

// LLVM-NOT: memref.
// LLVM: llvm.func @gpt_entry_prefill(%{{.*}}: !llvm.ptr)
// LLVM: llvm.func @gpt_entry_decode(%{{.*}}: !llvm.ptr)
