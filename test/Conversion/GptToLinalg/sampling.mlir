// RUN: gpt-opt %s -split-input-file -convert-gpt-to-linalg -canonicalize -cse \
// RUN:   | FileCheck %s --implicit-check-not=gpt.

// The maximum, then the least index at which it is. A row of NaN has index 0.

// CHECK-LABEL: func.func @argmax(
//  CHECK-SAME:   %[[X:.*]]: tensor<?x?x50xbf16>)
//   CHECK-DAG:   %[[LOWEST:.*]] = arith.constant 0xFF800000 : f32
//   CHECK-DAG:   %[[NONE:.*]] = arith.constant 9223372036854775807 : i64
//       CHECK:   %[[VALUES:.*]] = linalg.fill ins(%[[LOWEST]]
//       CHECK:   %[[MAXIMA:.*]] = linalg.generic {{.*}}"reduction"]} ins(%[[X]] : {{.*}}) outs(%[[VALUES]] :
//  CHECK-NEXT:   ^bb0(%[[IN:.*]]: bf16, %[[BEST:.*]]: f32):
//       CHECK:     %[[NEW:.*]] = arith.extf %[[IN]]
//       CHECK:     arith.maxnumf %[[BEST]], %[[NEW]]
//       CHECK:   %[[INDICES:.*]] = linalg.fill ins(%[[NONE]]
//       CHECK:   %[[FIRST:.*]] = linalg.generic {{.*}}"reduction"]} ins(%[[X]], %[[MAXIMA]] : {{.*}}) outs(%[[INDICES]] :
//  CHECK-NEXT:   ^bb0(%[[IN:.*]]: bf16, %[[MAXIMUM:.*]]: f32, %[[LEAST:.*]]: i64):
//   CHECK-DAG:     %[[VALUE:.*]] = arith.extf %[[IN]]
//   CHECK-DAG:     %[[I:.*]] = linalg.index 2
//   CHECK-DAG:     %[[INDEX:.*]] = arith.index_cast %[[I]] : index to i64
//       CHECK:     %[[IS:.*]] = arith.cmpf oeq, %[[VALUE]], %[[MAXIMUM]]
//       CHECK:     %[[CANDIDATE:.*]] = arith.select %[[IS]], %[[INDEX]], %[[NONE]]
//       CHECK:     arith.minsi %[[LEAST]], %[[CANDIDATE]]
//       CHECK:   linalg.generic {{.*}} ins(%[[FIRST]] :
//       CHECK:     %[[NOWHERE:.*]] = arith.cmpi eq, %{{.*}}, %[[NONE]]
//       CHECK:     arith.select %[[NOWHERE]], %c0_i64
func.func @argmax(%x: tensor<?x?x50xbf16>) -> tensor<?x?xi64> {
  %0 = gpt.argmax %x : (tensor<?x?x50xbf16>) -> tensor<?x?xi64>
  return %0 : tensor<?x?xi64>
}

// -----

// CHECK-LABEL: func.func @argmax_of_vector(
//       CHECK:   linalg.generic {{.*}} iterator_types = ["reduction"]} ins(%arg0 : tensor<50xf32>) outs(%{{.*}} : tensor<f32>)
//       CHECK:   linalg.generic {{.*}} iterator_types = ["reduction"]} ins(%arg0, %{{.*}} : tensor<50xf32>, tensor<f32>) outs(%{{.*}} : tensor<i64>)
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
