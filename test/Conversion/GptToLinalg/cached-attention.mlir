// RUN: gpt-opt %s -split-input-file -convert-gpt-to-linalg -canonicalize -cse \
// RUN:   | FileCheck %s --implicit-check-not=gpt.

// A loop over the sequences; the caches change only through a slice.

// CHECK-LABEL: func.func @dynamic(
//  CHECK-SAME:   %[[Q:.*]]: tensor<?x?x64xf32>, %[[K:[^:]*]]: tensor<?x?x32xf32>, %[[V:[^:]*]]: tensor<?x?x32xf32>,
//  CHECK-SAME:   %[[KC:[^:]*]]: tensor<?x2x?x16xf32>, %[[VC:[^:]*]]: tensor<?x2x?x16xf32>, %[[POS:.*]]: tensor<?xi64>)
//   CHECK-DAG:   %[[BATCH:.*]] = tensor.dim %[[Q]], %c0
//   CHECK-DAG:   %[[SEQ:.*]] = tensor.dim %[[Q]], %c1
//   CHECK-DAG:   %[[CAPACITY:.*]] = tensor.dim %[[KC]], %c2
//       CHECK:   %[[FITS:.*]] = arith.cmpi sle, %[[SEQ]], %[[CAPACITY]]
//       CHECK:   %[[COUNT:.*]] = arith.select %[[FITS]], %[[BATCH]], %c0
//       CHECK:   %[[LOOP:.*]]:3 = scf.for %[[B:.*]] = %c0 to %[[COUNT]] step %c1
//  CHECK-SAME:     iter_args(%[[KEYS:.*]] = %[[KC]], %[[VALUES:.*]] = %[[VC]], %[[RESULT:.*]] = %{{.*}})
//       CHECK:     %[[GIVEN:.*]] = tensor.extract %[[POS]][%[[B]]]
//       CHECK:     %[[INDEX:.*]] = arith.index_cast %[[GIVEN]]
//       CHECK:     %[[LAST:.*]] = arith.subi %[[CAPACITY]], %[[SEQ]]
//       CHECK:     %[[LOW:.*]] = arith.maxsi %[[INDEX]], %c0
//       CHECK:     %[[P:.*]] = arith.minsi %[[LOW]], %[[LAST]]
//       CHECK:     %[[ROWS:.*]] = tensor.extract_slice %[[KEYS]][%[[B]], 0, %[[P]], 0] [1, 2, %[[SEQ]], 16]
//       CHECK:     %[[MOVED:.*]] = linalg.transpose ins(%{{.*}} : tensor<?x2x16xf32>) outs(%[[ROWS]] : tensor<2x?x16xf32>) permutation = [1, 0, 2]
//       CHECK:     %[[NEWKEYS:.*]] = tensor.insert_slice %[[MOVED]] into %[[KEYS]][%[[B]], 0, %[[P]], 0] [1, 2, %[[SEQ]], 16]
//       CHECK:     %[[NEWVALUES:.*]] = tensor.insert_slice %{{.*}} into %[[VALUES]][%[[B]], 0, %[[P]], 0] [1, 2, %[[SEQ]], 16]
//       CHECK:     %[[LENGTH:.*]] = arith.addi %[[P]], %[[SEQ]]
//       CHECK:     %[[SEENKEYS:.*]] = tensor.extract_slice %[[NEWKEYS]][%[[B]], 0, 0, 0] [1, 2, %[[LENGTH]], 16]
//       CHECK:     %[[SEENVALUES:.*]] = tensor.extract_slice %[[NEWVALUES]][%[[B]], 0, 0, 0] [1, 2, %[[LENGTH]], 16]
//       CHECK:     %[[QB:.*]] = tensor.extract_slice %{{.*}}[%[[B]], 0, 0, 0, 0]
//       CHECK:     %[[YB:.*]] = tensor.extract_slice %[[RESULT]][%[[B]], 0, 0, 0, 0]
//       CHECK:     linalg.contract {{.*}} ins(%[[QB]], %[[SEENKEYS]] :
//       CHECK:     linalg.generic
//       CHECK:       arith.addi %[[P]],
//       CHECK:     %[[WEIGHTS:.*]] = linalg.softmax dimension(3)
//       CHECK:     %[[ZERO:.*]] = linalg.fill ins(%{{.*}}) outs(%[[YB]]
//       CHECK:     %[[ATTENDED:.*]] = linalg.contract {{.*}} ins(%[[WEIGHTS]], %[[SEENVALUES]] : {{.*}}) outs(%[[ZERO]]
//       CHECK:     %[[NEXT:.*]] = tensor.insert_slice %[[ATTENDED]] into %[[RESULT]][%[[B]], 0, 0, 0, 0]
//       CHECK:     scf.yield %[[NEWKEYS]], %[[NEWVALUES]], %[[NEXT]]
//       CHECK:   %[[Y:.*]] = tensor.collapse_shape %[[LOOP]]#2
//       CHECK:   return %[[Y]], %[[LOOP]]#0, %[[LOOP]]#1
func.func @dynamic(%q: tensor<?x?x64xf32>, %k: tensor<?x?x32xf32>, %v: tensor<?x?x32xf32>, %kc: tensor<?x2x?x16xf32>, %vc: tensor<?x2x?x16xf32>, %p: tensor<?xi64>) -> (tensor<?x?x64xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>) {
  %y, %k1, %v1 = gpt.cached_attention %q, %k, %v cache(%kc, %vc) positions(%p) {num_heads = 4 : i64, num_kv_heads = 2 : i64}
    : (tensor<?x?x64xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>, tensor<?xi64>) -> (tensor<?x?x64xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>)
  return %y, %k1, %v1 : tensor<?x?x64xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>
}

