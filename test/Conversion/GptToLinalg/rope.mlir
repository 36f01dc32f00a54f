// RUN: gpt-opt %s -split-input-file -convert-gpt-to-linalg -canonicalize -cse \
// RUN:   | FileCheck %s --implicit-check-not=gpt.

// A table of cosines and sines, then one generic for each member of the pairs.

// CHECK-DAG: #[[$TABLE:.*]] = affine_map<(d0, d1, d2, d3) -> (d1, d3)>
// CHECK-LABEL: func.func @half_split(
//  CHECK-SAME:   %[[X:.*]]: tensor<?x?x64xf32>)
//       CHECK:   %[[F:.*]] = arith.constant dense<[1.000000e+00, 0.316227764, 1.000000e-01, 0.0316227749, 0.00999999977, 0.00316227763, 1.000000e-03, 3.16227757E-4]>
//       CHECK:   %[[T:.*]]:2 = linalg.generic {{.*}} ins(%[[F]] : tensor<8xf32>) outs(%{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<?x8xf32>) {
//       CHECK:     %[[S:.*]] = linalg.index 0
//       CHECK:     math.cos
//       CHECK:     math.sin
//       CHECK:   %[[SOURCE:.*]] = tensor.expand_shape %[[X]] {{.*}} into tensor<?x?x4x16xf32>
//       CHECK:   %[[FIRST:.*]] = tensor.extract_slice %[[SOURCE]][0, 0, 0, 0] [%{{.*}}, %{{.*}}, 4, 8]
//       CHECK:   %[[SECOND:.*]] = tensor.extract_slice %[[SOURCE]][0, 0, 0, 8] [%{{.*}}, %{{.*}}, 4, 8]
//       CHECK:   %[[TO:.*]] = tensor.extract_slice %[[TARGET:.*]][0, 0, 0, 0]
//       CHECK:   %[[NEW:.*]] = linalg.generic {indexing_maps = [#{{.*}}, #{{.*}}, #[[$TABLE]], #[[$TABLE]], #{{.*}}]
//  CHECK-SAME:     ins(%[[FIRST]], %[[SECOND]], %[[T]]#0, %[[T]]#1 : {{.*}}) outs(%[[TO]]
//  CHECK-NEXT:   ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32, %[[C:.*]]: f32, %[[D:.*]]: f32, %{{.*}}: f32):
//  CHECK-NEXT:     %[[AC:.*]] = arith.mulf %[[A]], %[[C]]
//  CHECK-NEXT:     %[[BD:.*]] = arith.mulf %[[B]], %[[D]]
//  CHECK-NEXT:     arith.subf %[[AC]], %[[BD]]
//       CHECK:   %[[HALF:.*]] = tensor.insert_slice %[[NEW]] into %[[TARGET]][0, 0, 0, 0]
//       CHECK:   %[[TO:.*]] = tensor.extract_slice %[[HALF]][0, 0, 0, 8]
//       CHECK:   %[[NEW:.*]] = linalg.generic {{.*}} outs(%[[TO]]
//  CHECK-NEXT:   ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32, %[[C:.*]]: f32, %[[D:.*]]: f32, %{{.*}}: f32):
//  CHECK-NEXT:     %[[BC:.*]] = arith.mulf %[[B]], %[[C]]
//  CHECK-NEXT:     %[[AD:.*]] = arith.mulf %[[A]], %[[D]]
//  CHECK-NEXT:     arith.addf %[[BC]], %[[AD]]
//       CHECK:   %[[WHOLE:.*]] = tensor.insert_slice %[[NEW]] into %[[HALF]][0, 0, 0, 8]
//       CHECK:   tensor.collapse_shape %[[WHOLE]] {{\[\[}}0], [1], [2, 3]]
func.func @half_split(%x: tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
  %y = gpt.rope %x {num_heads = 4 : i64} : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  return %y : tensor<?x?x64xf32>
}

// -----

// Interleaved pairs are columns; sequences start at their own positions.

