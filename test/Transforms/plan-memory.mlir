// RUN: gpt-opt %s -gpt-plan-memory -canonicalize -cse -split-input-file -verify-diagnostics | FileCheck %s

// Static sizes: b is dead when c begins, and both are alive together with a.

// CHECK-LABEL: func.func @static(
//   CHECK-DAG:   %[[C0:.*]] = arith.constant 0 : index
//   CHECK-DAG:   %[[C1024:.*]] = arith.constant 1024 : index
//       CHECK:   %[[W:.*]] = memref.alloc() {alignment = 64 : i64, bufferization.manual_deallocation, gpt.workspace} : memref<1152xi8>
//       CHECK:   %[[A:.*]] = memref.view %[[W]][%[[C1024]]][] : memref<1152xi8> to memref<30xf32>
//       CHECK:   %[[B:.*]] = memref.view %[[W]][%[[C0]]][] : memref<1152xi8> to memref<256xf32>
//       CHECK:   call @use(%[[B]], %[[A]])
//       CHECK:   %[[C:.*]] = memref.view %[[W]][%[[C0]]][] : memref<1152xi8> to memref<64xf32>
//       CHECK:   call @use2(%[[C]], %[[A]])
//       CHECK:   memref.dealloc %[[W]] {bufferization.manual_deallocation, gpt.workspace}
// expected-remark @below {{'static' needs a workspace for 3 buffers, in bytes: 1152}}
func.func @static() {
  %a = memref.alloc() : memref<30xf32>
  %b = memref.alloc() : memref<256xf32>
  call @use(%b, %a) : (memref<256xf32>, memref<30xf32>) -> ()
  %c = memref.alloc() : memref<64xf32>
  call @use2(%c, %a) : (memref<64xf32>, memref<30xf32>) -> ()
  return
}
func.func private @use(memref<256xf32>, memref<30xf32>)
func.func private @use2(memref<64xf32>, memref<30xf32>)

// -----

// Sizes that are multiples of the same product are placed like static ones:
// h lies where q was. What is no multiple of a cache line is rounded up.

// CHECK-LABEL: func.func @dynamic(
//  CHECK-SAME:   %[[X:.*]]: memref<?x?x16xf32>
//   CHECK-DAG:   %[[B:.*]] = memref.dim %[[X]], %c0
//   CHECK-DAG:   %[[S:.*]] = memref.dim %[[X]], %c1
//   CHECK-DAG:   %[[BS:.*]] = arith.muli %[[B]], %[[S]]
//   CHECK-DAG:   %[[HALF:.*]] = arith.muli %[[BS]], %c256
//   CHECK-DAG:   %[[ALL:.*]] = arith.muli %[[BS]], %c512
//       CHECK:   %[[W:.*]] = memref.alloc(%{{.*}}) {{.*}}gpt.workspace
//       CHECK:   memref.view %[[W]][%c0][%[[B]], %[[S]]] : memref<?xi8> to memref<?x?x64xf32>
//       CHECK:   memref.view %[[W]][%[[HALF]]][%[[B]], %[[S]]] : memref<?xi8> to memref<?x?x64xf32>
//       CHECK:   memref.view %[[W]][%c0][%[[B]], %[[S]]] : memref<?xi8> to memref<?x?x16xf32>
//       CHECK:   memref.view %[[W]][%[[ALL]]][%[[B]], %[[S]]] : memref<?xi8> to memref<?x?xf32>
// expected-remark @below {{'dynamic' needs a workspace for 4 buffers, in bytes: 512 * (dim 0 of argument 0) * (dim 1 of argument 0) + round64(4 * (dim 0 of argument 0) * (dim 1 of argument 0))}}
func.func @dynamic(%x: memref<?x?x16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = memref.dim %x, %c0 : memref<?x?x16xf32>
  %s = memref.dim %x, %c1 : memref<?x?x16xf32>
  %q = memref.alloc(%b, %s) : memref<?x?x64xf32>
  %k = memref.alloc(%b, %s) : memref<?x?x64xf32>
  linalg.copy ins(%q : memref<?x?x64xf32>) outs(%k : memref<?x?x64xf32>)
  %h = memref.alloc(%b, %s) : memref<?x?x16xf32>
  %m = memref.alloc(%b, %s) : memref<?x?xf32>
  linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>],
                  iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x, %m : memref<?x?x16xf32>, memref<?x?xf32>) outs(%h : memref<?x?x16xf32>) {
  ^bb0(%in: f32, %mean: f32, %out: f32):
    linalg.yield %in : f32
  }
  return
}

