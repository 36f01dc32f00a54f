// RUN: gpt-opt %s --gpt-fuse-elementwise --canonicalize | FileCheck %s
// RUN: gpt-opt %s --gpt-fuse-elementwise --remarks-filter=schedule -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// REMARK: remark: [Passed] gpt-fuse-elementwise | Category:schedule | {{.*}}NumFused=1

// The product reads rows of 12 features; upstream's fusion would give it a
// depth of [3, 4].
// CHECK-LABEL: func @product_of_heads(
// CHECK-SAME: %[[HEADS:.*]]: tensor<2x3x4xf32>, %[[WEIGHT:.*]]: tensor<12x8xf32>
// CHECK: %[[ROWS:.*]] = tensor.collapse_shape %[[HEADS]] {{\[}}[0], [1, 2]]
// CHECK: linalg.matmul ins(%[[ROWS]], %[[WEIGHT]] : tensor<2x12xf32>, tensor<12x8xf32>)
func.func @product_of_heads(%heads: tensor<2x3x4xf32>, %weight: tensor<12x8xf32>, %init: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %rows = tensor.collapse_shape %heads [[0], [1, 2]] : tensor<2x3x4xf32> into tensor<2x12xf32>
  %0 = linalg.matmul ins(%rows, %weight : tensor<2x12xf32>, tensor<12x8xf32>) outs(%init : tensor<2x8xf32>) -> tensor<2x8xf32>
  return %0 : tensor<2x8xf32>
}

// A chain is one op, also around a reshape.
// CHECK-LABEL: func @chain(
// CHECK: linalg.generic
// CHECK: arith.addf
// CHECK: math.tanh
// CHECK-NOT: linalg.generic
#id2 = affine_map<(d0, d1) -> (d0, d1)>
#id3 = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
func.func @chain(%x: tensor<2x12xf32>, %y: tensor<2x12xf32>) -> tensor<2x3x4xf32> {
  %empty2 = tensor.empty() : tensor<2x12xf32>
  %sum = linalg.generic {indexing_maps = [#id2, #id2, #id2], iterator_types = ["parallel", "parallel"]}
      ins(%x, %y : tensor<2x12xf32>, tensor<2x12xf32>) outs(%empty2 : tensor<2x12xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %s = arith.addf %a, %b : f32
    linalg.yield %s : f32
  } -> tensor<2x12xf32>
  %heads = tensor.expand_shape %sum [[0], [1, 2]] output_shape [2, 3, 4] : tensor<2x12xf32> into tensor<2x3x4xf32>
  %empty3 = tensor.empty() : tensor<2x3x4xf32>
  %result = linalg.generic {indexing_maps = [#id3, #id3], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%heads : tensor<2x3x4xf32>) outs(%empty3 : tensor<2x3x4xf32>) {
  ^bb0(%a: f32, %out: f32):
    %t = math.tanh %a : f32
    linalg.yield %t : f32
  } -> tensor<2x3x4xf32>
  return %result : tensor<2x3x4xf32>
}

// What takes long and is computed once for a row is not computed for each element of it.
// CHECK-LABEL: func @statistic(
// CHECK: %[[INVERSE:.*]] = linalg.generic
// CHECK: math.rsqrt
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[INVERSE]] :
// CHECK-NOT: math.rsqrt
// CHECK: return
#row = affine_map<(d0, d1) -> (d0)>
#id1 = affine_map<(d0) -> (d0)>
func.func @statistic(%x: tensor<4x12xf32>, %squares: tensor<4xf32>) -> tensor<4x12xf32> {
  %empty1 = tensor.empty() : tensor<4xf32>
  %inverse = linalg.generic {indexing_maps = [#id1, #id1], iterator_types = ["parallel"]}
      ins(%squares : tensor<4xf32>) outs(%empty1 : tensor<4xf32>) {
  ^bb0(%a: f32, %out: f32):
    %r = math.rsqrt %a : f32
    linalg.yield %r : f32
  } -> tensor<4xf32>
  %empty2 = tensor.empty() : tensor<4x12xf32>
  %result = linalg.generic {indexing_maps = [#id2, #row, #id2], iterator_types = ["parallel", "parallel"]}
      ins(%x, %inverse : tensor<4x12xf32>, tensor<4xf32>) outs(%empty2 : tensor<4x12xf32>) {
  ^bb0(%a: f32, %b: f32, %out: f32):
    %m = arith.mulf %a, %b : f32
    linalg.yield %m : f32
  } -> tensor<4x12xf32>
  return %result : tensor<4x12xf32>
}
