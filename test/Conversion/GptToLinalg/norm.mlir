// RUN: gpt-opt %s -split-input-file -convert-gpt-to-linalg -canonicalize -cse \
// RUN:   | FileCheck %s --implicit-check-not=gpt.

// Statistics are f32 reductions; the variance is taken around the mean.

// CHECK-DAG: #[[$ROW:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-DAG: #[[$COLUMN:.*]] = affine_map<(d0, d1, d2) -> (d2)>
// CHECK-LABEL: func.func @layer_norm(
//  CHECK-SAME:   %[[X:.*]]: tensor<?x?x8xf32>, %[[W:.*]]: tensor<8xbf16>, %[[B:.*]]: tensor<8xf32>)
//   CHECK-DAG:   %[[COUNT:.*]] = arith.constant 8.000000e+00 : f32
//   CHECK-DAG:   %[[EPSILON:.*]] = arith.constant 9.99999974E-6 : f32
//       CHECK:   %[[SUMS:.*]] = linalg.generic {{.*}}"reduction"]} ins(%[[X]] :
//       CHECK:     arith.addf
//       CHECK:   %[[MEANS:.*]] = linalg.generic {{.*}} outs(%[[SUMS]] :
//       CHECK:     arith.divf %{{.*}}, %[[COUNT]]
//       CHECK:   %[[SQUARES:.*]] = linalg.generic {{.*}}"reduction"]} ins(%[[X]], %[[MEANS]] :
//       CHECK:     %[[C:.*]] = arith.subf
//  CHECK-NEXT:     arith.mulf %[[C]], %[[C]]
//       CHECK:   %[[INVERSE:.*]] = linalg.generic {{.*}} outs(%[[SQUARES]] :
//       CHECK:     arith.divf %{{.*}}, %[[COUNT]]
//       CHECK:     arith.addf %{{.*}}, %[[EPSILON]]
//       CHECK:     math.rsqrt
//       CHECK:   %[[Y:.*]] = linalg.generic {indexing_maps = [#{{.*}}, #[[$ROW]], #[[$ROW]], #[[$COLUMN]], #[[$COLUMN]], #{{.*}}]
//  CHECK-SAME:     ins(%[[X]], %[[MEANS]], %[[INVERSE]], %[[W]], %[[B]] :
//       CHECK:   return %[[Y]]
func.func @layer_norm(%x: tensor<?x?x8xf32>, %w: tensor<8xbf16>, %b: tensor<8xf32>) -> tensor<?x?x8xf32> {
  %y = gpt.layer_norm %x, %w bias(%b) {epsilon = 1.0e-5 : f64} : (tensor<?x?x8xf32>, tensor<8xbf16>, tensor<8xf32>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

// The number of features is not known before run time.

// CHECK-LABEL: func.func @layer_norm_dynamic_features(
//       CHECK:   %[[DIM:.*]] = tensor.dim %arg0, %c1
//       CHECK:   %[[INT:.*]] = arith.index_cast %[[DIM]] : index to i64
//       CHECK:   %[[COUNT:.*]] = arith.sitofp %[[INT]] : i64 to f32
//       CHECK:     arith.divf %{{.*}}, %[[COUNT]]
func.func @layer_norm_dynamic_features(%x: tensor<2x?xf32>, %w: tensor<?xf32>) -> tensor<2x?xf32> {
  %y = gpt.layer_norm %x, %w {epsilon = 1.0e-5 : f64} : (tensor<2x?xf32>, tensor<?xf32>) -> tensor<2x?xf32>
  return %y : tensor<2x?xf32>
}

// -----

// CHECK-LABEL: func.func @rms_norm(
//  CHECK-SAME:   %[[X:.*]]: tensor<2x3x8xbf16>, %[[W:.*]]: tensor<8xf32>)
//   CHECK-DAG:   %[[ONE:.*]] = arith.constant 1.000000e+00 : f32
//       CHECK:   %[[SQUARES:.*]] = linalg.generic {{.*}}"reduction"]} ins(%[[X]] : tensor<2x3x8xbf16>) outs(%{{.*}} : tensor<2x3xf32>) {
//       CHECK:     %[[F:.*]] = arith.extf
//       CHECK:     arith.mulf %[[F]], %[[F]]
//       CHECK:   %[[INVERSE:.*]] = linalg.generic {{.*}} outs(%[[SQUARES]] :
//       CHECK:     math.rsqrt
//       CHECK:   linalg.generic {{.*}} ins(%[[X]], %[[INVERSE]], %[[W]] : {{.*}}) outs(%{{.*}} : tensor<2x3x8xbf16>) {
//       CHECK:     arith.addf %{{.*}}, %[[ONE]]
//       CHECK:     arith.truncf
func.func @rms_norm(%x: tensor<2x3x8xbf16>, %w: tensor<8xf32>) -> tensor<2x3x8xbf16> {
  %y = gpt.rms_norm %x, %w {epsilon = 1.0e-6 : f64, unit_offset} : (tensor<2x3x8xbf16>, tensor<8xf32>) -> tensor<2x3x8xbf16>
  return %y : tensor<2x3x8xbf16>
}