// -----

// What a block needs is memory of its caller, the same for both calls; the
// caller's own buffers are beside it.

// CHECK-LABEL: func.func private @block(
//  CHECK-SAME:   %[[X:.*]]: memref<?x16xf32>, %[[Y:.*]]: memref<?x16xf32>, %[[W:.*]]: memref<?xi8>)
//       CHECK:   memref.view %[[W]][%c0]
// expected-remark @below {{'block' needs a workspace for 1 buffers, in bytes: 128 * (dim 0 of argument 0)}}
func.func private @block(%x: memref<?x16xf32>, %y: memref<?x16xf32>) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?x16xf32>
  %h = memref.alloc(%n) : memref<?x32xf32>
  %v = memref.load %h[%c0, %c0] : memref<?x32xf32>
  memref.store %v, %y[%c0, %c0] : memref<?x16xf32>
  return
}

// CHECK-LABEL: func.func @layers(
//  CHECK-SAME:   %[[X:.*]]: memref<?x16xf32>, %[[Z:.*]]: memref<?x16xf32>)
//       CHECK:   %[[W:.*]] = memref.alloc
//       CHECK:   %[[Y:.*]] = memref.view %[[W]]{{.*}} to memref<?x16xf32>
//       CHECK:   %[[BLOCK:.*]] = memref.view %[[W]][%c0]{{.*}} to memref<?xi8>
//       CHECK:   call @block(%[[X]], %[[Y]], %[[BLOCK]])
//       CHECK:   call @block(%[[Y]], %[[Z]], %[[BLOCK]])
// expected-remark @below {{'layers' needs a workspace for 3 buffers, in bytes: 192 * (dim 0 of argument 0)}}
func.func @layers(%x: memref<?x16xf32>, %z: memref<?x16xf32>) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?x16xf32>
  %y = memref.alloc(%n) : memref<?x16xf32>
  call @block(%x, %y) : (memref<?x16xf32>, memref<?x16xf32>) -> ()
  call @block(%y, %z) : (memref<?x16xf32>, memref<?x16xf32>) -> ()
  return
}

// -----

// Results, what a loop carries, sizes that memory decides, and buffers of
// parallel iterations have no place.

// CHECK-LABEL: func.func @left(
//   CHECK-NOT:   memref.view
func.func @left(%n: memref<index>, %x: memref<4xf32>) -> memref<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %size = memref.load %n[] : memref<index>
  // expected-remark @below {{buffer has no place in the memory plan: its size is not decided by the arguments}}
  %data = memref.alloc(%size) : memref<?xf32>
  %v = memref.load %data[%c0] : memref<?xf32>
  %carried = scf.for %i = %c0 to %c4 step %c1 iter_args(%last = %x) -> memref<4xf32> {
    %next = memref.alloc() : memref<4xf32>
    memref.copy %last, %next : memref<4xf32> to memref<4xf32>
    scf.yield %next : memref<4xf32>
  }
  scf.forall (%i) in (4) {
    // expected-remark @below {{each iteration of a parallel loop needs its own}}
    %tile = memref.alloc() : memref<4xf32>
    memref.store %v, %tile[%i] : memref<4xf32>
  }
  affine.parallel (%i) = (0) to (4) {
    // expected-remark @below {{each iteration of a parallel loop needs its own}}
    %tile = memref.alloc() : memref<4xf32>
    memref.store %v, %tile[%i] : memref<4xf32>
  }
  %result = memref.alloc() : memref<4xf32>
  memref.copy %carried, %result : memref<4xf32> to memref<4xf32>
  return %result : memref<4xf32>
}

// -----

