// RUN: gpt-opt %s -pass-pipeline='builtin.module(func.func(gpt-hoist-loop-buffers{stack-bytes=128}))' | FileCheck %s

// The first buffer fits the stack, the second no longer does.

// CHECK-LABEL: func.func @loop(
//       CHECK:   %[[LARGE:.*]] = memref.alloc() : memref<32xf32>
//       CHECK:   %[[SMALL:.*]] = memref.alloca() {alignment = 64 : i64} : memref<16xf32>
//       CHECK:   scf.for
//   CHECK-NOT:     memref.alloc
//       CHECK:     linalg.copy ins(%[[SMALL]] : memref<16xf32>)
//       CHECK:     linalg.fill {{.*}} outs(%[[LARGE]] : memref<32xf32>)
//   CHECK-NOT:     memref.dealloc
//       CHECK:   }
//       CHECK:   memref.dealloc %[[LARGE]]
//       CHECK:   return
func.func @loop(%n: index, %y: memref<16xf32>, %z: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    %small = memref.alloc() {alignment = 64 : i64} : memref<16xf32>
    linalg.copy ins(%small : memref<16xf32>) outs(%y : memref<16xf32>)
    memref.dealloc %small : memref<16xf32>
    %large = memref.alloc() : memref<32xf32>
    linalg.fill ins(%z : f32) outs(%large : memref<32xf32>)
    memref.dealloc %large : memref<32xf32>
  }
  return
}

// Sizes that differ from iteration to iteration, buffers that are freed on some
// paths only, and those that are in no loop stay where they are.

// CHECK-LABEL: func.func @stay(
//       CHECK:   memref.alloc() : memref<2xf32>
//       CHECK:   scf.for
//       CHECK:     memref.alloc(%{{.*}}) : memref<?xf32>
//       CHECK:     memref.alloc() : memref<4xf32>
//       CHECK:     scf.if
//       CHECK:       memref.dealloc
func.func @stay(%n: index, %p: i1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %once = memref.alloc() : memref<2xf32>
  scf.for %i = %c0 to %n step %c1 {
    %dynamic = memref.alloc(%i) : memref<?xf32>
    memref.dealloc %dynamic : memref<?xf32>
    %some = memref.alloc() : memref<4xf32>
    scf.if %p {
      memref.dealloc %some : memref<4xf32>
    }
  }
  memref.dealloc %once : memref<2xf32>
  return
}

// A complex number of f64 has 16 bytes: eight of them fit the stack. Elements
// whose size is not known stay where they are.

// CHECK-LABEL: func.func @elements(
//       CHECK:   memref.alloc() : memref<12xcomplex<f64>>
//       CHECK:   memref.alloca() : memref<8xcomplex<f64>>
//       CHECK:   scf.for
//       CHECK:     memref.alloc() : memref<4xmemref<4xf32>>
func.func @elements(%n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    %fits = memref.alloc() : memref<8xcomplex<f64>>
    memref.dealloc %fits : memref<8xcomplex<f64>>
    %large = memref.alloc() : memref<12xcomplex<f64>>
    memref.dealloc %large : memref<12xcomplex<f64>>
    %unknown = memref.alloc() : memref<4xmemref<4xf32>>
    memref.dealloc %unknown : memref<4xmemref<4xf32>>
  }
  return
}

// Iterations that run at once each have their own.

// CHECK-LABEL: func.func @parallel(
//       CHECK:   scf.parallel
//  CHECK-NEXT:     memref.alloc()
//       CHECK:   scf.forall
//       CHECK:     scf.for
//  CHECK-NEXT:       memref.alloc()
//       CHECK:   affine.parallel
//  CHECK-NEXT:     memref.alloc()
func.func @parallel(%n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %a = memref.alloc() : memref<4xf32>
    memref.dealloc %a : memref<4xf32>
    scf.reduce
  }
  scf.forall (%i) in (%n) {
    scf.for %j = %c0 to %n step %c1 {
      %a = memref.alloc() : memref<4xf32>
      memref.dealloc %a : memref<4xf32>
    }
  }
  affine.parallel (%i) = (0) to (%n) {
    %a = memref.alloc() : memref<4xf32>
    memref.dealloc %a : memref<4xf32>
  }
  return
}
