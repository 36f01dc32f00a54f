// RUN: gpt-opt %s -gpt-split-float-conversions | FileCheck %s
// RUN: gpt-opt %s -gpt-split-float-conversions -convert-to-llvm -reconcile-unrealized-casts | mlir-translate -mlir-to-llvmir | llc -mtriple=x86_64 -mattr=+avx512bf16,+avx512vl,+f16c | FileCheck %s --check-prefix=ASM --implicit-check-not=__trunc --implicit-check-not=__extend

// What is not exact becomes its odd neighbour in f32.

// CHECK-LABEL: func.func @round(
//  CHECK-SAME:   %[[X:.+]]: f64)
//   CHECK-DAG:   %[[NEAREST:.+]] = arith.truncf %[[X]] : f64 to f32
//   CHECK-DAG:   %[[BACK:.+]] = arith.extf %[[NEAREST]] : f32 to f64
//   CHECK-DAG:   %[[BITS:.+]] = arith.bitcast %[[NEAREST]] : f32 to i32
//   CHECK-DAG:   %[[BACK_BITS:.+]] = arith.bitcast %[[BACK]] : f64 to i64
//   CHECK-DAG:   %[[X_BITS:.+]] = arith.bitcast %[[X]] : f64 to i64
//       CHECK:   %[[ABOVE:.+]] = arith.cmpi ugt, %[[BACK_BITS]], %[[X_BITS]]
//       CHECK:   %[[STEP:.+]] = arith.select %[[ABOVE]], %c-1_i32, %c1_i32
//       CHECK:   %[[OTHER:.+]] = arith.addi %[[BITS]], %[[STEP]]
//       CHECK:   %[[LAST:.+]] = arith.andi %[[BITS]], %c1_i32
//       CHECK:   %[[EVEN:.+]] = arith.cmpi eq, %[[LAST]], %c0_i32
//       CHECK:   %[[INEXACT:.+]] = arith.cmpf one, %[[BACK]], %[[X]]
//       CHECK:   %[[MOVE:.+]] = arith.andi %[[EVEN]], %[[INEXACT]]
//       CHECK:   %[[ODD:.+]] = arith.select %[[MOVE]], %[[OTHER]], %[[BITS]]
//       CHECK:   %[[MIDDLE:.+]] = arith.bitcast %[[ODD]] : i32 to f32
//       CHECK:   %[[Y:.+]] = arith.truncf %[[MIDDLE]] : f32 to bf16
//       CHECK:   return %[[Y]]
//   ASM-LABEL: round:
func.func @round(%x: f64) -> bf16 {
  %0 = arith.truncf %x : f64 to bf16
  return %0 : bf16
}

// CHECK-LABEL: func.func @vectors(
//       CHECK:   arith.truncf %{{.+}} : vector<8xf64> to vector<8xf32>
//       CHECK:   %[[Y:.+]] = arith.truncf %{{.+}} : vector<8xf32> to vector<8xf16>
//       CHECK:   %[[MIDDLE:.+]] = arith.extf %[[Y]] : vector<8xf16> to vector<8xf32>
//       CHECK:   arith.extf %[[MIDDLE]] : vector<8xf32> to vector<8xf64>
//   ASM-LABEL: vectors:
func.func @vectors(%x: vector<8xf64>) -> vector<8xf64> {
  %0 = arith.truncf %x : vector<8xf64> to vector<8xf16>
  %1 = arith.extf %0 : vector<8xf16> to vector<8xf64>
  return %1 : vector<8xf64>
}

// CHECK-LABEL: func.func @left(
//  CHECK-NEXT:   arith.truncf %{{.+}} : f64 to f32
//  CHECK-NEXT:   arith.truncf %{{.+}} : f32 to bf16
//  CHECK-NEXT:   return
func.func @left(%x: f64, %y: f32) -> (f32, bf16) {
  %0 = arith.truncf %x : f64 to f32
  %1 = arith.truncf %y : f32 to bf16
  return %0, %1 : f32, bf16
}
