// RUN: gpt-opt %s -gpt-lower-workspaces -split-input-file -verify-diagnostics | FileCheck %s

// CHECK:       llvm.mlir.global external @gpt_workspace_runtime() {{.*}}gpt.runtime{{.*}} : !llvm.struct<(ptr, ptr, ptr, ptr)>
// CHECK:         llvm.mlir.zero

// CHECK-LABEL: func.func @f(
//  CHECK-SAME:   %[[N:.*]]: index
//       CHECK:   %[[BYTES:.*]] = arith.index_cast %[[N]] : index to i64
//       CHECK:   %[[MEMORY:.*]] = llvm.call @gpt_acquire_workspace(%[[BYTES]]) : (i64) -> !llvm.ptr
//       CHECK:   %[[W:.*]] = builtin.unrealized_conversion_cast %{{.*}} to memref<?xi8>
//       CHECK:   memref.view %[[W]]
//       CHECK:   llvm.call @gpt_release_workspace(%[[MEMORY]])
//   CHECK-NOT:   memref.dealloc
func.func @f(%n: index, %v: f32) {
  %c0 = arith.constant 0 : index
  %w = memref.alloc(%n) {gpt.workspace} : memref<?xi8>
  %view = memref.view %w[%c0][] : memref<?xi8> to memref<4xf32>
  memref.store %v, %view[%c0] : memref<4xf32>
  memref.dealloc %w {gpt.workspace} : memref<?xi8>
  return
}

// What nothing frees is a result.

// CHECK-LABEL: func.func @static(
//       CHECK:   %[[BYTES:.*]] = llvm.mlir.constant(128 : i64)
//       CHECK:   llvm.call @gpt_acquire_workspace(%[[BYTES]])
//       CHECK:   %[[SIZE:.*]] = arith.constant 16 : index
//       CHECK:   %[[BYTES:.*]] = arith.index_cast %[[SIZE]] : index to i64
//       CHECK:   %[[MEMORY:.*]] = llvm.call @gpt_allocate_result(%[[BYTES]])
//       CHECK:   %[[ARRAY:.*]] = builtin.unrealized_conversion_cast %{{.*}} to memref<?xi8>
//       CHECK:   %[[RESULT:.*]] = memref.view %[[ARRAY]][%{{.*}}][] : memref<?xi8> to memref<4xf32>
//       CHECK:   return %[[RESULT]]
func.func @static() -> memref<4xf32> {
  %w = memref.alloc() {gpt.workspace} : memref<128xi8>
  %result = memref.alloc() : memref<4xf32>
  memref.dealloc %w {gpt.workspace} : memref<128xi8>
  return %result : memref<4xf32>
}

// CHECK-LABEL: llvm.func internal @gpt_acquire_workspace(
//  CHECK-SAME:   %[[BYTES:.*]]: i64) -> !llvm.ptr
//       CHECK:   %[[ACQUIRE:.*]] = llvm.load
//       CHECK:   llvm.cond_br %{{.*}}, ^[[SHARED:.*]], ^[[ALONE:.*]]
//       CHECK: ^[[SHARED]]:
//       CHECK:   %[[POOL:.*]] = llvm.load
//       CHECK:   llvm.call %[[ACQUIRE]](%[[POOL]], %[[BYTES]])
//       CHECK: ^[[ALONE]]:
//       CHECK:   llvm.call @aligned_alloc(
// CHECK-LABEL: llvm.func internal @gpt_release_workspace(
//       CHECK:   llvm.call @free(
// CHECK-LABEL: llvm.func internal @gpt_allocate_result(
//       CHECK:   llvm.call @aligned_alloc(

// -----

// Without workspaces there are no functions for them. Other allocations stay.

//       CHECK: llvm.mlir.global external @gpt_workspace_runtime()
// CHECK-LABEL: func.func @dynamic(
//  CHECK-SAME:   %[[M:.*]]: index, %[[N:.*]]: index
//       CHECK:   %[[WORD:.*]] = arith.constant 6 : index
//       CHECK:   %[[ROW:.*]] = arith.muli %[[WORD]], %[[M]]
//       CHECK:   %[[ALL:.*]] = arith.muli %[[ROW]], %[[N]]
//       CHECK:   %[[BYTES:.*]] = arith.index_cast %[[ALL]]
//       CHECK:   llvm.call @gpt_allocate_result(%[[BYTES]])
//       CHECK:   memref.view %{{.*}}[%{{.*}}][%[[M]], %[[N]]] : memref<?xi8> to memref<?x3x?xbf16>
//       CHECK:   memref.alloc() : memref<4xf32>
//       CHECK:   memref.dealloc
//   CHECK-NOT: gpt_acquire_workspace
//       CHECK: llvm.func internal @gpt_allocate_result(
func.func @dynamic(%m: index, %n: index) -> memref<?x3x?xbf16> {
  %result = memref.alloc(%m, %n) : memref<?x3x?xbf16>
  %freed = memref.alloc() : memref<4xf32>
  memref.dealloc %freed : memref<4xf32>
  return %result : memref<?x3x?xbf16>
}

// -----

// expected-error @below {{has the name 'gpt_workspace_runtime', which is reserved}}
llvm.func @gpt_workspace_runtime()
func.func @f() {
  %w = memref.alloc() {gpt.workspace} : memref<128xi8>
  memref.dealloc %w {gpt.workspace} : memref<128xi8>
  return
}

// -----

// expected-error @below {{has the name 'free', which is a function of the C library}}
func.func private @free(memref<4xf32>)
func.func @f() {
  %w = memref.alloc() {gpt.workspace} : memref<128xi8>
  memref.dealloc %w {gpt.workspace} : memref<128xi8>
  return
}

// -----

// expected-error @below {{has the name 'aligned_alloc', which is a function of the C library}}
llvm.func @aligned_alloc(i32) -> !llvm.ptr
func.func @f() -> memref<4xf32> {
  %0 = memref.alloc() : memref<4xf32>
  return %0 : memref<4xf32>
}

// -----

// Parts of complex numbers count as well.
// CHECK-LABEL: func.func @complex(
// CHECK:         %[[BYTES:.*]] = arith.constant 64 : index
// CHECK:         memref.view %{{.*}} : memref<?xi8> to memref<4xcomplex<f64>>
func.func @complex() -> memref<4xcomplex<f64>> {
  %0 = memref.alloc() : memref<4xcomplex<f64>>
  return %0 : memref<4xcomplex<f64>>
}
