// RUN: gpt-opt %s -split-input-file -gpt-drop-cache-results -verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @decode(
//  CHECK-SAME:   %[[X:[^:]*]]: memref<4xf32>, %[[C:.*]]: memref<1x1x4x2xf32> {gpt.cache = "key"}) -> (memref<4xf32> {gpt.name = "y"}) {
//  CHECK-NEXT:   return %[[X]]
func.func @decode(%x: memref<4xf32>, %c: memref<1x1x4x2xf32> {gpt.cache = "key"}) -> (memref<4xf32> {gpt.name = "y"}, memref<1x1x4x2xf32> {gpt.cache = "key"}) {
  return %x, %c : memref<4xf32>, memref<1x1x4x2xf32>
}

// CHECK-LABEL: func.func @caller(
//  CHECK-SAME:   %[[X:[^:]*]]: memref<4xf32>, %[[C:.*]]: memref<1x1x4x2xf32>) -> memref<1x1x4x2xf32>
//       CHECK:   call @decode(%[[X]], %[[C]]) : (memref<4xf32>, memref<1x1x4x2xf32>) -> memref<4xf32>
//       CHECK:   return %[[C]]
func.func @caller(%x: memref<4xf32>, %c: memref<1x1x4x2xf32>) -> memref<1x1x4x2xf32> {
  %0:2 = call @decode(%x, %c) : (memref<4xf32>, memref<1x1x4x2xf32>) -> (memref<4xf32>, memref<1x1x4x2xf32>)
  return %0#1 : memref<1x1x4x2xf32>
}

// -----

// Private functions that hand a cache through calls, in any order.

// CHECK-LABEL: func.func @outermost(
//  CHECK-SAME:   %[[C:.*]]: memref<4xf32> {gpt.cache = "key"}) {
//       CHECK:   call @outer(%[[C]]) : (memref<4xf32>) -> ()
//       CHECK:   return{{$}}
func.func @outermost(%c: memref<4xf32> {gpt.cache = "key"}) -> (memref<4xf32> {gpt.cache = "key"}) {
  %0 = call @outer(%c) : (memref<4xf32>) -> memref<4xf32>
  return %0 : memref<4xf32>
}
// CHECK-LABEL: func.func private @outer(
//       CHECK:   call @inner(%{{.*}}) : (memref<4xf32>) -> ()
//       CHECK:   return{{$}}
func.func private @outer(%c: memref<4xf32>) -> memref<4xf32> {
  %0 = call @inner(%c) : (memref<4xf32>) -> memref<4xf32>
  return %0 : memref<4xf32>
}
func.func private @inner(%c: memref<4xf32>) -> memref<4xf32> {
  return %c : memref<4xf32>
}

// -----

// expected-error @+1 {{cache result 0 is not updated in place}}
func.func @copied(%c: memref<1x1x4x2xf32> {gpt.cache = "key"}) -> (memref<1x1x4x2xf32> {gpt.cache = "key"}) {
  // expected-note @+1 {{a new buffer is returned}}
  %0 = memref.alloc() : memref<1x1x4x2xf32>
  memref.copy %c, %0 : memref<1x1x4x2xf32> to memref<1x1x4x2xf32>
  return %0 : memref<1x1x4x2xf32>
}

// -----

// expected-error @+1 {{cache result 0 is a different argument in each return}}
func.func @either(%i: i1, %c: memref<1x1x4x2xf32>, %d: memref<1x1x4x2xf32>) -> (memref<1x1x4x2xf32> {gpt.cache = "key"}) {
  cf.cond_br %i, ^bb1, ^bb2
^bb1:
  return %c : memref<1x1x4x2xf32>
^bb2:
  return %d : memref<1x1x4x2xf32>
}

// -----

// Both branches give the same argument, one of them behind a cast.
// CHECK-LABEL: func.func @choice(
//  CHECK-SAME:   memref<?x4xf32> {gpt.cache = "key"}, %{{.*}}: i1) {
//       CHECK:   return{{$}}
func.func @choice(%cache: memref<?x4xf32> {gpt.cache = "key"}, %one: i1) -> (memref<?x4xf32> {gpt.cache = "key"}) {
  %0 = scf.if %one -> (memref<?x4xf32>) {
    %1 = memref.cast %cache : memref<?x4xf32> to memref<1x4xf32>
    %2 = memref.cast %1 : memref<1x4xf32> to memref<?x4xf32>
    scf.yield %2 : memref<?x4xf32>
  } else {
    scf.yield %cache : memref<?x4xf32>
  }
  return %0 : memref<?x4xf32>
}

// -----

// expected-error @below {{cache result 0 is not updated in place}}
func.func @other_choice(%cache: memref<?x4xf32> {gpt.cache = "key"}, %other: memref<?x4xf32> {gpt.cache = "value"}, %one: i1) -> (memref<?x4xf32> {gpt.cache = "key"}) {
  // expected-note @below {{a new buffer is returned}}
  %0 = scf.if %one -> (memref<?x4xf32>) {
    scf.yield %other : memref<?x4xf32>
  } else {
    scf.yield %cache : memref<?x4xf32>
  }
  return %0 : memref<?x4xf32>
}
