// Ops that schedules have not tiled get a parallel loop around them.

// RUN: gpt-opt %s -gpt-tile-for-threads -canonicalize -cse | FileCheck %s
// RUN: gpt-opt %s -gpt-tile-for-threads -convert-linalg-to-loops -fold-memref-alias-ops -gpt-outline-parallel -canonicalize | FileCheck %s --check-prefix=OUTLINED

// Batch and sequence by single iterations; features stay whole.

// CHECK-LABEL: func.func @rows(
// CHECK:         scf.parallel (%[[B:.*]], %[[S:.*]]) = (%c0, %c0) to (%{{.*}}, %{{.*}}) step (%c1, %c1)
// CHECK:           linalg.generic
// CHECK-SAME:        memref<1x1x64xf32,
// OUTLINED-LABEL: func.func private @rows_parallel_body
func.func @rows(%x: memref<?x?x64xf32>, %y: memref<?x?x64xf32>) {
  linalg.generic {
      indexing_maps = [affine_map<(b, s, d) -> (b, s, d)>, affine_map<(b, s, d) -> (b, s, d)>],
      iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : memref<?x?x64xf32>) outs(%y : memref<?x?x64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %0 = math.exp %a : f32
    linalg.yield %0 : f32
  }
  return
}

// One row: its features, in long runs. The sum over %k is not split.

// CHECK-LABEL: func.func @row_times_matrix(
// CHECK:         scf.parallel (%[[B:.*]], %[[N:.*]]) = (%c0, %c0) to (%{{.*}}, %c2304) step (%c1, %c320)
// CHECK:           linalg.generic
// CHECK-SAME:        iterator_types = ["parallel", "parallel", "reduction", "parallel"]
// CHECK-SAME:        memref<1x1x768xf32,
// CHECK-SAME:        memref<768x?xf32,
func.func @row_times_matrix(%x: memref<?x1x768xf32>, %w: memref<768x2304xf32>, %y: memref<?x1x2304xf32>) {
  linalg.generic {
      indexing_maps = [affine_map<(b, s, k, n) -> (b, s, k)>, affine_map<(b, s, k, n) -> (k, n)>,
                       affine_map<(b, s, k, n) -> (b, s, n)>],
      iterator_types = ["parallel", "parallel", "reduction", "parallel"]}
      ins(%x, %w : memref<?x1x768xf32>, memref<768x2304xf32>) outs(%y : memref<?x1x2304xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %o, %0 : f32
    linalg.yield %1 : f32
  }
  return
}

// Heads are enough: what is inside stays whole. A large loop makes 64 tiles.

// CHECK-LABEL: func.func @heads(
// CHECK:         scf.parallel (%[[H:.*]]) = (%c0) to (%c12) step (%c1)
// CHECK:           linalg.generic
// CHECK-SAME:        memref<1x?x64xf32,
// CHECK:         scf.parallel (%[[N:.*]]) = (%c0) to (%c50257) step (%c786)
// CHECK:           linalg.generic
func.func @heads(%q: memref<12x64xf32>, %k: memref<12x?x64xf32>, %p: memref<12x?xf32>,
                 %x: memref<64xf32>, %w: memref<50257x64xf32>, %y: memref<50257xf32>) {
  linalg.generic {
      indexing_maps = [affine_map<(h, t, d) -> (h, d)>, affine_map<(h, t, d) -> (h, t, d)>,
                       affine_map<(h, t, d) -> (h, t)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%q, %k : memref<12x64xf32>, memref<12x?x64xf32>) outs(%p : memref<12x?xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %o, %0 : f32
    linalg.yield %1 : f32
  }
  linalg.generic {
      indexing_maps = [affine_map<(n, k) -> (k)>, affine_map<(n, k) -> (n, k)>,
                       affine_map<(n, k) -> (n)>],
      iterator_types = ["parallel", "reduction"]}
      ins(%x, %w : memref<64xf32>, memref<50257x64xf32>) outs(%y : memref<50257xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %o, %0 : f32
    linalg.yield %1 : f32
  }
  return
}

// Too little, nothing but a sum, and what a schedule has tiled already.

// CHECK-LABEL: func.func @untouched(
// CHECK-NOT:     scf.parallel
// CHECK:         scf.forall
// CHECK-NOT:     scf.parallel
// CHECK:         return
func.func @untouched(%x: memref<64x64xf32>, %y: memref<64x64xf32>, %v: memref<?xf32>,
                     %s: memref<f32>, %z: memref<64x?xf32>) {
  linalg.copy ins(%x : memref<64x64xf32>) outs(%y : memref<64x64xf32>)
  linalg.generic {
      indexing_maps = [affine_map<(k) -> (k)>, affine_map<(k) -> ()>],
      iterator_types = ["reduction"]}
      ins(%v : memref<?xf32>) outs(%s : memref<f32>) {
  ^bb0(%a: f32, %o: f32):
    %0 = arith.addf %a, %o : f32
    linalg.yield %0 : f32
  }
  %zero = arith.constant 0.0 : f32
  scf.forall (%i) in (4) {
    linalg.fill ins(%zero : f32) outs(%z : memref<64x?xf32>)
  }
  return
}
