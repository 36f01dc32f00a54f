// RUN: gpt-opt %s -gpt-convert-strided-copies | FileCheck %s

// CHECK-LABEL: func.func @copies(
//       CHECK:   memref.copy %arg0, %arg1
//       CHECK:   linalg.copy ins(%arg2 : memref<4x4xf32, strided<[8, 1]>>) outs(%arg0 : memref<4x4xf32>)
func.func @copies(%a: memref<4x4xf32>, %b: memref<4x4xf32>, %s: memref<4x4xf32, strided<[8, 1]>>) {
  memref.copy %a, %b : memref<4x4xf32> to memref<4x4xf32>
  memref.copy %s, %a : memref<4x4xf32, strided<[8, 1]>> to memref<4x4xf32>
  return
}
