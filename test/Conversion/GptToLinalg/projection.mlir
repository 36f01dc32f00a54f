// RUN: gpt-opt %s -split-input-file -convert-gpt-to-linalg -canonicalize -cse \
// RUN:   | FileCheck %s --implicit-check-not=gpt.

// A product is one linalg.contract; its maps say how the weight is stored and,
// by the order of their dimensions, that the innermost loop is contiguous.

// CHECK-DAG: #[[$OI_X:.*]] = affine_map<(d0, d1, d2, d3) -> (d1, d2, d3)>
// CHECK-DAG: #[[$OI_W:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d3)>
// CHECK-DAG: #[[$OI_Y:.*]] = affine_map<(d0, d1, d2, d3) -> (d1, d2, d0)>
// CHECK-LABEL: func.func @out_in(
//  CHECK-SAME:   %[[X:.*]]: tensor<2x3x8xf32>, %[[W:.*]]: tensor<16x8xbf16>, %[[B:.*]]: tensor<16xf32>)
//       CHECK:   %[[EMPTY:.*]] = tensor.empty() : tensor<2x3x16xf32>
//       CHECK:   %[[BIAS:.*]] = linalg.broadcast ins(%[[B]] : tensor<16xf32>) outs(%[[EMPTY]] : tensor<2x3x16xf32>) dimensions = [0, 1]
//       CHECK:   %[[Y:.*]] = linalg.contract
//  CHECK-SAME:     indexing_maps = [#[[$OI_X]], #[[$OI_W]], #[[$OI_Y]]]
//  CHECK-SAME:     ins(%[[X]], %[[W]] : tensor<2x3x8xf32>, tensor<16x8xbf16>)
//  CHECK-SAME:     outs(%[[BIAS]] : tensor<2x3x16xf32>) -> tensor<2x3x16xf32>
//       CHECK:   return %[[Y]]
func.func @out_in(%x: tensor<2x3x8xf32>, %w: tensor<16x8xbf16>, %b: tensor<16xf32>) -> tensor<2x3x16xf32> {
  %y = gpt.linear %x, %w bias(%b) : (tensor<2x3x8xf32>, tensor<16x8xbf16>, tensor<16xf32>) -> tensor<2x3x16xf32>
  return %y : tensor<2x3x16xf32>
}

// -----

// Narrow activations: the sum is f32 and rounded once, at the end.

