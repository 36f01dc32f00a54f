// Calls that threads may share go through a pointer, when a loader has set it.

// RUN: gpt-opt %s -split-input-file -verify-diagnostics -gpt-lower-parallel-calls | FileCheck %s

// CHECK:       llvm.mlir.global external @gpt_parallel_runtime() {{.*}}: !llvm.ptr {
// CHECK-NEXT:    %[[NULL:.*]] = llvm.mlir.zero : !llvm.ptr
// CHECK-NEXT:    llvm.return %[[NULL]]

llvm.func internal @f_parallel_body(%begin: i64, %end: i64, %x: !llvm.ptr, %s: f32) {
  llvm.return
}

// CHECK-LABEL: llvm.func internal @f_parallel(
// CHECK-SAME:    %[[WORK:.*]]: i64, %[[COUNT:.*]]: i64, %[[X:.*]]: !llvm.ptr, %[[S:.*]]: f32) {
// CHECK:         %[[CONTEXT:.*]] = llvm.alloca %{{.*}} x !llvm.struct<(ptr, f32)>
// CHECK:         %[[FIELD0:.*]] = llvm.getelementptr %[[CONTEXT]][0, 0]
// CHECK:         llvm.store %[[X]], %[[FIELD0]]
// CHECK:         %[[FIELD1:.*]] = llvm.getelementptr %[[CONTEXT]][0, 1]
// CHECK:         llvm.store %[[S]], %[[FIELD1]]
// CHECK:         %[[ADDRESS:.*]] = llvm.mlir.addressof @gpt_parallel_runtime
// CHECK:         %[[RUNTIME:.*]] = llvm.load %[[ADDRESS]]
// CHECK:         %[[NULL:.*]] = llvm.mlir.zero
// CHECK:         %[[THERE:.*]] = llvm.icmp "ne" %[[RUNTIME]], %[[NULL]]
// CHECK:         llvm.cond_br %[[THERE]], ^[[SHARED:.*]], ^[[ALONE:.*]]
// CHECK:       ^[[SHARED]]:
// CHECK:         %[[TASK:.*]] = llvm.mlir.addressof @f_parallel_task
// CHECK:         llvm.call %[[RUNTIME]](%[[TASK]], %[[CONTEXT]], %[[COUNT]], %[[WORK]])
// CHECK:         llvm.br ^[[END:.*]]
// CHECK:       ^[[ALONE]]:
// CHECK:         %[[ZERO:.*]] = llvm.mlir.constant(0 : i64)
// CHECK:         llvm.call @f_parallel_task(%[[CONTEXT]], %[[ZERO]], %[[COUNT]])
// CHECK:         llvm.br ^[[END]]
// CHECK:       ^[[END]]:
// CHECK:         llvm.return
llvm.func internal @f_parallel(%work: i64, %count: i64, %x: !llvm.ptr, %s: f32) attributes {gpt.parallel} {
  %0 = llvm.mlir.constant(0 : i64) : i64
  llvm.call @f_parallel_body(%0, %count, %x, %s) : (i64, i64, !llvm.ptr, f32) -> ()
  llvm.return
}

// One copy of the code for all, or results would depend on who runs it.

// CHECK-LABEL: llvm.func internal @f_parallel_task(
// CHECK-SAME:    %[[CONTEXT:.*]]: !llvm.ptr, %[[BEGIN:.*]]: i64, %[[END:.*]]: i64)
// CHECK-SAME:    attributes {no_inline}
// CHECK:         %[[FIELD0:.*]] = llvm.getelementptr %[[CONTEXT]][0, 0]
// CHECK:         %[[X:.*]] = llvm.load %[[FIELD0]] : !llvm.ptr -> !llvm.ptr
// CHECK:         %[[FIELD1:.*]] = llvm.getelementptr %[[CONTEXT]][0, 1]
// CHECK:         %[[S:.*]] = llvm.load %[[FIELD1]] : !llvm.ptr -> f32
// CHECK:         llvm.call @f_parallel_body(%[[BEGIN]], %[[END]], %[[X]], %[[S]])

// -----

// Nothing to share: nothing to export.

// CHECK-LABEL: llvm.func @g
// CHECK-NOT:   gpt_parallel_runtime
llvm.func @g() {
  llvm.return
}

// -----

llvm.func @body(i64, i64)

// expected-error @+1 {{with 'gpt.parallel' expected arguments work and count of type i64 and a single call, of a function of begin, end and more}}
llvm.func internal @two_calls(%work: i64, %count: i64) attributes {gpt.parallel} {
  %0 = llvm.mlir.constant(0 : i64) : i64
  llvm.call @body(%0, %count) : (i64, i64) -> ()
  llvm.call @body(%0, %count) : (i64, i64) -> ()
  llvm.return
}

// -----

// expected-error @+1 {{has the name 'gpt_parallel_runtime', which is reserved}}
llvm.mlir.global external @gpt_parallel_runtime() : !llvm.ptr
llvm.func @body(i64, i64)
llvm.func internal @f(%work: i64, %count: i64) attributes {gpt.parallel} {
  %0 = llvm.mlir.constant(0 : i64) : i64
  llvm.call @body(%0, %count) : (i64, i64) -> ()
  llvm.return
}
