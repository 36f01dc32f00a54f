// The estimate of work: computed in front of the loop, whatever is inside.

// RUN: gpt-opt %s -gpt-outline-parallel -canonicalize -cse | FileCheck %s
// RUN: gpt-opt %s -gpt-outline-parallel=min-work=1000000 | FileCheck %s --check-prefix=LARGE

// A contraction counts its iterations, an inner loop with a size of its own its
// trips: 8 panels * (k / 4 trips * (8 * 32 * 4 + 32 and 128 for the loads) + 256
// for the store).

// CHECK-LABEL: func.func @contraction(
// CHECK-SAME:    %{{.*}}: memref<?x8xf32>, %{{.*}}: memref<?x32xf32>, %{{.*}}: memref<8x8x32xf32>, %[[K:.*]]: index)
// CHECK:         %[[TRIPS:.*]] = arith.ceildivsi %[[K]], %c4
// CHECK:         %[[CLAMPED:.*]] = arith.maxsi %[[TRIPS]], %c0
// CHECK:         %[[INNER:.*]] = arith.muli %[[CLAMPED]], %c1184
// CHECK:         %[[ONE:.*]] = arith.addi %[[INNER]], %c256
// CHECK:         %[[ALL:.*]] = arith.muli %[[ONE]], %c8
// CHECK:         call @contraction_parallel(%[[ALL]], %c8,
func.func @contraction(%a: memref<?x8xf32>, %b: memref<?x32xf32>, %c: memref<8x8x32xf32>, %k: index) {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %pad = arith.constant 0.0 : f32
  %zero = arith.constant dense<0.0> : vector<8x32xf32>
  scf.forall (%i) in (8) {
    %sum = scf.for %l = %c0 to %k step %c4 iter_args(%acc = %zero) -> vector<8x32xf32> {
      %x = vector.transfer_read %a[%l, %c0], %pad {in_bounds = [true, true]} : memref<?x8xf32>, vector<4x8xf32>
      %y = vector.transfer_read %b[%l, %c0], %pad {in_bounds = [true, true]} : memref<?x32xf32>, vector<4x32xf32>
      %z = vector.contract {
          indexing_maps = [affine_map<(m, n, k) -> (k, m)>, affine_map<(m, n, k) -> (k, n)>,
                           affine_map<(m, n, k) -> (m, n)>],
          iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>}
          %x, %y, %acc : vector<4x8xf32>, vector<4x32xf32> into vector<8x32xf32>
      scf.yield %z : vector<8x32xf32>
    }
    vector.transfer_write %sum, %c[%i, %c0, %c0] {in_bounds = [true, true]} : vector<8x32xf32>, memref<8x8x32xf32>
  }
  return
}

// A size that only the iteration knows counts with what bounds it; one that is
// computed inside from values outside is computed outside.

// CHECK-LABEL: func.func @tiles(
// CHECK-SAME:    %[[X:.*]]: memref<?xf32>, %[[N:.*]]: index)
// CHECK:         %[[DIM:.*]] = memref.dim %[[X]], %c0
// CHECK:         %[[SIZE:.*]] = arith.maxsi %[[DIM]], %c0
// CHECK:         %[[ONE:.*]] = arith.addi %[[SIZE]], %c32
// CHECK:         %[[COUNT:.*]] = arith.maxsi %[[N]], %c0
// CHECK:         %[[ALL:.*]] = arith.muli %[[ONE]], %[[COUNT]]
// CHECK:         call @tiles_parallel(%[[ALL]], %[[COUNT]],
func.func @tiles(%x: memref<?xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  scf.forall (%i) in (%n) {
    %rest = affine.min affine_map<(d0)[s0] -> (32, s0 - d0)>(%i)[%n]
    scf.for %j = %c0 to %rest step %c1 {
      memref.store %zero, %x[%j] : memref<?xf32>
    }
    %size = memref.dim %x, %c0 : memref<?xf32>
    scf.for %j = %c0 to %size step %c1 {
      memref.store %zero, %x[%j] : memref<?xf32>
    }
  }
  return
}

// Known to be too little, at least for one of the two thresholds.

// CHECK-LABEL: func.func @small(
// CHECK:         scf.forall
// LARGE-LABEL: func.func @small(
// LARGE:         scf.forall
func.func @small(%x: memref<16xf32>) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%i) in (16) {
    memref.store %zero, %x[%i] : memref<16xf32>
  }
  return
}

// CHECK-LABEL: func.func @medium(
// CHECK:         call @medium_parallel(%c16000000, %c16,
// CHECK:         call @medium_parallel_0(%c160000, %c16,
// LARGE-LABEL: func.func @medium(
// LARGE:         call @medium_parallel(
// LARGE:         scf.forall
func.func @medium(%x: memref<16xf32>) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%i) in (16) {
    memref.store %zero, %x[%i] : memref<16xf32>
  } {gpt.work = 1000000}
  scf.forall (%i) in (16) {
    memref.store %zero, %x[%i] : memref<16xf32>
  } {gpt.work = 10000}
  return
}

// Loops with results are not for memory, those without iterations for nobody.

// CHECK-LABEL: func.func @untouched(
// CHECK-NOT:     call @
// CHECK:         return
func.func @untouched(%x: tensor<8xf32>, %y: memref<8xf32>, %n: index) -> (tensor<8xf32>, f32) {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %0 = scf.forall (%i) in (8) shared_outs(%o = %x) -> tensor<8xf32> {
    %slice = tensor.extract_slice %x[%i] [1] [1] : tensor<8xf32> to tensor<1xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %slice into %o[%i] [1] [1] : tensor<1xf32> into tensor<8xf32>
    }
  }
  scf.forall (%i, %j) in (%n, 0) {
    memref.store %zero, %y[%i] : memref<8xf32>
  }
  %sum = scf.parallel (%i) = (%c0) to (%n) step (%c1) init (%zero) -> f32 {
    %a = memref.load %y[%i] : memref<8xf32>
    scf.reduce(%a : f32) {
    ^bb0(%l: f32, %r: f32):
      %s = arith.addf %l, %r : f32
      scf.reduce.return %s : f32
    }
  }
  return %0, %sum : tensor<8xf32>, f32
}