// CHECK-DAG: #[[$TABLE:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d3)>
// CHECK-LABEL: func.func @interleaved_positions(
//  CHECK-SAME:   %[[X:.*]]: tensor<2x3x16xbf16>, %[[P:.*]]: tensor<2xi64>)
//       CHECK:   linalg.generic {{.*}} ins(%{{.*}}, %[[P]] : tensor<4xf32>, tensor<2xi64>) outs(%{{.*}} : tensor<2x3x4xf32>, tensor<2x3x4xf32>)
//       CHECK:     %[[FIRST:.*]] = arith.index_cast %{{.*}} : i64 to index
//       CHECK:     arith.addi %[[FIRST]],
//       CHECK:   %[[SOURCE:.*]] = tensor.expand_shape %[[X]] {{\[\[}}0], [1], [2, 3, 4]] {{.*}} into tensor<2x3x2x4x2xbf16>
//       CHECK:   tensor.extract_slice %[[SOURCE]][0, 0, 0, 0, 0] [2, 3, 2, 4, 1] {{.*}} to tensor<2x3x2x4x1xbf16>
//       CHECK:   tensor.extract_slice %[[SOURCE]][0, 0, 0, 0, 1] [2, 3, 2, 4, 1] {{.*}} to tensor<2x3x2x4x1xbf16>
//       CHECK:   linalg.generic {indexing_maps = [#{{.*}}, #{{.*}}, #[[$TABLE]], #[[$TABLE]], #{{.*}}]
//       CHECK:     arith.extf
//       CHECK:     arith.truncf
func.func @interleaved_positions(%x: tensor<2x3x16xbf16>, %p: tensor<2xi64>) -> tensor<2x3x16xbf16> {
  %y = gpt.rope %x positions(%p) {num_heads = 2 : i64, style = #gpt<rope_style interleaved>} : (tensor<2x3x16xbf16>, tensor<2xi64>) -> tensor<2x3x16xbf16>
  return %y : tensor<2x3x16xbf16>
}

// -----

// Features behind rotary_dims are copied.

// CHECK-LABEL: func.func @partial(
//       CHECK:   %[[SOURCE:.*]] = tensor.expand_shape %arg0
//       CHECK:   %[[REST:.*]] = tensor.extract_slice %[[SOURCE]][0, 0, 0, 4] [2, 3, 2, 4]
//       CHECK:   tensor.insert_slice %[[REST]] into %{{.*}}[0, 0, 0, 4] [2, 3, 2, 4]
//       CHECK:   tensor.extract_slice %[[SOURCE]][0, 0, 0, 0] [2, 3, 2, 2]
//       CHECK:   tensor.extract_slice %[[SOURCE]][0, 0, 0, 2] [2, 3, 2, 2]
func.func @partial(%x: tensor<2x3x16xf32>) -> tensor<2x3x16xf32> {
  %y = gpt.rope %x {num_heads = 2 : i64, rotary_dims = 4 : i64} : (tensor<2x3x16xf32>) -> tensor<2x3x16xf32>
  return %y : tensor<2x3x16xf32>
}

// -----

// A head that cannot be seen as pairs: the rotated part is.

// CHECK-LABEL: func.func @interleaved_odd_heads(
//       CHECK:   %[[SOURCE:.*]] = tensor.expand_shape %arg0 {{.*}} into tensor<2x3x2x15xf32>
//       CHECK:   %[[PART:.*]] = tensor.extract_slice %[[SOURCE]][0, 0, 0, 0] [2, 3, 2, 4]
//       CHECK:   %[[PAIRS:.*]] = tensor.expand_shape %[[PART]] {{.*}} into tensor<2x3x2x2x2xf32>
//       CHECK:   tensor.extract_slice %[[PAIRS]][0, 0, 0, 0, 0] [2, 3, 2, 2, 1]
//       CHECK:   tensor.extract_slice %[[PAIRS]][0, 0, 0, 0, 1] [2, 3, 2, 2, 1]
//       CHECK:   %[[ROTATED:.*]] = tensor.collapse_shape %{{.*}} into tensor<2x3x2x4xf32>
//       CHECK:   %[[REST:.*]] = tensor.extract_slice %[[SOURCE]][0, 0, 0, 4] [2, 3, 2, 11]
//       CHECK:   %[[TAIL:.*]] = tensor.insert_slice %[[REST]] into %{{.*}}[0, 0, 0, 4] [2, 3, 2, 11]
//       CHECK:   tensor.insert_slice %[[ROTATED]] into %[[TAIL]][0, 0, 0, 0] [2, 3, 2, 4]
func.func @interleaved_odd_heads(%x: tensor<2x3x30xf32>) -> tensor<2x3x30xf32> {
  %y = gpt.rope %x {num_heads = 2 : i64, rotary_dims = 4 : i64, style = #gpt<rope_style interleaved>} : (tensor<2x3x30xf32>) -> tensor<2x3x30xf32>
  return %y : tensor<2x3x30xf32>
}
