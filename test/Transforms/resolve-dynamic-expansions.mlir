// RUN: gpt-opt %s --gpt-resolve-dynamic-expansions | FileCheck %s
// RUN: gpt-opt %s --gpt-resolve-dynamic-expansions --expand-strided-metadata | FileCheck %s --check-prefix=EXPANDED

// CHECK-LABEL: func.func @rows(
//  CHECK-SAME:     %[[X:.*]]: memref<?x64xf32, strided<[96, 1]>>, %[[B:.*]]: index, %[[S:.*]]: index)
//       CHECK:   %[[BASE:.*]], %{{.*}}, %{{.*}}:2, %{{.*}}:2 = memref.extract_strided_metadata %[[X]]
//       CHECK:   %[[STRIDE:.*]] = affine.apply #{{.*}}()[%[[S]]]
//       CHECK:   memref.reinterpret_cast %[[BASE]] to offset: [0], sizes: [%[[B]], %[[S]], 64], strides: [%[[STRIDE]], 96, 1]
func.func @rows(%x: memref<?x64xf32, strided<[96, 1]>>, %b: index, %s: index) -> memref<?x?x64xf32, strided<[?, 96, 1]>> {
  %0 = memref.expand_shape %x [[0, 1], [2]] output_shape [%b, %s, 64] : memref<?x64xf32, strided<[96, 1]>> into memref<?x?x64xf32, strided<[?, 96, 1]>>
  return %0 : memref<?x?x64xf32, strided<[?, 96, 1]>>
}

// One dynamic extent follows from the source.
// CHECK-LABEL: func.func @one_extent(
//       CHECK:   memref.expand_shape
// EXPANDED-LABEL: func.func @one_extent(
//   EXPANDED-NOT:   memref.expand_shape
func.func @one_extent(%x: memref<?x64xf32>, %b: index) -> memref<?x1x64xf32> {
  %0 = memref.expand_shape %x [[0, 1], [2]] output_shape [%b, 1, 64] : memref<?x64xf32> into memref<?x1x64xf32>
  return %0 : memref<?x1x64xf32>
}

// But not beside an extent of 0: 0 rows may be any number of sequences.
// CHECK-LABEL: func.func @no_batch(
//  CHECK-SAME:     %[[X:.*]]: memref<?x64xf32>, %[[S:.*]]: index)
//       CHECK:   memref.reinterpret_cast %{{.*}} to offset: [0], sizes: [0, %[[S]], 64]
func.func @no_batch(%x: memref<?x64xf32>, %s: index) -> memref<0x?x64xf32> {
  %0 = memref.expand_shape %x [[0, 1], [2]] output_shape [0, %s, 64] : memref<?x64xf32> into memref<0x?x64xf32>
  return %0 : memref<0x?x64xf32>
}
