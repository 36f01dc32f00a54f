// Which arguments are sequences, and what the signature says about them.
// RUN: gpt-opt %s --gpt-insert-kv-cache --split-input-file | FileCheck %s

!x = tensor<?x?x8xf32>

// Two sequences under names of their own; without 'seq' in gpt.dims dimension 1
// of every input is one. A rank 1 input and a weight are not.

// CHECK-LABEL: func.func @prefill
// CHECK-SAME: (%[[IDS:[^:]*]]: tensor<?x?xi32> {gpt.dims = ["users", "tokens"], gpt.name = "ids"}
// CHECK-SAME: %[[T:[^:]*]]: tensor<?x?xi64> {gpt.dims = ["users", "tokens"], gpt.name = "types"}
// CHECK-SAME: %[[S:[^:]*]]: tensor<8xf32> {gpt.name = "shift"}
// CHECK-SAME: tensor<50x8xf32> {gpt.weight = "wte"}
// CHECK-SAME: tensor<?xi64> {gpt.dims = ["users"], gpt.name = "positions", gpt.positions}
// CHECK-SAME: tensor<?x1x?x8xf32> {{{[^}]*}}gpt.dims = ["users", "", "capacity", ""]
// CHECK-LABEL: func.func @decode
// CHECK-SAME: tensor<?x1xi32> {gpt.dims = ["users", ""], gpt.name = "ids"}
// CHECK-SAME: tensor<?x1xi64> {gpt.dims = ["users", ""], gpt.name = "types"}
// CHECK: gpt.add {{.*}} : (tensor<?x1x8xf32>, tensor<8xf32>) -> tensor<?x1x8xf32>
func.func @forward(
    %ids: tensor<?x?xi32> {gpt.name = "ids", gpt.dims = ["users", "tokens"]},
    %types: tensor<?x?xi64> {gpt.name = "types", gpt.dims = ["", ""]},
    %shift: tensor<8xf32> {gpt.name = "shift"},
    %wte: tensor<50x8xf32> {gpt.weight = "wte"}) -> !x {
  %0 = gpt.embedding %wte, %ids : (tensor<50x8xf32>, tensor<?x?xi32>) -> !x
  %1 = gpt.embedding %wte, %types : (tensor<50x8xf32>, tensor<?x?xi64>) -> !x
  %2 = gpt.add %0, %1 : (!x, !x) -> !x
  %3 = gpt.add %2, %shift : (!x, tensor<8xf32>) -> !x
  %4 = gpt.attention %3, %3, %3 {causal, num_heads = 1 : i64, num_kv_heads = 1 : i64} : (!x, !x, !x) -> !x
  return %4 : !x
}

// -----

!x = tensor<?x?x8xf32>

// With 'seq' in gpt.dims, the other inputs are the same at every position, and
// ops of any dialect may work on them. The batch of the sequence may be read.

// CHECK-LABEL: func.func @decode
// CHECK-SAME: (%[[X:[^:]*]]: tensor<?x1x8xf32> {gpt.dims = ["batch", "", ""]}
// CHECK-SAME: %[[C:[^:]*]]: tensor<?x8xf32>, %[[ROW:[^:]*]]: index
// CHECK: %[[E:.*]] = tensor.expand_shape %[[C]]
// CHECK: %[[B:.*]] = tensor.dim %[[X]], %{{.*}} : tensor<?x1x8xf32>
// CHECK: scf.if
// CHECK: gpt.add %[[X]], %[[E]] : (tensor<?x1x8xf32>, tensor<?x1x8xf32>) -> tensor<?x1x8xf32>
// CHECK: %[[D:.*]] = tensor.cast %{{.*}} : tensor<?x1x8xf32> to tensor<4x1x8xf32>
// CHECK: return %[[D]], %{{.*}}, %[[B]]
func.func @forward(
    %x: !x {gpt.dims = ["batch", "seq", ""]}, %c: tensor<?x8xf32>, %row: index)
    -> (tensor<4x?x8xf32>, f32, index) {
  %c0 = arith.constant 0 : index
  %e = tensor.expand_shape %c [[0, 1], [2]] output_shape [%row, 1, 8] : tensor<?x8xf32> into tensor<?x1x8xf32>
  %b = tensor.dim %x, %c0 : !x
  %is0 = arith.cmpi eq, %b, %c0 : index
  %f = scf.if %is0 -> f32 {
    %0 = tensor.extract %c[%row, %c0] : tensor<?x8xf32>
    scf.yield %0 : f32
  } else {
    %0 = arith.constant 0.0 : f32
    scf.yield %0 : f32
  }
  %y = gpt.add %x, %e : (!x, tensor<?x1x8xf32>) -> !x
  %z = gpt.attention %y, %y, %y {causal, num_heads = 1 : i64, num_kv_heads = 1 : i64} : (!x, !x, !x) -> !x
  %d = tensor.cast %z : !x to tensor<4x?x8xf32>
  return %d, %f, %b : tensor<4x?x8xf32>, f32, index
}

// -----

!x = tensor<?x?x8xf32>

// Ids are reduced to the last position too. A transposed sequence is followed;
// such a result keeps every position, as do element types that gpt.last_token
// does not take.

// CHECK-LABEL: func.func @prefill
// CHECK-SAME: -> (tensor<?x1xi64>, tensor<?x8x?xf32>, tensor<?x?xi8>,
// CHECK-LABEL: func.func @decode
// CHECK-SAME: -> (tensor<?x1xi64>, tensor<?x8x1xf32>, tensor<?x1xi8>,
// CHECK: gpt.sample {{.*}} : (tensor<?x1x8xf32>, tensor<?x1xf32>) -> tensor<?x1xi64>
// CHECK: gpt.transpose {{.*}} -> tensor<?x8x1xf32>
func.func @forward(%x: !x, %u: tensor<?x?xf32>, %i: tensor<?x?xi8>)
    -> (tensor<?x?xi64>, tensor<?x8x?xf32>, tensor<?x?xi8>) {
  %0 = gpt.attention %x, %x, %x {causal, num_heads = 1 : i64, num_kv_heads = 1 : i64} : (!x, !x, !x) -> !x
  %1 = gpt.sample %0, %u : (!x, tensor<?x?xf32>) -> tensor<?x?xi64>
  %2 = gpt.transpose %0 {permutation = array<i64: 0, 2, 1>} : (!x) -> tensor<?x8x?xf32>
  return %1, %2, %i : tensor<?x?xi64>, tensor<?x8x?xf32>, tensor<?x?xi8>
}
