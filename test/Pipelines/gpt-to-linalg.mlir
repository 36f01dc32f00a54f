// RUN: gpt-opt %s -gpt-to-linalg-pipeline | FileCheck %s --implicit-check-not=gpt.

// The first stage on a graph with a sub-graph: functions stay functions.

// CHECK-LABEL: func.func private @block(
//       CHECK:   linalg.contract
//       CHECK:   return
func.func private @block(%x: tensor<?x?x8xf32>, %w: tensor<8x8xf32>) -> tensor<?x?x8xf32> {
  %0 = gpt.linear %x, %w : (tensor<?x?x8xf32>, tensor<8x8xf32>) -> tensor<?x?x8xf32>
  return %0 : tensor<?x?x8xf32>
}

// CHECK-LABEL: func.func @forward(
//  CHECK-SAME:   %[[X:.*]]: tensor<?x?x8xf32>, %[[W:.*]]: tensor<8x8xf32>, %[[V:.*]]: tensor<8x8xf32>)
//       CHECK:   %[[H:.*]] = call @block(%[[X]], %[[W]])
//       CHECK:   %[[Y:.*]] = call @block(%[[H]], %[[V]])
//       CHECK:   return %[[Y]]
func.func @forward(%x: tensor<?x?x8xf32>, %w: tensor<8x8xf32>, %v: tensor<8x8xf32>) -> tensor<?x?x8xf32> {
  %0 = call @block(%x, %w) : (tensor<?x?x8xf32>, tensor<8x8xf32>) -> tensor<?x?x8xf32>
  %1 = call @block(%0, %v) : (tensor<?x?x8xf32>, tensor<8x8xf32>) -> tensor<?x?x8xf32>
  return %1 : tensor<?x?x8xf32>
}
