// RUN: gpt-opt %s -split-input-file -convert-gpt-to-linalg -canonicalize -cse \
// RUN:   | FileCheck %s --implicit-check-not=gpt.

// A reduction of (value, index): a number beats NaN, which it begins as.

// CHECK-LABEL: func.func @argmax(
//  CHECK-SAME:   %[[X:.*]]: tensor<?x?x50xbf16>)
//   CHECK-DAG:   %[[NAN:.*]] = arith.constant 0x7FC00000 : f32
//       CHECK:   %[[VALUES:.*]] = linalg.fill ins(%[[NAN]]
//       CHECK:   %[[INDICES:.*]] = linalg.fill ins(%c0_i64
//       CHECK:   %[[BEST:.*]]:2 = linalg.generic {{.*}}"reduction"]} ins(%[[X]] : {{.*}}) outs(%[[VALUES]], %[[INDICES]] :
//  CHECK-NEXT:   ^bb0(%[[IN:.*]]: bf16, %[[V:.*]]: f32, %[[I:.*]]: i64):
//       CHECK:     %[[NEW:.*]] = arith.extf %[[IN]]
//       CHECK:     %[[GREATER:.*]] = arith.cmpf ugt, %[[NEW]], %[[V]]
//       CHECK:     %[[NUMBER:.*]] = arith.cmpf ord, %[[NEW]], %[[NEW]]
//       CHECK:     %[[WINS:.*]] = arith.andi %[[GREATER]], %[[NUMBER]]
//       CHECK:     %[[EQUAL:.*]] = arith.cmpf oeq, %[[NEW]], %[[V]]
//       CHECK:     %[[EARLIER:.*]] = arith.cmpi slt, %{{.*}}, %[[I]]
//       CHECK:     %[[TIES:.*]] = arith.andi %[[EQUAL]], %[[EARLIER]]
//       CHECK:     %[[TAKES:.*]] = arith.ori %[[WINS]], %[[TIES]]
//       CHECK:     %[[BV:.*]] = arith.select %[[TAKES]], %[[NEW]], %[[V]]
//       CHECK:     %[[BI:.*]] = arith.select %[[TAKES]], %{{.*}}, %[[I]]
//       CHECK:     linalg.yield %[[BV]], %[[BI]]
//       CHECK:   return %[[BEST]]#1
func.func @argmax(%x: tensor<?x?x50xbf16>) -> tensor<?x?xi64> {
  %0 = gpt.argmax %x : (tensor<?x?x50xbf16>) -> tensor<?x?xi64>
  return %0 : tensor<?x?xi64>
}

// -----

// CHECK-LABEL: func.func @argmax_of_vector(
//       CHECK:   linalg.generic {{.*}} iterator_types = ["reduction"]} ins(%arg0 : tensor<50xf32>) outs(%{{.*}}, %{{.*}} : tensor<f32>, tensor<i64>)
func.func @argmax_of_vector(%x: tensor<50xf32>) -> tensor<i64> {
  %0 = gpt.argmax %x : (tensor<50xf32>) -> tensor<i64>
  return %0 : tensor<i64>
}

// -----

// A walk along the cumulative sum of the softmax.

// CHECK-LABEL: func.func @sample(
//  CHECK-SAME:   %[[X:.*]]: tensor<?x?xf32>, %[[U:.*]]: tensor<?xf32>)
//       CHECK:   %[[N:.*]] = tensor.dim %[[X]], %c1
//       CHECK:   %[[WEIGHTS:.*]] = linalg.softmax dimension(1) ins(%[[X]]
//       CHECK:   linalg.generic {{.*}} ins(%[[U]] : tensor<?xf32>) outs(%{{.*}} : tensor<?xi64>) {
//  CHECK-NEXT:   ^bb0(%[[UNIFORM:.*]]: f32, %{{.*}}: i64):
//       CHECK:     %[[ROW:.*]] = linalg.index 0
//       CHECK:     %[[END:.*]]:3 = scf.for %[[I:.*]] = %c0 to %[[N]] step %c1 iter_args(%[[SUM:.*]] = %{{.*}}, %[[CHOICE:.*]] = %c0, %[[FINAL:.*]] = %false)
//       CHECK:       %[[W:.*]] = tensor.extract %[[WEIGHTS]][%[[ROW]], %[[I]]]
//       CHECK:       %[[NEXT:.*]] = arith.addf %[[SUM]], %[[W]]
//       CHECK:       arith.cmpf ogt, %[[NEXT]], %[[UNIFORM]]
//       CHECK:     arith.index_cast %[[END]]#1
func.func @sample(%x: tensor<?x?xf32>, %u: tensor<?xf32>) -> tensor<?xi64> {
  %0 = gpt.sample %x, %u : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?xi64>
  return %0 : tensor<?xi64>
}