// Extents of one name are equal, so these two never live at once share a place.
// CHECK-LABEL: func.func @named(
//  CHECK-SAME:   %[[X:[a-z0-9]*]]: memref<?xf32> {gpt.dims = ["n"]}
//       CHECK:   %[[N:.*]] = memref.dim %[[X]], %c0
//   CHECK-NOT:   memref.dim
//       CHECK:   %[[W:.*]] = memref.alloc
//       CHECK:   memref.view %[[W]][%c0][%[[N]]] : memref<?xi8> to memref<?x64xf32>
//       CHECK:   memref.view %[[W]][%c0][%[[N]]] : memref<?xi8> to memref<?x16xf32>
// expected-remark @below {{'named' needs a workspace for 2 buffers, in bytes: 256 * (dim 0 of argument 0)}}
func.func @named(%x: memref<?xf32> {gpt.dims = ["n"]}, %y: memref<4x?xf32> {gpt.dims = ["", "n"]}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %m = memref.dim %y, %c1 : memref<4x?xf32>
  %a = memref.alloc(%n) : memref<?x64xf32>
  call @take(%a) : (memref<?x64xf32>) -> ()
  %b = memref.alloc(%m) : memref<?x16xf32>
  call @take_less(%b) : (memref<?x16xf32>) -> ()
  return
}
func.func private @take(memref<?x64xf32>)
func.func private @take_less(memref<?x16xf32>)

// -----

// The extent of rows that are three dimensions is the product of theirs.

// CHECK-LABEL: func.func @rows_of_three_dimensions(
//  CHECK-SAME:   %[[X:.*]]: memref<?x?x?x16xf32>
//   CHECK-DAG:   %[[A:.*]] = memref.dim %[[X]], %c0
//   CHECK-DAG:   %[[B:.*]] = memref.dim %[[X]], %c1
//   CHECK-DAG:   %[[C:.*]] = memref.dim %[[X]], %c2
//   CHECK-NOT:   memref.dim
//       CHECK:   return
// expected-remark @below {{'rows_of_three_dimensions' needs a workspace for 1 buffers, in bytes: 64 * (dim 0 of argument 0) * (dim 1 of argument 0) * (dim 2 of argument 0)}}
func.func @rows_of_three_dimensions(%x: memref<?x?x?x16xf32>) {
  %c0 = arith.constant 0 : index
  %rows = memref.collapse_shape %x [[0, 1, 2], [3]] : memref<?x?x?x16xf32> into memref<?x16xf32>
  %n = memref.dim %rows, %c0 : memref<?x16xf32>
  %y = memref.alloc(%n) : memref<?x16xf32>
  linalg.copy ins(%rows : memref<?x16xf32>) outs(%y : memref<?x16xf32>)
  return
}

// -----

// Elements other than numbers: a complex number has two parts, a vector takes
// what it is aligned to, bits take bytes each.

// CHECK-LABEL: func.func @elements(
//   CHECK-DAG:   %[[C0:.*]] = arith.constant 0 : index
//   CHECK-DAG:   %[[C2048:.*]] = arith.constant 2048 : index
//   CHECK-DAG:   %[[C2560:.*]] = arith.constant 2560 : index
//   CHECK-DAG:   %[[C3072:.*]] = arith.constant 3072 : index
//       CHECK:   memref.view %{{.*}}[%[[C2048]]][] : memref<3200xi8> to memref<32xcomplex<f64>>
//       CHECK:   memref.view %{{.*}}[%[[C0]]][] : memref<3200xi8> to memref<32xvector<16xf32>>
//       CHECK:   memref.view %{{.*}}[%[[C2560]]][] : memref<3200xi8> to memref<32xvector<3xf32>>
//       CHECK:   memref.view %{{.*}}[%[[C3072]]][] : memref<3200xi8> to memref<32xi24>
// expected-remark @below {{'elements' needs a workspace for 4 buffers, in bytes: 3200}}
func.func @elements() {
  %complex = memref.alloc() : memref<32xcomplex<f64>>
  %vector = memref.alloc() : memref<32xvector<16xf32>>
  %padded = memref.alloc() : memref<32xvector<3xf32>>
  %integer = memref.alloc() : memref<32xi24>
  call @use_all(%complex, %vector, %padded, %integer) : (memref<32xcomplex<f64>>, memref<32xvector<16xf32>>, memref<32xvector<3xf32>>, memref<32xi24>) -> ()
  return
}
func.func private @use_all(memref<32xcomplex<f64>>, memref<32xvector<16xf32>>, memref<32xvector<3xf32>>, memref<32xi24>)

