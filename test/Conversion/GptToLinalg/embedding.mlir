// RUN: gpt-opt %s -split-input-file -convert-gpt-to-linalg -canonicalize -cse \
// RUN:   | FileCheck %s --implicit-check-not=gpt.

// Ids are clamped: no id reads outside the table.

// CHECK-LABEL: func.func @embedding(
//  CHECK-SAME:   %[[TABLE:.*]]: tensor<100x8xbf16>, %[[IDS:.*]]: tensor<?x?xi64>)
//       CHECK:   linalg.generic {{.*}} ins(%[[IDS]] : tensor<?x?xi64>) outs(%{{.*}} : tensor<?x?x8xbf16>)
//       CHECK:     %[[ID:.*]] = arith.index_cast %{{.*}} : i64 to index
//  CHECK-NEXT:     %[[LOW:.*]] = arith.minsi %[[ID]], %c99
//  CHECK-NEXT:     %[[ROW:.*]] = arith.maxsi %[[LOW]], %c0
//  CHECK-NEXT:     %[[D:.*]] = linalg.index 2
//  CHECK-NEXT:     %[[E:.*]] = tensor.extract %[[TABLE]][%[[ROW]], %[[D]]]
//  CHECK-NEXT:     linalg.yield %[[E]]
func.func @embedding(%t: tensor<100x8xbf16>, %ids: tensor<?x?xi64>) -> tensor<?x?x8xbf16> {
  %0 = gpt.embedding %t, %ids : (tensor<100x8xbf16>, tensor<?x?xi64>) -> tensor<?x?x8xbf16>
  return %0 : tensor<?x?x8xbf16>
}

// -----

// CHECK-LABEL: func.func @dynamic_table(
//  CHECK-SAME:   %[[TABLE:.*]]: tensor<?x?xf32>, %[[IDS:.*]]: tensor<4xi32>)
//       CHECK:   %[[ROWS:.*]] = tensor.dim %[[TABLE]], %c0
//       CHECK:   %[[LAST:.*]] = arith.subi %[[ROWS]], %c1
//       CHECK:     arith.index_cast %{{.*}} : i32 to index
//       CHECK:     arith.minsi %{{.*}}, %[[LAST]]
func.func @dynamic_table(%t: tensor<?x?xf32>, %ids: tensor<4xi32>) -> tensor<4x?xf32> {
  %0 = gpt.embedding %t, %ids : (tensor<?x?xf32>, tensor<4xi32>) -> tensor<4x?xf32>
  return %0 : tensor<4x?xf32>
}

// -----

// CHECK-LABEL: func.func @position_ids(
//       CHECK:   linalg.generic
//       CHECK:     %[[S:.*]] = linalg.index 1
//  CHECK-NEXT:     %[[P:.*]] = arith.index_cast %[[S]] : index to i64
//  CHECK-NEXT:     linalg.yield %[[P]]
func.func @position_ids(%ids: tensor<?x?xi64>) -> tensor<?x?xi64> {
  %0 = gpt.position_ids %ids : (tensor<?x?xi64>) -> tensor<?x?xi64>
  return %0 : tensor<?x?xi64>
}

// -----

// CHECK-LABEL: func.func @position_ids_from(
//  CHECK-SAME:   %{{.*}}: tensor<2x1x8xf32>, %[[P:.*]]: tensor<2xi64>)
//       CHECK:   linalg.generic {{.*}} ins(%[[P]] : tensor<2xi64>) outs(%{{.*}} : tensor<2x1xi64>)
//       CHECK:     linalg.yield
func.func @position_ids_from(%x: tensor<2x1x8xf32>, %p: tensor<2xi64>) -> tensor<2x1xi64> {
  %0 = gpt.position_ids %x positions(%p) : (tensor<2x1x8xf32>, tensor<2xi64>) -> tensor<2x1xi64>
  return %0 : tensor<2x1xi64>
}