// -----

// One sequence, one token, everything static: the loop is gone. The cache has a
// type of its own.

// CHECK-LABEL: func.func @static_narrow_cache(
//   CHECK-NOT:   scf.for
//       CHECK:   %[[ROW:.*]] = tensor.extract_slice %arg3[0, 0, %[[P:.*]], 0] [1, 2, 1, 16] {{.*}} : tensor<1x2x32x16xbf16> to tensor<2x1x16xbf16>
//       CHECK:   %[[ROUNDED:.*]] = linalg.generic {{.*}} outs(%[[ROW]] : tensor<2x1x16xbf16>)
//       CHECK:     arith.truncf %{{.*}} : f32 to bf16
//       CHECK:   tensor.insert_slice %[[ROUNDED]] into %arg3[0, 0, %[[P]], 0]
//       CHECK:   linalg.contract {{.*}} tensor<1x2x2x16xf32>, tensor<2x?x16xbf16>) outs(%{{.*}} : tensor<2x2x1x?xf32>)
func.func @static_narrow_cache(%q: tensor<1x1x64xf32>, %k: tensor<1x1x32xf32>, %v: tensor<1x1x32xf32>, %kc: tensor<1x2x32x16xbf16>, %vc: tensor<1x2x32x16xbf16>, %p: tensor<1xi64>) -> (tensor<1x1x64xf32>, tensor<1x2x32x16xbf16>, tensor<1x2x32x16xbf16>) {
  %y, %k1, %v1 = gpt.cached_attention %q, %k, %v cache(%kc, %vc) positions(%p) {num_heads = 4 : i64, num_kv_heads = 2 : i64}
    : (tensor<1x1x64xf32>, tensor<1x1x32xf32>, tensor<1x1x32xf32>, tensor<1x2x32x16xbf16>, tensor<1x2x32x16xbf16>, tensor<1xi64>) -> (tensor<1x1x64xf32>, tensor<1x2x32x16xbf16>, tensor<1x2x32x16xbf16>)
  return %y, %k1, %v1 : tensor<1x1x64xf32>, tensor<1x2x32x16xbf16>, tensor<1x2x32x16xbf16>
}

// -----

// One of the three knows that no token is new: a slice of any length out of its
// keys is refused by tensor.extract_slice.

// CHECK-LABEL: func.func @no_new_keys(
//   CHECK-NOT:   tensor<?x2x16xf32>
//       CHECK:   tensor.extract_slice %{{.*}} [1, 2, %{{.*}}, 16] {{.*}} : tensor<1x2x32x16xf32> to tensor<2x?x16xf32>
func.func @no_new_keys(%q: tensor<1x?x64xf32>, %k: tensor<1x0x32xf32>, %v: tensor<1x?x32xf32>, %kc: tensor<1x2x32x16xf32>, %vc: tensor<1x2x32x16xf32>, %p: tensor<1xi64>) -> (tensor<1x?x64xf32>, tensor<1x2x32x16xf32>, tensor<1x2x32x16xf32>) {
  %y, %k1, %v1 = gpt.cached_attention %q, %k, %v cache(%kc, %vc) positions(%p) {num_heads = 4 : i64, num_kv_heads = 2 : i64}
    : (tensor<1x?x64xf32>, tensor<1x0x32xf32>, tensor<1x?x32xf32>, tensor<1x2x32x16xf32>, tensor<1x2x32x16xf32>, tensor<1xi64>) -> (tensor<1x?x64xf32>, tensor<1x2x32x16xf32>, tensor<1x2x32x16xf32>)
  return %y, %k1, %v1 : tensor<1x?x64xf32>, tensor<1x2x32x16xf32>, tensor<1x2x32x16xf32>
}
