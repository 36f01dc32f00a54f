// RUN: gpt-opt %s -gpt-legalize-narrow-floats=bf16 | FileCheck %s --check-prefixes=CHECK,BF16
// RUN: gpt-opt %s -gpt-legalize-narrow-floats="bf16 f16" | FileCheck %s --check-prefixes=CHECK,BOTH

// Each op is rounded on its own.

// CHECK-LABEL: func.func @two_ops(
//  CHECK-SAME:   %[[X:.+]]: bf16, %[[Y:.+]]: bf16
//   CHECK-DAG:   %[[X32:.+]] = arith.extf %[[X]] : bf16 to f32
//   CHECK-DAG:   %[[Y32:.+]] = arith.extf %[[Y]] : bf16 to f32
//       CHECK:   %[[SUM:.+]] = arith.addf %[[X32]], %[[Y32]]
//       CHECK:   %[[ROUNDED:.+]] = arith.truncf %[[SUM]] : f32 to bf16
//       CHECK:   %[[AGAIN:.+]] = arith.extf %[[ROUNDED]] : bf16 to f32
//       CHECK:   %[[PRODUCT:.+]] = arith.mulf %[[AGAIN]], %{{.+}} : f32
//       CHECK:   %[[RESULT:.+]] = arith.truncf %[[PRODUCT]] : f32 to bf16
//       CHECK:   return %[[RESULT]]
func.func @two_ops(%x: bf16, %y: bf16) -> bf16 {
  %0 = arith.addf %x, %y : bf16
  %1 = arith.mulf %0, %y : bf16
  return %1 : bf16
}

// CHECK-LABEL: func.func @vectors(
//        BF16:   arith.maximumf %{{.+}}, %{{.+}} : vector<8xf16>
//        BOTH:   arith.maximumf %{{.+}}, %{{.+}} : vector<8xf32>
//        BOTH:   arith.truncf %{{.+}} : vector<8xf32> to vector<8xf16>
func.func @vectors(%x: vector<8xf16>, %y: vector<8xf16>) -> vector<8xf16> {
  %0 = arith.maximumf %x, %y : vector<8xf16>
  return %0 : vector<8xf16>
}

// Conversions, moves and sums of f32 are left.

// CHECK-LABEL: func.func @left(
//   CHECK-NOT:   arith.truncf
//       CHECK:   arith.select %{{.+}} : vector<4x8xi1>, vector<4x8xbf16>
//       CHECK:   vector.contract {{.*}} : vector<4x8xbf16>, vector<4x32xbf16> into vector<8x32xf32>
//       CHECK:   return
func.func @left(%c: vector<4x8xi1>, %x: vector<4x8xbf16>, %y: vector<4x8xbf16>,
                %w: vector<4x32xbf16>, %sums: vector<8x32xf32>) -> vector<8x32xf32> {
  %0 = arith.select %c, %x, %y : vector<4x8xi1>, vector<4x8xbf16>
  %1 = vector.contract {
      indexing_maps = [affine_map<(m, n, k) -> (k, m)>, affine_map<(m, n, k) -> (k, n)>,
                       affine_map<(m, n, k) -> (m, n)>],
      iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>}
      %0, %w, %sums : vector<4x8xbf16>, vector<4x32xbf16> into vector<8x32xf32>
  return %1 : vector<8x32xf32>
}
