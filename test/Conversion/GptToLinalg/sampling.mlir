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

// A walk along the sums of blocks of the softmax, then along the elements of one block, or of all that is
// left behind the last one of non-zero sum.

// CHECK-LABEL: func.func @sample(
//  CHECK-SAME:   %[[X:.*]]: tensor<?x?xf32>, %[[U:.*]]: tensor<?xf32>)
//       CHECK:   %[[ROWS:.*]] = tensor.dim %[[X]], %c0
//       CHECK:   %[[N:.*]] = tensor.dim %[[X]], %c1
//       CHECK:   %[[WEIGHTS:.*]] = linalg.softmax dimension(1) ins(%[[X]]
//   CHECK-DAG:   %[[WHOLE:.*]] = affine.apply #{{.*}}()[%[[N]]]
//   CHECK-DAG:   %[[BLOCKS:.*]] = affine.apply #{{.*}}()[%[[N]]]
//       CHECK:   %[[SLICE:.*]] = tensor.extract_slice %[[WEIGHTS]][0, 0] [%[[ROWS]], %[[WHOLE]]] [1, 1]
//       CHECK:   %[[ELEMENTS:.*]] = tensor.expand_shape %[[SLICE]] {{\[\[}}0], [1, 2]] output_shape [%[[ROWS]], %[[BLOCKS]], 256]
//       CHECK:   %[[SUMS:.*]] = linalg.generic {{.*}}"reduction"]} ins(%[[ELEMENTS]] :
//       CHECK:   linalg.generic {{.*}} ins(%[[U]] : tensor<?xf32>) outs(%{{.*}} : tensor<?xi64>) {
//  CHECK-NEXT:   ^bb0(%[[UNIFORM:.*]]: f32, %{{.*}}: i64):
//       CHECK:     %[[ROW:.*]] = linalg.index 0
//       CHECK:     %[[BLOCK:.*]]:4 = scf.for %[[I:.*]] = %c0 to %[[BLOCKS]] step %c1 iter_args(%[[SUM:.*]] = %cst, %[[CHOICE:.*]] = %c0, %[[BEFORE:.*]] = %cst, %[[FINAL:.*]] = %false)
//       CHECK:       %[[W:.*]] = tensor.extract %[[SUMS]][%[[ROW]], %[[I]]]
//       CHECK:       %[[NEXT:.*]] = arith.addf %[[SUM]], %[[W]]
//       CHECK:       arith.select %[[TAKEN:.*]], %[[I]], %[[CHOICE]]
//       CHECK:       arith.select %[[TAKEN]], %[[SUM]], %[[BEFORE]]
//       CHECK:       arith.cmpf ogt, %[[NEXT]], %[[UNIFORM]]
//       CHECK:     %[[BEGIN:.*]] = arith.muli %[[BLOCK]]#1, %c256
//       CHECK:     %[[AFTER:.*]] = arith.addi %[[BEGIN]], %c256
//       CHECK:     %[[END:.*]] = arith.select %[[BLOCK]]#3, %[[AFTER]], %[[N]]
//       CHECK:     %[[FOUND:.*]]:4 = scf.for %[[J:.*]] = %[[BEGIN]] to %[[END]] step %c1 iter_args(%{{.*}} = %[[BLOCK]]#2, %{{.*}} = %c0, %{{.*}} = %[[BLOCK]]#2, %{{.*}} = %false)
//       CHECK:       tensor.extract %[[WEIGHTS]][%[[ROW]], %[[J]]]
//       CHECK:     arith.index_cast %[[FOUND]]#1
func.func @sample(%x: tensor<?x?xf32>, %u: tensor<?xf32>) -> tensor<?xi64> {
  %0 = gpt.sample %x, %u : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?xi64>
  return %0 : tensor<?xi64>
}

// -----

// Less than a block.

// CHECK-LABEL: func.func @sample_of_few(
//       CHECK:   linalg.softmax
//   CHECK-NOT:   "reduction"
// CHECK-COUNT-1: scf.for
//   CHECK-NOT:   scf.for
func.func @sample_of_few(%x: tensor<?x65xf32>, %u: tensor<?xf32>) -> tensor<?xi64> {
  %0 = gpt.sample %x, %u : (tensor<?x65xf32>, tensor<?xf32>) -> tensor<?xi64>
  return %0 : tensor<?xi64>
}