// CHECK-DAG: #[[$IO_X:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
// CHECK-DAG: #[[$IO_W:.*]] = affine_map<(d0, d1, d2, d3) -> (d2, d3)>
// CHECK-DAG: #[[$IO_Y:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>
// CHECK-LABEL: func.func @in_out_dynamic(
//  CHECK-SAME:   %[[X:.*]]: tensor<?x?x8xbf16>, %[[W:.*]]: tensor<8x16xf32>, %[[B:.*]]: tensor<16xf16>)
//   CHECK-DAG:   %[[BATCH:.*]] = tensor.dim %[[X]], %c0
//   CHECK-DAG:   %[[SEQ:.*]] = tensor.dim %[[X]], %c1
//       CHECK:   %[[EMPTY:.*]] = tensor.empty(%[[BATCH]], %[[SEQ]]) : tensor<?x?x16xf32>
//       CHECK:   %[[BIAS:.*]] = linalg.generic
//  CHECK-SAME:     ins(%[[B]] : tensor<16xf16>) outs(%[[EMPTY]]
//       CHECK:     arith.extf %{{.*}} : f16 to f32
//       CHECK:   %[[SUM:.*]] = linalg.contract
//  CHECK-SAME:     indexing_maps = [#[[$IO_X]], #[[$IO_W]], #[[$IO_Y]]]
//  CHECK-SAME:     ins(%[[X]], %[[W]] : tensor<?x?x8xbf16>, tensor<8x16xf32>)
//  CHECK-SAME:     outs(%[[BIAS]] : tensor<?x?x16xf32>)
//       CHECK:   %[[Y:.*]] = linalg.generic
//  CHECK-SAME:     ins(%[[SUM]] : tensor<?x?x16xf32>)
//       CHECK:     arith.truncf %{{.*}} : f32 to bf16
//       CHECK:   return %[[Y]] : tensor<?x?x16xbf16>
func.func @in_out_dynamic(%x: tensor<?x?x8xbf16>, %w: tensor<8x16xf32>, %b: tensor<16xf16>) -> tensor<?x?x16xbf16> {
  %y = gpt.linear %x, %w bias(%b) {weight_layout = #gpt<weight_layout in_out>} : (tensor<?x?x8xbf16>, tensor<8x16xf32>, tensor<16xf16>) -> tensor<?x?x16xbf16>
  return %y : tensor<?x?x16xbf16>
}

// -----

// CHECK-LABEL: func.func @vector_without_bias(
//       CHECK:   %[[ZERO:.*]] = linalg.fill ins(%cst : f32) outs(%{{.*}} : tensor<16xf32>)
//       CHECK:   linalg.contract
//  CHECK-SAME:     ins(%arg0, %arg1 : tensor<8xf32>, tensor<16x8xf32>) outs(%[[ZERO]] : tensor<16xf32>)
func.func @vector_without_bias(%x: tensor<8xf32>, %w: tensor<16x8xf32>) -> tensor<16xf32> {
  %y = gpt.linear %x, %w : (tensor<8xf32>, tensor<16x8xf32>) -> tensor<16xf32>
  return %y : tensor<16xf32>
}

// -----

// The declared result knows less than the operands do.

// CHECK-LABEL: func.func @less_static_result(
//       CHECK:   %[[Y:.*]] = linalg.contract {{.*}} -> tensor<3x16xf32>
//       CHECK:   %[[CAST:.*]] = tensor.cast %[[Y]] : tensor<3x16xf32> to tensor<?x16xf32>
//       CHECK:   return %[[CAST]]
func.func @less_static_result(%x: tensor<3x8xf32>, %w: tensor<16x8xf32>) -> tensor<?x16xf32> {
  %y = gpt.linear %x, %w : (tensor<3x8xf32>, tensor<16x8xf32>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// -----

// CHECK-DAG: #[[$MM_A:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d3)>
// CHECK-DAG: #[[$MM_B:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d3, d4)>
// CHECK-DAG: #[[$MM_C:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d4)>
// CHECK-LABEL: func.func @batched_matmul(
//  CHECK-SAME:   %[[A:.*]]: tensor<?x12x?x64xf32>, %[[B:.*]]: tensor<?x12x64x?xf32>)
//   CHECK-DAG:   %[[BATCH:.*]] = tensor.dim %[[A]], %c0
//   CHECK-DAG:   %[[M:.*]] = tensor.dim %[[A]], %c2
//   CHECK-DAG:   %[[N:.*]] = tensor.dim %[[B]], %c3
//       CHECK:   tensor.empty(%[[BATCH]], %[[M]], %[[N]]) : tensor<?x12x?x?xf32>
//       CHECK:   linalg.contract indexing_maps = [#[[$MM_A]], #[[$MM_B]], #[[$MM_C]]]
func.func @batched_matmul(%a: tensor<?x12x?x64xf32>, %b: tensor<?x12x64x?xf32>) -> tensor<?x12x?x?xf32> {
  %s = gpt.matmul %a, %b : (tensor<?x12x?x64xf32>, tensor<?x12x64x?xf32>) -> tensor<?x12x?x?xf32>
  return %s : tensor<?x12x?x?xf32>
}

// -----

// CHECK-DAG: #[[$SHARED:.*]] = affine_map<(d0, d1, d2, d3) -> (d2, d3)>
// CHECK-LABEL: func.func @shared_rhs(
//       CHECK:   linalg.contract indexing_maps = [#{{.*}}, #[[$SHARED]], #{{.*}}]
//  CHECK-SAME:     ins(%arg0, %arg1 : tensor<2x3x4xf32>, tensor<4x5xf32>)
func.func @shared_rhs(%a: tensor<2x3x4xf32>, %b: tensor<4x5xf32>) -> tensor<2x3x5xf32> {
  %s = gpt.matmul %a, %b : (tensor<2x3x4xf32>, tensor<4x5xf32>) -> tensor<2x3x5xf32>
  return %s : tensor<2x3x5xf32>
}
