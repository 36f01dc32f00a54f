// RUN: gpt-opt %s -gpt-return-distinct-buffers | FileCheck %s

// CHECK-LABEL: func.func @views(
//       CHECK:   %[[A:.*]] = memref.alloc() : memref<2x4xf32>
//       CHECK:   %[[B:.*]] = memref.alloc() : memref<2x4xf32>
//       CHECK:   %[[FLAT:.*]] = memref.collapse_shape %[[A]]
//       CHECK:   %[[CLONE:.*]] = bufferization.clone %[[FLAT]]
//       CHECK:   return %[[A]], %[[B]], %[[CLONE]]
func.func @views() -> (memref<2x4xf32>, memref<2x4xf32>, memref<8xf32>) {
  %a = memref.alloc() : memref<2x4xf32>
  %b = memref.alloc() : memref<2x4xf32>
  %flat = memref.collapse_shape %a [[0, 1]] : memref<2x4xf32> into memref<8xf32>
  return %a, %b, %flat : memref<2x4xf32>, memref<2x4xf32>, memref<8xf32>
}
