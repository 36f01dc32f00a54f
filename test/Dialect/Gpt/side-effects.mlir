// Ops are pure: CSE, dead code elimination, LICM and inlining work on them, and
// shapes of results resolve to shapes of operands.
// RUN: gpt-opt %s --split-input-file --cse --loop-invariant-code-motion --inline --resolve-ranked-shaped-type-result-dims --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @cse
// CHECK-COUNT-1: gpt.gelu
// CHECK-NOT: gpt.
func.func @cse(%x: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %0 = gpt.gelu %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %1 = gpt.gelu %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %dead = gpt.silu %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0, %1 : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// CHECK-LABEL: func.func @licm
// CHECK: gpt.silu
// CHECK: scf.for
// CHECK-NOT: gpt.silu
// CHECK: gpt.add
func.func @licm(%x: tensor<?x8xf32>, %n: index) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %x) -> tensor<?x8xf32> {
    %0 = gpt.silu %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
    %1 = gpt.add %acc, %0 : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
    scf.yield %1 : tensor<?x8xf32>
  }
  return %r : tensor<?x8xf32>
}

// -----

func.func private @block(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = gpt.gelu %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @inline
// CHECK-NOT: call
// CHECK: gpt.gelu
func.func @inline(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = call @block(%x) : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// -----

// CHECK-LABEL: func.func @shapes
// CHECK-SAME: (%[[IDS:.*]]: tensor<?x?xi64>, %[[T:.*]]: tensor<97x8xf32>, %[[W:.*]]: tensor<24x8xf32>, %[[U:.*]]: tensor<?xf32>)
// CHECK-NOT: gpt.
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C1:.*]] = arith.constant 1 : index
// CHECK-DAG: %[[C8:.*]] = arith.constant 8 : index
// CHECK-DAG: %[[B:.*]] = tensor.dim %[[IDS]], %[[C0]]
// CHECK-DAG: %[[S:.*]] = tensor.dim %[[IDS]], %[[C1]]
// CHECK: return %[[S]], %[[B]], %[[C8]], %[[S]]
func.func @shapes(%ids: tensor<?x?xi64>, %t: tensor<97x8xf32>, %w: tensor<24x8xf32>, %u: tensor<?xf32>) -> (index, index, index, index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %0 = gpt.embedding %t, %ids : (tensor<97x8xf32>, tensor<?x?xi64>) -> tensor<?x?x8xf32>
  %1 = gpt.linear %0, %w : (tensor<?x?x8xf32>, tensor<24x8xf32>) -> tensor<?x?x24xf32>
  %2:3 = gpt.split %1 {num_parts = 3 : i64} : (tensor<?x?x24xf32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>)
  %3 = gpt.rope %2#0 {num_heads = 1 : i64} : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %4 = gpt.attention %3, %2#1, %2#2 {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %5 = gpt.add %4, %0 : (tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %6 = gpt.transpose %5 {permutation = array<i64: 1, 2, 0>} : (tensor<?x?x8xf32>) -> tensor<?x8x?xf32>
  %7 = gpt.matmul %5, %6 : (tensor<?x?x8xf32>, tensor<?x8x?xf32>) -> tensor<?x?x?xf32>
  %d0 = tensor.dim %6, %c0 : tensor<?x8x?xf32>
  %d1 = tensor.dim %6, %c2 : tensor<?x8x?xf32>
  %d2 = tensor.dim %6, %c1 : tensor<?x8x?xf32>
  %8 = gpt.position_ids %5 : (tensor<?x?x8xf32>) -> tensor<?x?xi64>
  %d3 = tensor.dim %8, %c1 : tensor<?x?xi64>
  return %d0, %d1, %d2, %d3 : index, index, index, index
}
