// RUN: gpt-opt %s -gpt-set-fast-math | FileCheck %s --check-prefixes=CHECK,BOTH
// RUN: gpt-opt %s -gpt-set-fast-math="reassociate=false" | FileCheck %s --check-prefixes=CHECK,CONTRACT

#element = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>

// Only the sum that goes from one iteration to the next may be reordered; the
// maximum and the comparison have no flags.

// CHECK-LABEL: func.func @reduction(
//       CHECK:   ^bb0(%[[X:.*]]: f32, %[[SUM:.*]]: f32, %[[MAX:.*]]: f32):
//       CHECK:     %[[SQUARE:.*]] = arith.mulf %[[X]], %[[X]] fastmath<contract>
//       CHECK:     %[[SHIFTED:.*]] = arith.addf %[[SQUARE]], %[[X]] fastmath<contract>
//        BOTH:     arith.addf %[[SUM]], %[[SHIFTED]] fastmath<reassoc,contract>
//    CONTRACT:     arith.addf %[[SUM]], %[[SHIFTED]] fastmath<contract>
//       CHECK:     arith.maxnumf %[[MAX]], %[[X]] : f32
func.func @reduction(%x: tensor<2x4xf32>, %s: tensor<2xf32>, %m: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %0:2 = linalg.generic {indexing_maps = [#element, #row, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<2x4xf32>) outs(%s, %m : tensor<2xf32>, tensor<2xf32>) {
  ^bb0(%in: f32, %sum: f32, %max: f32):
    %square = arith.mulf %in, %in : f32
    %shifted = arith.addf %square, %in : f32
    %next = arith.addf %sum, %shifted : f32
    %largest = arith.maxnumf %max, %in : f32
    linalg.yield %next, %largest : f32, f32
  } -> (tensor<2xf32>, tensor<2xf32>)
  return %0#0, %0#1 : tensor<2xf32>, tensor<2xf32>
}
