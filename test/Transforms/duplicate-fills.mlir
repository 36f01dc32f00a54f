// RUN: gpt-opt %s -gpt-duplicate-fills | FileCheck %s

// Two sums start from one zero: each gets its own. The op that only reads the
// zeros keeps the shared one.

// CHECK-LABEL: func.func @shared(
//       CHECK:   %[[SHARED:.*]] = linalg.fill
//       CHECK:   %[[FIRST:.*]] = linalg.fill
//       CHECK:   linalg.reduce { arith.addf } ins(%arg0 : {{.*}}) outs(%[[FIRST]]
//       CHECK:   %[[SECOND:.*]] = linalg.fill
//       CHECK:   linalg.reduce { arith.addf } ins(%arg1 : {{.*}}) outs(%[[SECOND]]
//       CHECK:   return %{{.*}}, %{{.*}}, %[[SHARED]]
func.func @shared(%x: tensor<2x4xf32>, %y: tensor<2x4xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<2xf32>
  %fill = linalg.fill ins(%zero : f32) outs(%empty : tensor<2xf32>) -> tensor<2xf32>
  %0 = linalg.reduce {arith.addf} ins(%x : tensor<2x4xf32>) outs(%fill : tensor<2xf32>) dimensions = [1]
  %1 = linalg.reduce {arith.addf} ins(%y : tensor<2x4xf32>) outs(%fill : tensor<2xf32>) dimensions = [1]
  return %0, %1, %fill : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
}

// One use, or a fill of what is not new, stays.

// CHECK-LABEL: func.func @untouched(
//       CHECK:   %[[FILL:.*]] = linalg.fill {{.*}} outs(%arg1
//   CHECK-NOT:   linalg.fill
//       CHECK:   return
func.func @untouched(%x: tensor<2x4xf32>, %init: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %zero = arith.constant 0.0 : f32
  %fill = linalg.fill ins(%zero : f32) outs(%init : tensor<2xf32>) -> tensor<2xf32>
  %0 = linalg.reduce {arith.addf} ins(%x : tensor<2x4xf32>) outs(%fill : tensor<2xf32>) dimensions = [1]
  return %0, %fill : tensor<2xf32>, tensor<2xf32>
}
