// RUN: gpt-opt %s -gpt-lower-workspaces -split-input-file -verify-diagnostics | FileCheck %s

// CHECK:       llvm.mlir.global external @gpt_workspace_runtime() {{.*}}gpt.runtime{{.*}} : !llvm.struct<(ptr, ptr, ptr)>
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

// Other allocations stay.

// CHECK-LABEL: func.func @static(
//       CHECK:   %[[BYTES:.*]] = llvm.mlir.constant(128 : i64)
//       CHECK:   llvm.call @gpt_acquire_workspace(%[[BYTES]])
//       CHECK:   memref.alloc() : memref<4xf32>
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

// -----

// expected-error @below {{has the name 'gpt_workspace_runtime', which is reserved}}
llvm.func @gpt_workspace_runtime()
func.func @f() {
  %w = memref.alloc() {gpt.workspace} : memref<128xi8>
  memref.dealloc %w {gpt.workspace} : memref<128xi8>
  return
}
