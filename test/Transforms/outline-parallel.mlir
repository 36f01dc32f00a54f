// Outermost parallel loops become functions; how they run is decided later.

// RUN: gpt-opt %s -gpt-outline-parallel=min-work=0 -canonicalize -cse | FileCheck %s
// RUN: gpt-opt %s -gpt-outline-parallel=min-work=0 -scf-forall-to-for -canonicalize -cse -gpt-verify-loops-stage -o /dev/null

// A constant moves into the body, other values are passed.

// CHECK-LABEL: func.func @panels(
// CHECK-SAME:    %[[X:.*]]: memref<?x64xf32>, %[[Y:.*]]: memref<?x64xf32>, %[[N:.*]]: index, %[[S:.*]]: f32)
// CHECK:         %[[COUNT:.*]] = arith.maxsi %[[N]], %{{.*}}
// CHECK:         %[[WORK:.*]] = arith.muli %[[COUNT]], %c256
// CHECK:         call @panels_parallel(%[[WORK]], %[[COUNT]], %[[X]], %[[S]], %[[Y]])
// CHECK-NEXT:    return

// CHECK-LABEL: func.func private @panels_parallel(
// CHECK-SAME:    %{{.*}}: index, %[[COUNT:.*]]: index, %[[X:.*]]: memref<?x64xf32>, %[[S:.*]]: f32, %[[Y:.*]]: memref<?x64xf32>)
// CHECK-SAME:    attributes {gpt.parallel}
// CHECK:         %[[ZERO:.*]] = arith.constant 0 : index
// CHECK:         call @panels_parallel_body(%[[ZERO]], %[[COUNT]], %[[X]], %[[S]], %[[Y]])

// CHECK-LABEL: func.func private @panels_parallel_body(
// CHECK-SAME:    %[[BEGIN:.*]]: index, %[[END:.*]]: index, %[[X:.*]]: memref<?x64xf32>, %[[S:.*]]: f32, %[[Y:.*]]: memref<?x64xf32>)
// CHECK-DAG:     %[[TWO:.*]] = arith.constant 2.000000e+00 : f32
// CHECK:         scf.for %[[I:.*]] = %[[BEGIN]] to %[[END]] step %c1
// CHECK-NEXT:      scf.forall (%[[J:.*]]) in (64)
// CHECK-NEXT:        %[[A:.*]] = memref.load %[[X]][%[[I]], %[[J]]]
// CHECK-NEXT:        %[[B:.*]] = arith.mulf %[[A]], %[[TWO]]
// CHECK-NEXT:        %[[C:.*]] = arith.addf %[[B]], %[[S]]
// CHECK-NEXT:        memref.store %[[C]], %[[Y]][%[[I]], %[[J]]]
func.func @panels(%x: memref<?x64xf32>, %y: memref<?x64xf32>, %n: index, %s: f32) {
  %two = arith.constant 2.0 : f32
  scf.forall (%i) in (%n) {
    scf.forall (%j) in (64) {
      %a = memref.load %x[%i, %j] : memref<?x64xf32>
      %b = arith.mulf %a, %two : f32
      %c = arith.addf %b, %s : f32
      memref.store %c, %y[%i, %j] : memref<?x64xf32>
    }
  }
  return
}

// Several dimensions run over their product, the last one fastest. `gpt.work`
// is that of one iteration.

// CHECK-LABEL: func.func @two_dimensions(
// CHECK:         %[[ROWS:.*]] = arith.maxsi %{{.*}}, %c0
// CHECK:         %[[WORK0:.*]] = arith.muli %[[ROWS]], %c1000
// CHECK:         %[[COLUMNS:.*]] = arith.maxsi %{{.*}}, %c0
// CHECK:         %[[WORK:.*]] = arith.muli %[[WORK0]], %[[COLUMNS]]
// CHECK:         %[[COUNT:.*]] = arith.muli %[[ROWS]], %[[COLUMNS]]
// CHECK:         call @two_dimensions_parallel(%[[WORK]], %[[COUNT]], %{{.*}}, %[[COLUMNS]])

// CHECK-LABEL: func.func private @two_dimensions_parallel_body(
// CHECK-SAME:    %{{.*}}: index, %{{.*}}: index, %[[X:.*]]: memref<?x?xf32>, %[[COLUMNS:.*]]: index)
// CHECK:         scf.for %[[INDEX:.*]] =
// CHECK-NEXT:      %[[J:.*]] = arith.remui %[[INDEX]], %[[COLUMNS]]
// CHECK-NEXT:      %[[I:.*]] = arith.divui %[[INDEX]], %[[COLUMNS]]
// CHECK-NEXT:      %[[STEPS:.*]] = arith.muli %[[J]], %c32
// CHECK-NEXT:      %[[COLUMN:.*]] = arith.addi %[[STEPS]], %c2
// CHECK-NEXT:      memref.store %{{.*}}, %[[X]][%[[I]], %[[COLUMN]]]
func.func @two_dimensions(%x: memref<?x?xf32>, %n: index, %m: index) {
  %two = arith.constant 2.0 : f32
  scf.forall (%i, %j) = (0, 2) to (%n, %m) step (1, 32) {
    memref.store %two, %x[%i, %j] : memref<?x?xf32>
  } {gpt.work = 1000}
  return
}

// What a schedule leaves: a loop of one iteration around the one that counts,
// and the same for scf.parallel. Two loops make two pairs of functions.

// CHECK-LABEL: func.func @several(
// CHECK-SAME:    %[[X:.*]]: memref<1x8xf32>)
// CHECK:         call @several_parallel(%c8, %c8, %[[X]], %c0)
// CHECK:         call @several_parallel_0(%c80, %c8, %[[X]])
// CHECK-COUNT-4: func.func private
// CHECK-NOT:     func.func private @several
func.func @several(%x: memref<1x8xf32>) {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.forall (%b) in (1) {
    scf.forall (%i) in (8) {
      memref.store %zero, %x[%b, %i] : memref<1x8xf32>
    }
  }
  scf.parallel (%i) = (%c0) to (%c8) step (%c1) {
    %a = memref.load %x[%c0, %i] : memref<1x8xf32>
    %e = math.exp %a : f32
    memref.store %e, %x[%c0, %i] : memref<1x8xf32>
  }
  return
}
