// RUN: gpt-opt %s -gpt-to-linalg-pipeline -gpt-linalg-to-loops-pipeline | FileCheck %s

// Arguments that are not caches belong to the caller: never written, never
// returned, and no allocation is returned twice.

// A cached attention on plain inputs works on copies.

// CHECK-LABEL: func.func @caches_without_attribute(
//  CHECK-SAME:   %{{.*}}: memref<1x1x16xf32>, %[[C:.*]]: memref<1x1x4x16xf32>, %{{.*}}: memref<1xi64>)
//   CHECK-NOT:   memref.subview %[[C]]
//       CHECK:   %[[COPY:.*]] = memref.alloc() {{.*}} : memref<1x1x4x16xf32>
//       CHECK:   memref.copy %[[C]], %[[COPY]]
//       CHECK:   return %{{.*}}, %[[COPY]]
func.func @caches_without_attribute(%x: tensor<1x1x16xf32>, %c: tensor<1x1x4x16xf32>, %p: tensor<1xi64>) -> (tensor<1x1x16xf32>, tensor<1x1x4x16xf32>) {
  %y, %k, %v = gpt.cached_attention %x, %x, %x cache(%c, %c) positions(%p) {num_heads = 1 : i64, num_kv_heads = 1 : i64}
    : (tensor<1x1x16xf32>, tensor<1x1x16xf32>, tensor<1x1x16xf32>, tensor<1x1x4x16xf32>, tensor<1x1x4x16xf32>, tensor<1xi64>) -> (tensor<1x1x16xf32>, tensor<1x1x4x16xf32>, tensor<1x1x4x16xf32>)
  return %y, %k : tensor<1x1x16xf32>, tensor<1x1x4x16xf32>
}

// CHECK-LABEL: func.func @identity(
//  CHECK-SAME:   %[[X:.*]]: memref<?x4xf32>) -> memref<?x4xf32>
//       CHECK:   %[[COPY:.*]] = memref.alloc(%{{.*}}) {{.*}}: memref<?x4xf32>
//       CHECK:   memref.copy %[[X]], %[[COPY]]
//       CHECK:   return %[[COPY]]
func.func @identity(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  return %x : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @twice(
//       CHECK:   %[[SUM:.*]] = memref.alloc
//       CHECK:   %[[COPY:.*]] = memref.alloc
//       CHECK:   memref.copy %[[SUM]], %[[COPY]]
//       CHECK:   return %[[SUM]], %[[COPY]]
func.func @twice(%x: tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %0 = gpt.add %x, %x : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %0, %0 : tensor<2x4xf32>, tensor<2x4xf32>
}

// A slice that is returned becomes contiguous, by loops and not by a call of a
// runtime library.

// CHECK-LABEL: func.func @slice(
//  CHECK-SAME:   %[[X:.*]]: memref<2x4xf32>) -> memref<2x2xf32>
//       CHECK:   %[[COPY:.*]] = memref.alloc() {{.*}} : memref<2x2xf32>
//       CHECK:   %[[ELEMENT:.*]] = memref.load %[[X]]
//       CHECK:   memref.store %[[ELEMENT]], %[[COPY]]
//       CHECK:   return %[[COPY]]
func.func @slice(%x: tensor<2x4xf32>) -> tensor<2x2xf32> {
  %0, %1 = gpt.split %x {num_parts = 2 : i64} : (tensor<2x4xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>)
  return %1 : tensor<2x2xf32>
}
