// RUN: gpt-opt %s -split-input-file -convert-gpt-to-linalg -canonicalize -cse \
// RUN:   | FileCheck %s --implicit-check-not=gpt.

// Equal shapes in f32 are named ops; a broadcast is in the indexing map.

// CHECK-LABEL: func.func @add_equal_shapes(
//  CHECK-SAME:   %[[X:.*]]: tensor<?x?x8xf32>, %[[Y:.*]]: tensor<?x?x8xf32>)
//       CHECK:   %[[SUM:.*]] = linalg.add ins(%[[X]], %[[Y]] :
//       CHECK:   linalg.mul ins(%[[SUM]], %[[Y]] :
func.func @add_equal_shapes(%x: tensor<?x?x8xf32>, %y: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %0 = gpt.add %x, %y : (tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %1 = gpt.mul %0, %y : (tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  return %1 : tensor<?x?x8xf32>
}

// -----

// CHECK-DAG: #[[$ROW:.*]] = affine_map<(d0, d1, d2) -> (d2)>
// CHECK-DAG: #[[$ONES:.*]] = affine_map<(d0, d1, d2) -> (0, d1, 0)>
// CHECK-LABEL: func.func @broadcast(
//  CHECK-SAME:   %[[X:.*]]: tensor<?x?x8xf32>, %[[B:.*]]: tensor<8xf32>, %[[C:.*]]: tensor<1x?x1xf32>)
//       CHECK:   %[[SUM:.*]] = linalg.generic {indexing_maps = [#{{.*}}, #[[$ROW]], #{{.*}}]
//  CHECK-SAME:     ins(%[[X]], %[[B]] :
//       CHECK:     arith.addf
//       CHECK:   linalg.generic {indexing_maps = [#[[$ONES]], #{{.*}}, #{{.*}}]
//  CHECK-SAME:     ins(%[[C]], %[[SUM]] :
//       CHECK:     arith.mulf
func.func @broadcast(%x: tensor<?x?x8xf32>, %b: tensor<8xf32>, %c: tensor<1x?x1xf32>) -> tensor<?x?x8xf32> {
  %0 = gpt.add %x, %b : (tensor<?x?x8xf32>, tensor<8xf32>) -> tensor<?x?x8xf32>
  %1 = gpt.mul %c, %0 : (tensor<1x?x1xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  return %1 : tensor<?x?x8xf32>
}

// -----

// CHECK-LABEL: func.func @add_bf16(
//       CHECK:   arith.extf
//       CHECK:   arith.extf
//       CHECK:   arith.addf %{{.*}} : f32
//       CHECK:   arith.truncf %{{.*}} : f32 to bf16
func.func @add_bf16(%x: tensor<4xbf16>) -> tensor<4xbf16> {
  %0 = gpt.add %x, %x : (tensor<4xbf16>, tensor<4xbf16>) -> tensor<4xbf16>
  return %0 : tensor<4xbf16>
}

// -----

// CHECK-LABEL: func.func @scale(
//       CHECK:   %[[F:.*]] = arith.constant 1.250000e-01 : f32
//       CHECK:   arith.mulf %{{.*}}, %[[F]]
func.func @scale(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %0 = gpt.scale %x {factor = 1.250000e-01 : f64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

// From one 16-bit type to the other through f32.

// CHECK-LABEL: func.func @cast(
//       CHECK:   %[[WIDE:.*]] = arith.extf %{{.*}} : bf16 to f32
//       CHECK:   arith.truncf %[[WIDE]] : f32 to f16
func.func @cast(%x: tensor<?x4xbf16>) -> tensor<?x4xf16> {
  %0 = gpt.cast %x : tensor<?x4xbf16> to tensor<?x4xf16>
  return %0 : tensor<?x4xf16>
}