// -----

// Elements whose size is not known, and more of them than there are addresses.

// CHECK-LABEL: func.func @unknown(
//   CHECK-NOT:   memref.view
//       CHECK:   memref.alloc() : memref<4xmemref<4xf32>>
//       CHECK:   memref.alloc() : memref<4xvector<32xf32>>
//       CHECK:   memref.alloc() : memref<4611686018427387904x4xf32>
//   CHECK-NOT:   memref.view
func.func @unknown() {
  // expected-remark @below {{buffer has no place in the memory plan: its elements are too large or of unknown size}}
  %a = memref.alloc() : memref<4xmemref<4xf32>>
  // expected-remark @below {{buffer has no place in the memory plan: its elements are too large or of unknown size}}
  %b = memref.alloc() : memref<4xvector<32xf32>>
  // expected-remark @below {{buffer has no place in the memory plan: its elements are too large or of unknown size}}
  %c = memref.alloc() : memref<4611686018427387904x4xf32>
  call @use_unknown(%a, %b, %c) : (memref<4xmemref<4xf32>>, memref<4xvector<32xf32>>, memref<4611686018427387904x4xf32>) -> ()
  return
}
func.func private @use_unknown(memref<4xmemref<4xf32>>, memref<4xvector<32xf32>>, memref<4611686018427387904x4xf32>)

// -----

// A chain of squares: some are taken apart, the rest are sizes of their own.

// CHECK-LABEL: func.func @squares(
//       CHECK:   memref.view
// expected-remark @below {{'squares' needs a workspace for 1 buffers, in bytes: round64(4 * (size 0)}}
func.func @squares(%n: index) {
  %1 = arith.muli %n, %n : index
  %2 = arith.muli %1, %1 : index
  %3 = arith.muli %2, %2 : index
  %4 = arith.muli %3, %3 : index
  %5 = arith.muli %4, %4 : index
  %6 = arith.muli %5, %5 : index
  %7 = arith.muli %6, %6 : index
  %8 = arith.muli %7, %7 : index
  %9 = arith.muli %8, %8 : index
  %10 = arith.muli %9, %9 : index
  %11 = arith.muli %10, %10 : index
  %12 = arith.muli %11, %11 : index
  %13 = arith.muli %12, %12 : index
  %14 = arith.muli %13, %13 : index
  %15 = arith.muli %14, %14 : index
  %16 = arith.muli %15, %15 : index
  %17 = arith.muli %16, %16 : index
  %18 = arith.muli %17, %17 : index
  %19 = arith.muli %18, %18 : index
  %20 = arith.muli %19, %19 : index
  %21 = arith.muli %20, %20 : index
  %22 = arith.muli %21, %21 : index
  %23 = arith.muli %22, %22 : index
  %24 = arith.muli %23, %23 : index
  %25 = arith.muli %24, %24 : index
  %26 = arith.muli %25, %25 : index
  %27 = arith.muli %26, %26 : index
  %28 = arith.muli %27, %27 : index
  %29 = arith.muli %28, %28 : index
  %30 = arith.muli %29, %29 : index
  %31 = arith.muli %30, %30 : index
  %32 = arith.muli %31, %31 : index
  %33 = arith.muli %32, %32 : index
  %34 = arith.muli %33, %33 : index
  %35 = arith.muli %34, %34 : index
  %36 = arith.muli %35, %35 : index
  %37 = arith.muli %36, %36 : index
  %38 = arith.muli %37, %37 : index
  %39 = arith.muli %38, %38 : index
  %40 = arith.muli %39, %39 : index
  %x = memref.alloc(%40) : memref<?xf32>
  call @take(%x) : (memref<?xf32>) -> ()
  return
}
func.func private @take(memref<?xf32>)
