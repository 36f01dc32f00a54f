// RUN: gpt-opt %s -gpt-linalg-reductions-to-loops | FileCheck %s

#element = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
#column = affine_map<(i, j) -> (j)>

// CHECK-LABEL: func.func @innermost_reduction(
//  CHECK-SAME:   %[[X:.*]]: memref<?x?xf32>, %[[Y:.*]]: memref<?xf32>)
//       CHECK:   scf.for %[[I:.*]] =
//  CHECK-NEXT:     %[[START:.*]] = memref.load %[[Y]][%[[I]]]
//  CHECK-NEXT:     %[[END:.*]] = scf.for %[[J:.*]] = {{.*}} iter_args(%[[SUM:.*]] = %[[START]])
//  CHECK-NEXT:       %[[E:.*]] = memref.load %[[X]][%[[I]], %[[J]]]
//  CHECK-NEXT:       %[[NEXT:.*]] = arith.addf %[[SUM]], %[[E]]
//  CHECK-NEXT:       scf.yield %[[NEXT]]
//       CHECK:     memref.store %[[END]], %[[Y]][%[[I]]]
func.func @innermost_reduction(%x: memref<?x?xf32>, %y: memref<?xf32>) {
  linalg.generic {indexing_maps = [#element, #row], iterator_types = ["parallel", "reduction"]} ins(%x : memref<?x?xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.addf %out, %in : f32
    linalg.yield %0 : f32
  }
  return
}

// The innermost loop is parallel: left for convert-linalg-to-loops.

// CHECK-LABEL: func.func @outer_reduction(
//       CHECK:   linalg.generic
//   CHECK-NOT:   scf.for
func.func @outer_reduction(%x: memref<?x?xf32>, %y: memref<?xf32>) {
  linalg.generic {indexing_maps = [#element, #column], iterator_types = ["reduction", "parallel"]} ins(%x : memref<?x?xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.addf %out, %in : f32
    linalg.yield %0 : f32
  }
  return
}

// What is read is also written: nothing may be carried.

// CHECK-LABEL: func.func @reads_its_result(
//       CHECK:   scf.for
//       CHECK:     scf.for
//   CHECK-NOT:       iter_args
//       CHECK:       memref.store
func.func @reads_its_result(%y: memref<4xf32>) {
  linalg.generic {indexing_maps = [#column, #row], iterator_types = ["parallel", "reduction"]} ins(%y : memref<4xf32>) outs(%y : memref<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.addf %out, %in : f32
    linalg.yield %0 : f32
  }
  return
}
