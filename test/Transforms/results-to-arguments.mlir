// RUN: gpt-opt %s -gpt-results-to-arguments -split-input-file -verify-diagnostics | FileCheck %s

// The caller allocates, from sizes of what it passes; through two functions.

// CHECK-LABEL: func.func private @inner(
//  CHECK-SAME:   %[[X:.*]]: memref<?x8xf32>, %[[OUT:.*]]: memref<?x4xf32>) {
//   CHECK-NOT:   memref.alloc
//       CHECK:   memref.store %{{.*}}, %[[OUT]]
//       CHECK:   return
//   CHECK-NOT:   memref<
func.func private @inner(%x: memref<?x8xf32>) -> memref<?x4xf32> {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?x8xf32>
  %out = memref.alloc(%n) : memref<?x4xf32>
  %v = memref.load %x[%c0, %c0] : memref<?x8xf32>
  memref.store %v, %out[%c0, %c0] : memref<?x4xf32>
  return %out : memref<?x4xf32>
}

// A view of the buffer is made by the caller.

// CHECK-LABEL: func.func private @outer(
//  CHECK-SAME:   %[[X:.*]]: memref<?x8xf32>, %[[N:.*]]: index, %[[OUT:.*]]: memref<?x4xf32>) {
//       CHECK:   call @inner(%[[X]], %[[OUT]])
func.func private @outer(%x: memref<?x8xf32>, %n: index) -> memref<?x4xf32, strided<[4, 1]>> {
  %y = call @inner(%x) : (memref<?x8xf32>) -> memref<?x4xf32>
  %view = memref.subview %y[0, 0] [%n, 4] [1, 1] : memref<?x4xf32> to memref<?x4xf32, strided<[4, 1]>>
  return %view : memref<?x4xf32, strided<[4, 1]>>
}

// CHECK-LABEL: func.func @public(
//  CHECK-SAME:   %[[X:.*]]: memref<?x8xf32>, %[[N:.*]]: index) -> memref<?x4xf32, strided<[4, 1]>>
//       CHECK:   %[[D:.*]] = memref.dim %[[X]], %{{.*}}
//       CHECK:   %[[OUT:.*]] = memref.alloc(%[[D]]) : memref<?x4xf32>
//       CHECK:   call @outer(%[[X]], %[[N]], %[[OUT]])
//       CHECK:   %[[VIEW:.*]] = memref.subview %[[OUT]][0, 0] [%[[N]], 4]
//       CHECK:   return %[[VIEW]]
func.func @public(%x: memref<?x8xf32>, %n: index) -> memref<?x4xf32, strided<[4, 1]>> {
  %y = call @outer(%x, %n) : (memref<?x8xf32>, index) -> memref<?x4xf32, strided<[4, 1]>>
  return %y : memref<?x4xf32, strided<[4, 1]>>
}

// -----

// A size that is read from memory is the function's own business.

// CHECK-LABEL: func.func private @data(
//  CHECK-SAME:   -> memref<?xf32>
// expected-remark @below {{'data' allocates result 0 itself: its size is not decided by the arguments}}
func.func private @data(%x: memref<index>) -> memref<?xf32> {
  %n = memref.load %x[] : memref<index>
  %out = memref.alloc(%n) : memref<?xf32>
  return %out : memref<?xf32>
}

// CHECK-LABEL: func.func @caller(
func.func @caller(%x: memref<index>) -> memref<?xf32> {
  %y = call @data(%x) : (memref<index>) -> memref<?xf32>
  return %y : memref<?xf32>
}

// -----

// Recursion and indirect calls are left alone.

// CHECK-LABEL: func.func private @recursive(
//  CHECK-SAME:   -> memref<4xf32>
func.func private @recursive() -> memref<4xf32> {
  %y = call @recursive() : () -> memref<4xf32>
  %out = memref.alloc() : memref<4xf32>
  memref.copy %y, %out : memref<4xf32> to memref<4xf32>
  return %out : memref<4xf32>
}

// CHECK-LABEL: func.func private @pointed(
//  CHECK-SAME:   -> memref<4xf32>
func.func private @pointed() -> memref<4xf32> {
  %out = memref.alloc() : memref<4xf32>
  return %out : memref<4xf32>
}
func.func @indirect() -> memref<4xf32> {
  %f = constant @pointed : () -> memref<4xf32>
  %y = call_indirect %f() : () -> memref<4xf32>
  return %y : memref<4xf32>
}
