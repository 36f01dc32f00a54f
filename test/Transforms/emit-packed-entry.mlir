// Entries of the binary interface: one C symbol of one type per exported
// function, and a record of what it expects; nothing else is visible.

// RUN: gpt-opt %s -split-input-file -verify-diagnostics -gpt-emit-packed-entry | FileCheck %s

// A function with results: the first pointer is the storage for them.

// CHECK-LABEL: llvm.func internal @two_results(
llvm.func @two_results(%arg0: !llvm.ptr) -> !llvm.struct<(struct<(ptr, ptr, i64, array<2 x i64>, array<2 x i64>)>, struct<(ptr, ptr, i64)>)> {
  %0 = llvm.mlir.poison : !llvm.struct<(struct<(ptr, ptr, i64, array<2 x i64>, array<2 x i64>)>, struct<(ptr, ptr, i64)>)>
  llvm.return %0 : !llvm.struct<(struct<(ptr, ptr, i64, array<2 x i64>, array<2 x i64>)>, struct<(ptr, ptr, i64)>)>
}

// 3 + 2 * 2 and 3 words.
// CHECK: llvm.mlir.global external constant @gpt_abi_two_results(dense<[3, 80]> : tensor<2xi64>)
// CHECK-SAME: : !llvm.array<2 x i64>

// CHECK: llvm.func internal @_mlir_ciface_two_results(
llvm.func @_mlir_ciface_two_results(%arg0: !llvm.ptr, %arg1: !llvm.ptr, %arg2: !llvm.ptr) {
  llvm.return
}

// CHECK: llvm.func @gpt_entry_two_results(%[[ARGS:.*]]: !llvm.ptr) {
// CHECK-NEXT: %[[RESULTS:.*]] = llvm.load %[[ARGS]] : !llvm.ptr -> !llvm.ptr
// CHECK-NEXT: %[[SLOT1:.*]] = llvm.getelementptr %[[ARGS]][1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
// CHECK-NEXT: %[[ARG1:.*]] = llvm.load %[[SLOT1]] : !llvm.ptr -> !llvm.ptr
// CHECK-NEXT: %[[SLOT2:.*]] = llvm.getelementptr %[[ARGS]][2] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
// CHECK-NEXT: %[[ARG2:.*]] = llvm.load %[[SLOT2]] : !llvm.ptr -> !llvm.ptr
// CHECK-NEXT: llvm.call @_mlir_ciface_two_results(%[[RESULTS]], %[[ARG1]], %[[ARG2]]) : (!llvm.ptr, !llvm.ptr, !llvm.ptr) -> ()
// CHECK-NEXT: llvm.return

// -----

// Without results there is no slot for them; without arguments none at all.

// CHECK-DAG: llvm.mlir.global external constant @gpt_abi_in_place(dense<[1, 0]> : tensor<2xi64>)
// CHECK-DAG: llvm.mlir.global external constant @gpt_abi_nothing(dense<0> : tensor<2xi64>)
llvm.func @in_place(%arg0: !llvm.ptr) {
  llvm.return
}
llvm.func @_mlir_ciface_in_place(%arg0: !llvm.ptr) {
  llvm.return
}
llvm.func @nothing() {
  llvm.return
}
llvm.func @_mlir_ciface_nothing() {
  llvm.return
}

// CHECK-LABEL: llvm.func @gpt_entry_nothing(
// CHECK-SAME: !llvm.ptr) {
// CHECK-NEXT: llvm.call @_mlir_ciface_nothing() : () -> ()
// CHECK-NEXT: llvm.return

// -----

// Definitions become internal, declarations and private constants stay.

// CHECK: llvm.func @malloc(i64) -> !llvm.ptr
llvm.func @malloc(i64) -> !llvm.ptr
// CHECK: llvm.func @_mlir_ciface_imported(!llvm.ptr)
llvm.func @_mlir_ciface_imported(!llvm.ptr)
// CHECK: llvm.func internal @helper()
llvm.func @helper() {
  llvm.return
}
// CHECK: llvm.mlir.global internal constant @table(dense<1.000000e+00> : tensor<2xf32>)
llvm.mlir.global external constant @table(dense<1.0> : tensor<2xf32>) : !llvm.array<2 x f32>
// CHECK: llvm.mlir.global private constant @own
llvm.mlir.global private constant @own(dense<1.0> : tensor<2xf32>) : !llvm.array<2 x f32>
// CHECK: llvm.mlir.global external @elsewhere()
llvm.mlir.global external @elsewhere() : i32
// CHECK-NOT: @gpt_entry_

// -----

llvm.func @scalar(%arg0: i64) {
  llvm.return
}
// expected-error @+1 {{of exported function 'scalar' expected argument 0 to be a pointer, got 'i64'; exported functions take and return tensors only}}
llvm.func @_mlir_ciface_scalar(%arg0: i64) {
  llvm.return
}

// -----

llvm.func @returns_scalar() -> f32 {
  %0 = llvm.mlir.constant(1.0 : f32) : f32
  llvm.return %0 : f32
}
// expected-error @+1 {{of exported function 'returns_scalar' expected no direct result, got 'f32'; exported functions take and return tensors only}}
llvm.func @_mlir_ciface_returns_scalar() -> f32 {
  %0 = llvm.mlir.constant(1.0 : f32) : f32
  llvm.return %0 : f32
}

// -----

llvm.func @taken(%arg0: !llvm.ptr) {
  llvm.return
}
// expected-error @+1 {{needs symbol 'gpt_entry_taken' for its entry}}
llvm.func @_mlir_ciface_taken(%arg0: !llvm.ptr) {
  llvm.return
}
// expected-note @+1 {{which is taken here}}
llvm.func @gpt_entry_taken(%arg0: !llvm.ptr) {
  llvm.return
}

// -----

// expected-error @+1 {{expected a function 'lost' that it wraps}}
llvm.func @_mlir_ciface_lost(%arg0: !llvm.ptr) {
  llvm.return
}

// -----

// A function that takes a table gets the address of its arguments.

// CHECK: llvm.mlir.global external constant @gpt_abi_tabulated(dense<[8, 24]> : tensor<2xi64>)
// CHECK-LABEL: llvm.func @gpt_entry_tabulated(
// CHECK-SAME: %[[ARGS:.*]]: !llvm.ptr) {
// CHECK-NEXT: %[[RESULT:.*]] = llvm.load %[[ARGS]] : !llvm.ptr -> !llvm.ptr
// CHECK-NEXT: %[[TABLE:.*]] = llvm.getelementptr %[[ARGS]][1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
// CHECK-NEXT: llvm.call @_mlir_ciface_tabulated(%[[RESULT]], %[[TABLE]]) : (!llvm.ptr, !llvm.ptr) -> ()
llvm.func @tabulated(%arg0: !llvm.ptr) -> !llvm.struct<(ptr, ptr, i64)> attributes {gpt.table = 7 : i64} {
  %0 = llvm.mlir.poison : !llvm.struct<(ptr, ptr, i64)>
  llvm.return %0 : !llvm.struct<(ptr, ptr, i64)>
}
llvm.func @_mlir_ciface_tabulated(%arg0: !llvm.ptr, %arg1: !llvm.ptr) attributes {gpt.table = 7 : i64} {
  llvm.return
}
