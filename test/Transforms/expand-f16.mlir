// RUN: gpt-opt %s -gpt-expand-f16 | FileCheck %s

// Every case is computed and the right one selected, so that vectors work as
// scalars do.

// CHECK-LABEL: func.func @widen(
//  CHECK-SAME:   %[[X:.*]]: f16) -> f32
//   CHECK-NOT:   arith.extf
//       CHECK:   %[[BITS:.*]] = arith.bitcast %[[X]] : f16 to i16
//       CHECK:   arith.extui %[[BITS]] : i16 to i32
//       CHECK:   %[[FINITE:.*]] = arith.select
//       CHECK:   %[[MAGNITUDE:.*]] = arith.select %{{.*}}, %{{.*}}, %[[FINITE]]
//       CHECK:   %[[SIGNED:.*]] = arith.ori %[[MAGNITUDE]],
//       CHECK:   %[[Y:.*]] = arith.bitcast %[[SIGNED]] : i32 to f32
//       CHECK:   return %[[Y]]
func.func @widen(%x: f16) -> f32 {
  %0 = arith.extf %x : f16 to f32
  return %0 : f32
}

// CHECK-LABEL: func.func @narrow(
//  CHECK-SAME:   %[[X:.*]]: vector<4xf32>) -> vector<4xf16>
//   CHECK-NOT:   arith.truncf
//       CHECK:   arith.bitcast %[[X]] : vector<4xf32> to vector<4xi32>
//       CHECK:   arith.select {{.*}} : vector<4xi1>, vector<4xi32>
//       CHECK:   arith.bitcast %{{.*}} : vector<4xi16> to vector<4xf16>
func.func @narrow(%x: vector<4xf32>) -> vector<4xf16> {
  %0 = arith.truncf %x : vector<4xf32> to vector<4xf16>
  return %0 : vector<4xf16>
}

// CHECK-LABEL: func.func @others(
//       CHECK:   arith.truncf %{{.*}} : f32 to bf16
//       CHECK:   arith.truncf %{{.*}} to_nearest_away : f32 to f16
func.func @others(%x: f32) -> (bf16, f16) {
  %0 = arith.truncf %x : f32 to bf16
  %1 = arith.truncf %x to_nearest_away : f32 to f16
  return %0, %1 : bf16, f16
}
