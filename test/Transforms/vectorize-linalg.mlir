// RUN: gpt-opt %s -gpt-vectorize-linalg=lanes=16 -canonicalize -cse -split-input-file -verify-diagnostics | FileCheck %s
// RUN: not gpt-opt %s --split-input-file "--pass-pipeline=builtin.module(func.func(gpt-vectorize-linalg{lanes=3}))" 2>&1 | FileCheck %s --check-prefix=OPTION

// OPTION: expected 'lanes' to be a power of two greater than 1, got 3

#rows = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
#column = affine_map<(i, j) -> (j)>

// A size that is a multiple of four registers has no rest; what is the same for
// a row is a scalar, read once.

// CHECK-LABEL: func.func @static(
//  CHECK-SAME:   %[[X:.*]]: memref<?x128xf32>, %[[MEAN:.*]]: memref<?xf32>, %[[W:.*]]: memref<128xbf16>, %[[Y:.*]]: memref<?x128xf32>)
//       CHECK:   scf.for %[[I:.*]] =
//       CHECK:     %[[M:.*]] = memref.load %[[MEAN]][%[[I]]]
//       CHECK:     scf.for %[[J:.*]] = %c0 to %c128 step %c64 {
//   CHECK-DAG:       %[[A:.*]] = vector.load %[[X]][%[[I]], %[[J]]] : memref<?x128xf32>, vector<64xf32>
//   CHECK-DAG:       %[[B:.*]] = vector.load %[[W]][%[[J]]] : memref<128xbf16>, vector<64xbf16>
//   CHECK-DAG:       %[[MS:.*]] = vector.broadcast %[[M]] : f32 to vector<64xf32>
//       CHECK:       %[[C:.*]] = arith.subf %[[A]], %[[MS]] fastmath<contract> : vector<64xf32>
//       CHECK:       %[[F:.*]] = arith.extf %[[B]] : vector<64xbf16> to vector<64xf32>
//       CHECK:       %[[R:.*]] = arith.mulf %[[C]], %[[F]] : vector<64xf32>
//       CHECK:       vector.store %[[R]], %[[Y]][%[[I]], %[[J]]]
//   CHECK-NOT:   create_mask
func.func @static(%x: memref<?x128xf32>, %mean: memref<?xf32>, %w: memref<128xbf16>, %y: memref<?x128xf32>) {
  linalg.generic {indexing_maps = [#rows, #row, #column, #rows], iterator_types = ["parallel", "parallel"]}
      ins(%x, %mean, %w : memref<?x128xf32>, memref<?xf32>, memref<128xbf16>) outs(%y : memref<?x128xf32>) {
  ^bb0(%in: f32, %m: f32, %b: bf16, %out: f32):
    %c = arith.subf %in, %m fastmath<contract> : f32
    %f = arith.extf %b : bf16 to f32
    %r = arith.mulf %c, %f : f32
    linalg.yield %r : f32
  }
  return
}

// -----

#vector = affine_map<(i) -> (i)>

// A size that is not known: whole vectors, then masked ones. Functions need
// registers, so each step has one vector.

// CHECK-LABEL: func.func @dynamic(
//  CHECK-SAME:   %[[X:.*]]: memref<?xf32>)
//       CHECK:   %[[N:.*]] = memref.dim %[[X]]
//       CHECK:   %[[REMAINDER:.*]] = arith.remui %[[N]], %c16
//       CHECK:   %[[ROUNDED:.*]] = arith.subi %[[N]], %[[REMAINDER]]
//       CHECK:   scf.for %{{.*}} = %c0 to %[[ROUNDED]] step %c16 {
//       CHECK:     math.exp %{{.*}} : vector<16xf32>
//       CHECK:   scf.for %[[I:.*]] = %[[ROUNDED]] to %[[N]] step %c16 {
//       CHECK:     %[[LEFT:.*]] = arith.subi %[[N]], %[[I]]
//       CHECK:     %[[MASK:.*]] = vector.create_mask %[[LEFT]] : vector<16xi1>
//       CHECK:     vector.maskedload %[[X]][%[[I]]], %[[MASK]]
//       CHECK:     math.exp %{{.*}} : vector<16xf32>
//       CHECK:     vector.maskedstore %[[X]][%[[I]]], %[[MASK]]
func.func @dynamic(%x: memref<?xf32>) {
  linalg.generic {indexing_maps = [#vector, #vector], iterator_types = ["parallel"]}
      ins(%x : memref<?xf32>) outs(%x : memref<?xf32>) {
  ^bb0(%in: f32, %out: f32):
    %e = math.exp %in : f32
    linalg.yield %e : f32
  }
  return
}

// -----

#rows = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>

// Sums of lanes; the lanes behind the end of 17 elements add nothing.

// CHECK-LABEL: func.func @sum(
//  CHECK-SAME:   %[[X:.*]]: memref<8x17xf32>, %[[Y:.*]]: memref<8xf32>)
//   CHECK-DAG:   %[[ZEROS:.*]] = arith.constant dense<0.000000e+00> : vector<16xf32>
//       CHECK:   scf.for %[[I:.*]] =
//       CHECK:     %[[OLD:.*]] = memref.load %[[Y]][%[[I]]]
//       CHECK:     %[[WHOLE:.*]] = vector.load %[[X]][%[[I]], %c0] : memref<8x17xf32>, vector<16xf32>
//       CHECK:     %[[SUM:.*]] = vector.reduction <add>, %{{.*}}, %[[OLD]] fastmath<reassoc>
//       CHECK:     vector.maskedload
//       CHECK:     arith.select %{{.*}}, %{{.*}}, %[[ZEROS]]
//       CHECK:     %[[ALL:.*]] = vector.reduction <add>, %{{.*}}, %[[SUM]] fastmath<reassoc>
//       CHECK:     memref.store %[[ALL]], %[[Y]][%[[I]]]
func.func @sum(%x: memref<8x17xf32>, %y: memref<8xf32>) {
  linalg.generic {indexing_maps = [#rows, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<8x17xf32>) outs(%y : memref<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %s = arith.addf %out, %in fastmath<reassoc> : f32
    linalg.yield %s : f32
  }
  return
}

// -----

#ids = affine_map<(i, j) -> (i)>
#rows = affine_map<(i, j) -> (i, j)>

// Looked-up rows are copied as vectors.

// CHECK-LABEL: func.func @embedding(
//  CHECK-SAME:   %[[IDS:.*]]: memref<?xi64>, %[[TABLE:.*]]: memref<100x64xf32>, %[[Y:.*]]: memref<?x64xf32>)
//       CHECK:   scf.for %[[I:.*]] =
//       CHECK:     %[[ID:.*]] = memref.load %[[IDS]][%[[I]]]
//       CHECK:     %[[ROW:.*]] = arith.index_cast %[[ID]] : i64 to index
//       CHECK:     %[[V:.*]] = vector.load %[[TABLE]][%[[ROW]], %c0] : memref<100x64xf32>, vector<64xf32>
//       CHECK:     vector.store %[[V]], %[[Y]][%[[I]], %c0]
func.func @embedding(%ids: memref<?xi64>, %table: memref<100x64xf32>, %y: memref<?x64xf32>) {
  linalg.generic {indexing_maps = [#ids, #rows], iterator_types = ["parallel", "parallel"]}
      ins(%ids : memref<?xi64>) outs(%y : memref<?x64xf32>) {
  ^bb0(%id: i64, %out: f32):
    %row = arith.index_cast %id : i64 to index
    %column = linalg.index 1 : index
    %v = memref.load %table[%row, %column] : memref<100x64xf32>
    linalg.yield %v : f32
  }
  return
}

// -----

#id = affine_map<(i) -> ()>
#row = affine_map<(i) -> (i)>
#shift = affine_map<(d0)[s0] -> (d0 + s0)>

// A part of a row, as tiling leaves it.

// CHECK-LABEL: func.func @part_of_embedding(
//  CHECK-SAME:   %{{.*}}: memref<i64>, %[[TABLE:.*]]: memref<100x64xf32>, %[[Y:.*]]: memref<16xf32, strided<[1], offset: ?>>, %[[BEGIN:.*]]: index)
//       CHECK:   %[[V:.*]] = vector.load %[[TABLE]][%{{.*}}, %[[BEGIN]]] : memref<100x64xf32>, vector<16xf32>
//       CHECK:   vector.store %[[V]], %[[Y]][%c0]
func.func @part_of_embedding(%id: memref<i64>, %table: memref<100x64xf32>,
    %y: memref<16xf32, strided<[1], offset: ?>>, %begin: index) {
  linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel"]}
      ins(%id : memref<i64>) outs(%y : memref<16xf32, strided<[1], offset: ?>>) {
  ^bb0(%in: i64, %out: f32):
    %i = linalg.index 0 : index
    %column = affine.apply #shift(%begin)[%i]
    %row = arith.index_cast %in : i64 to index
    %v = memref.load %table[%row, %column] : memref<100x64xf32>
    linalg.yield %v : f32
  }
  return
}

// -----

#vector = affine_map<(i) -> (i)>

// Every second element: neighbours under a mask of 16 of 32, shuffled.

// CHECK-LABEL: func.func @second(
//  CHECK-SAME:   %[[X:.*]]: memref<16xf32>, %[[Y:.*]]: memref<16xf32, strided<[2]>>)
//   CHECK-DAG:   %[[LANES:.*]] = arith.constant dense<[true, false, true, false, {{.*}}]> : vector<32xi1>
//       CHECK:   %[[FLAT:.*]] = memref.reinterpret_cast %[[Y]] to offset: [0], sizes: [31], strides: [1]
//       CHECK:   %[[V:.*]] = vector.load %[[X]][%c0]
//       CHECK:   %[[SPREAD:.*]] = vector.shuffle %[[V]], %[[V]] [0, 0, 1, 1,
//       CHECK:   vector.maskedstore %[[FLAT]][%c0], %[[LANES]], %[[SPREAD]]
func.func @second(%x: memref<16xf32>, %y: memref<16xf32, strided<[2]>>) {
  linalg.generic {indexing_maps = [#vector, #vector], iterator_types = ["parallel"]}
      ins(%x : memref<16xf32>) outs(%y : memref<16xf32, strided<[2]>>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  }
  return
}

// -----

#rows = affine_map<(i, j) -> (i, j)>
#columns = affine_map<(i, j) -> (j, i)>

// Of two loops, each with one operand whose elements are apart, the inner one.

// CHECK-LABEL: func.func @transpose(
//  CHECK-SAME:   %[[X:.*]]: memref<16x33xf32>, %[[Y:.*]]: memref<33x16xf32>)
//   CHECK-DAG:   %[[STRIDE:.*]] = arith.constant dense<33> : vector<16xindex>
//       CHECK:   %[[ROW:.*]] = memref.reinterpret_cast {{.*}} sizes: [528], strides: [1]
//       CHECK:   %[[FLAT:.*]] = memref.cast %[[ROW]]
//       CHECK:   scf.for %[[I:.*]] =
//       CHECK:     %[[LANES:.*]] = vector.step
//       CHECK:     %[[PLACES:.*]] = arith.muli %[[LANES]], %[[STRIDE]]
//       CHECK:     %[[V:.*]] = vector.gather %[[FLAT]][%[[I]]] [%[[PLACES]]]
//       CHECK:     vector.store %[[V]], %[[Y]][%[[I]], %c0]
func.func @transpose(%x: memref<16x33xf32>, %y: memref<33x16xf32>) {
  linalg.generic {indexing_maps = [#columns, #rows], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<16x33xf32>) outs(%y : memref<33x16xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  }
  return
}

// -----

#vector = affine_map<(i) -> (i)>

// Each lane looks up another row.

// CHECK-LABEL: func.func @lookup(
//       CHECK:   %[[IDS:.*]] = vector.load
//       CHECK:   %[[ROWS:.*]] = arith.index_cast %[[IDS]] : vector<16xi64> to vector<16xindex>
//       CHECK:   %[[PLACES:.*]] = arith.muli %[[ROWS]],
//       CHECK:   vector.gather %{{.*}}[%c0] [%[[PLACES]]]
func.func @lookup(%ids: memref<16xi64>, %table: memref<?x?xf32>, %y: memref<16xf32>) {
  %c0 = arith.constant 0 : index
  linalg.generic {indexing_maps = [#vector, #vector], iterator_types = ["parallel"]}
      ins(%ids : memref<16xi64>) outs(%y : memref<16xf32>) {
  ^bb0(%id: i64, %out: f32):
    %row = arith.index_cast %id : i64 to index
    %v = memref.load %table[%row, %c0] : memref<?x?xf32>
    linalg.yield %v : f32
  }
  return
}

// -----

#vector = affine_map<(i) -> (i)>
#scalar = affine_map<(i) -> ()>

// CHECK-LABEL: func.func @left(
// CHECK-COUNT-2: linalg.generic
func.func @left(%x: memref<?xf32>, %s: memref<f32>, %bits: memref<?xi1>) {
  // expected-remark @below {{is not vectorised: the order of the sum is fixed}}
  linalg.generic {indexing_maps = [#vector, #scalar], iterator_types = ["reduction"]}
      ins(%x : memref<?xf32>) outs(%s : memref<f32>) {
  ^bb0(%in: f32, %out: f32):
    %sum = arith.addf %out, %in : f32
    linalg.yield %sum : f32
  }
  // expected-remark @below {{is not vectorised: of an element type without vectors}}
  linalg.generic {indexing_maps = [#vector], iterator_types = ["parallel"]} outs(%bits : memref<?xi1>) {
  ^bb0(%out: i1):
    %true = arith.constant true
    linalg.yield %true : i1
  }
  return
}

// -----

#same = affine_map<(i) -> (i)>
#first = affine_map<(i) -> (0)>

// Lanes write to places of their own, or are summed up. Nothing is to be done
// where there is no element.
// CHECK-LABEL: func.func @outputs(
// CHECK-COUNT-2: linalg.generic
func.func @outputs(%x: memref<33xf32>, %y: memref<33xf32>, %none: memref<0xf32>) {
  // expected-remark @below {{is not vectorised: lanes would write to the same place}}
  linalg.generic {indexing_maps = [#same, #first], iterator_types = ["parallel"]}
      ins(%x : memref<33xf32>) outs(%y : memref<33xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  }
  // expected-remark @below {{is not vectorised: an output has a place per step of the reduction}}
  linalg.generic {indexing_maps = [#same, #same], iterator_types = ["reduction"]}
      ins(%x : memref<33xf32>) outs(%y : memref<33xf32>) {
  ^bb0(%in: f32, %out: f32):
    %sum = arith.addf %in, %out fastmath<reassoc> : f32
    linalg.yield %sum : f32
  }
  // expected-remark @below {{is not vectorised: all loops have one iteration}}
  linalg.generic {indexing_maps = [#same], iterator_types = ["parallel"]} outs(%none : memref<0xf32>) {
  ^bb0(%out: f32):
    %zero = arith.constant 0.0 : f32
    linalg.yield %zero : f32
  }
  return
}

// -----

#same = affine_map<(i) -> (i)>

// Lanes behind the end do not divide by the zeros that they have read.
// CHECK-LABEL: func.func @division(
//       CHECK:   %[[ONES:.+]] = arith.constant dense<1> : vector<8xi32>
//       CHECK:   %[[MASK:.+]] = vector.constant_mask [5]
//       CHECK:   %[[X:.+]] = vector.maskedload %{{.+}}, %[[MASK]]
//       CHECK:   %[[Y:.+]] = vector.maskedload %{{.+}}, %[[MASK]]
//       CHECK:   %[[DIVISOR:.+]] = arith.select %[[MASK]], %[[Y]], %[[ONES]]
//       CHECK:   arith.divsi %[[X]], %[[DIVISOR]] : vector<8xi32>
func.func @division(%x: memref<5xi32>, %y: memref<5xi32>, %z: memref<5xi32>) {
  linalg.generic {indexing_maps = [#same, #same, #same], iterator_types = ["parallel"]}
      ins(%x, %y : memref<5xi32>, memref<5xi32>) outs(%z : memref<5xi32>) {
  ^bb0(%a: i32, %b: i32, %out: i32):
    %quotient = arith.divsi %a, %b : i32
    linalg.yield %quotient : i32
  }
  return
}
