// RUN: gpt-opt %s -gpt-decompose-aggregates | FileCheck %s

// CHECK-LABEL: func.func @softmax(
//  CHECK-SAME:   %[[X:.*]]: tensor<?x8xf32>, %[[OUT:.*]]: tensor<?x8xf32>)
//   CHECK-NOT:   linalg.softmax
//       CHECK:   %[[MAX:.*]] = linalg.generic {{.*}}"reduction"]} ins(%[[X]]
//       CHECK:     arith.maxnumf
//       CHECK:   %[[EXP:.*]] = linalg.generic {{.*}} ins(%[[X]], %[[MAX]] : {{.*}}) outs(%[[OUT]]
//       CHECK:     math.exp
//       CHECK:   %[[SUM:.*]] = linalg.generic {{.*}}"reduction"]} ins(%[[EXP]]
//       CHECK:   %[[Y:.*]] = linalg.generic {{.*}} ins(%[[EXP]], %[[SUM]] : {{.*}}) outs(%[[OUT]]
//       CHECK:     arith.divf
//   CHECK-NOT:   linalg.softmax
//       CHECK:   return %[[Y]]
func.func @softmax(%x: tensor<?x8xf32>, %out: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = linalg.softmax dimension(1) ins(%x : tensor<?x8xf32>) outs(%out : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// The parts are made of tensors.

// CHECK-LABEL: func.func @memory(
//       CHECK:   linalg.softmax dimension(1) ins(%{{.*}} : memref<2x16xf32>)
func.func @memory(%x: memref<2x16xf32>, %out: memref<2x16xf32>) {
  linalg.softmax dimension(1) ins(%x : memref<2x16xf32>) outs(%out : memref<2x16xf32>)
  return
}
