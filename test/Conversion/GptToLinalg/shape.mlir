// RUN: gpt-opt %s -split-input-file -convert-gpt-to-linalg -canonicalize -cse \
// RUN:   | FileCheck %s --implicit-check-not=gpt.

// CHECK-LABEL: func.func @transpose(
//  CHECK-SAME:   %[[X:.*]]: tensor<2x?x64xf32>)
//       CHECK:   %[[DIM:.*]] = tensor.dim %[[X]], %c1
//       CHECK:   %[[EMPTY:.*]] = tensor.empty(%[[DIM]]) : tensor<2x64x?xf32>
//       CHECK:   linalg.transpose ins(%[[X]] : {{.*}}) outs(%[[EMPTY]] : {{.*}}) permutation = [0, 2, 1]
func.func @transpose(%x: tensor<2x?x64xf32>) -> tensor<2x64x?xf32> {
  %0 = gpt.transpose %x {permutation = array<i64: 0, 2, 1>} : (tensor<2x?x64xf32>) -> tensor<2x64x?xf32>
  return %0 : tensor<2x64x?xf32>
}

// -----

// CHECK-LABEL: func.func @split(
//  CHECK-SAME:   %[[X:.*]]: tensor<?x3x24xf32>)
//       CHECK:   %[[B:.*]] = tensor.dim %[[X]], %c0
//       CHECK:   %[[P0:.*]] = tensor.extract_slice %[[X]][0, 0, 0] [%[[B]], 3, 12]
//       CHECK:   %[[P1:.*]] = tensor.extract_slice %[[X]][0, 0, 12] [%[[B]], 3, 12]
//       CHECK:   return %[[P0]], %[[P1]]
func.func @split(%x: tensor<?x3x24xf32>) -> (tensor<?x3x12xf32>, tensor<?x3x12xf32>) {
  %0, %1 = gpt.split %x {num_parts = 2 : i64} : (tensor<?x3x24xf32>) -> (tensor<?x3x12xf32>, tensor<?x3x12xf32>)
  return %0, %1 : tensor<?x3x12xf32>, tensor<?x3x12xf32>
}

// -----

// CHECK-LABEL: func.func @split_groups(
//  CHECK-SAME:   %[[X:.*]]: tensor<5x24xf32>)
//       CHECK:   %[[SEEN:.*]] = tensor.expand_shape %[[X]] {{\[\[}}0], [1, 2, 3]] {{.*}} into tensor<5x4x3x2xf32>
//       CHECK:   %[[PART:.*]] = tensor.extract_slice %[[SEEN]][0, 0, 2, 0] [5, 4, 1, 2] {{.*}} to tensor<5x4x1x2xf32>
//       CHECK:   %[[FLAT:.*]] = tensor.collapse_shape %[[PART]] {{\[\[}}0], [1, 2, 3]]
//       CHECK:   return %[[FLAT]]
func.func @split_groups(%x: tensor<5x24xf32>) -> tensor<5x8xf32> {
  %0, %1, %2 = gpt.split %x {num_parts = 3 : i64, num_groups = 4 : i64} : (tensor<5x24xf32>) -> (tensor<5x8xf32>, tensor<5x8xf32>, tensor<5x8xf32>)
  return %2 : tensor<5x8xf32>
}

// -----

// CHECK-LABEL: func.func @last_token_static(
//       CHECK:   tensor.extract_slice %arg0[0, 2, 0] [%{{.*}}, 1, 4]
func.func @last_token_static(%x: tensor<?x3x4xf32>) -> tensor<?x1x4xf32> {
  %0 = gpt.last_token %x : (tensor<?x3x4xf32>) -> tensor<?x1x4xf32>
  return %0 : tensor<?x1x4xf32>
}

// -----

// An empty sequence is not read.

// CHECK-LABEL: func.func @last_token_dynamic(
//  CHECK-SAME:   %[[X:.*]]: tensor<2x?x4xf32>)
//   CHECK-DAG:   %[[LENGTH:.*]] = tensor.dim %[[X]], %[[ONE:.*]] : tensor
//   CHECK-DAG:   %[[ZEROS:.*]] = linalg.fill ins(%cst : f32)
//       CHECK:   %[[COUNT:.*]] = arith.minsi %[[LENGTH]], %[[ONE]]
//       CHECK:   %[[LAST:.*]] = arith.subi %[[LENGTH]], %[[COUNT]]
//       CHECK:   %[[TOKEN:.*]] = tensor.extract_slice %[[X]][0, %[[LAST]], 0] [2, %[[COUNT]], 4] [1, 1, 1]
//       CHECK:   tensor.insert_slice %[[TOKEN]] into %[[ZEROS]][0, 0, 0] [2, %[[COUNT]], 4] [1, 1, 1]
func.func @last_token_dynamic(%x: tensor<2x?x4xf32>) -> tensor<2x1x4xf32> {
  %0 = gpt.last_token %x : (tensor<2x?x4xf32>) -> tensor<2x1x4xf32>
  return %0 : tensor<2x1x4xf32>
}

// -----

// CHECK-LABEL: func.func @last_token_of_ids(
//       CHECK:   %[[NONE:.*]] = arith.constant 0 : i32
//       CHECK:   linalg.fill ins(%[[NONE]] : i32)
func.func @last_token_of_ids(%ids: tensor<2x?xi32>) -> tensor<2x1xi32> {
  %0 = gpt.last_token %ids : (tensor<2x?xi32>) -> tensor<2x1xi32>
  return %0 : tensor<2x1xi32>
}

// -----

// A slice of no elements: upstream has no valid offset into a dimension of 0.

// CHECK-LABEL: func.func @split_nothing
// CHECK-NOT:     extract_slice
// CHECK:         return %{{.*}}, %{{.*}} : tensor<2x0x4xf32>, tensor<2x0x4xf32>
func.func @split_nothing(%x: tensor<2x0x8xf32>) -> (tensor<2x0x4xf32>, tensor<2x0x4xf32>) {
  %0, %1 = gpt.split %x {num_parts = 2 : i64} : (tensor<2x0x8xf32>) -> (tensor<2x0x4xf32>, tensor<2x0x4xf32>)
  return %0, %1 : tensor<2x0x4xf32>, tensor<2x0x4xf32>
}
