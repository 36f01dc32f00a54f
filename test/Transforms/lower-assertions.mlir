// RUN: gpt-opt %s -gpt-lower-assertions -split-input-file -verify-diagnostics | FileCheck %s

//   CHECK-DAG: llvm.mlir.global internal constant @gpt_message("x must be\00")
//   CHECK-DAG: llvm.mlir.global internal constant @gpt_message_0("y must be\00")
//   CHECK-DAG: llvm.mlir.global external @gpt_failure_runtime() {{.*}}gpt.runtime{{.*}} : !llvm.ptr
// CHECK-LABEL: func.func @f(
//  CHECK-SAME:   %[[X:.*]]: i1, %[[Y:.*]]: i1
//       CHECK:   cf.cond_br %[[X]], ^[[FIRST:.*]], ^[[FAILING:.*]]
//       CHECK: ^[[FIRST]]:
//       CHECK:   cf.cond_br %[[Y]], ^[[SECOND:.*]], ^[[OTHER:.*]]
//       CHECK: ^[[SECOND]]:
//       CHECK:   cf.cond_br %[[X]], ^[[THIRD:.*]], ^[[AGAIN:.*]]
//       CHECK: ^[[THIRD]]:
//       CHECK:   return
//       CHECK: ^[[FAILING]]:
//       CHECK:   %[[TEXT:.*]] = llvm.mlir.addressof @gpt_message :
//       CHECK:   llvm.call @gpt_fail(%[[TEXT]])
//       CHECK:   llvm.unreachable
//       CHECK: ^[[OTHER]]:
//       CHECK:   llvm.mlir.addressof @gpt_message_0
//       CHECK: ^[[AGAIN]]:
//       CHECK:   llvm.mlir.addressof @gpt_message :
func.func @f(%x: i1, %y: i1) {
  cf.assert %x, "x must be"
  cf.assert %y, "y must be"
  cf.assert %x, "x must be"
  return
}

// CHECK-LABEL: llvm.func internal @gpt_fail(
//  CHECK-SAME:   %[[MESSAGE:.*]]: !llvm.ptr)
//       CHECK:   %[[LEAVE:.*]] = llvm.load
//       CHECK:   llvm.cond_br %{{.*}}, ^[[SHARED:.*]], ^[[END:.*]]
//       CHECK: ^[[SHARED]]:
//       CHECK:   llvm.call %[[LEAVE]](%[[MESSAGE]])
//       CHECK:   llvm.br ^[[END]]
//       CHECK: ^[[END]]:
//       CHECK:   llvm.call @puts(%[[MESSAGE]])
//       CHECK:   llvm.call @abort()
//       CHECK:   llvm.unreachable

// -----

// CHECK-LABEL: func.func @nothing(
//   CHECK-NOT: gpt_failure_runtime
func.func @nothing() {
  return
}

// -----

// expected-error @below {{has the name 'gpt_fail', which is reserved}}
func.func private @gpt_fail()
func.func @f(%x: i1) {
  cf.assert %x, "x must be"
  return
}

// -----

// expected-error @below {{has the name 'gpt_failure_runtime', which is reserved}}
llvm.mlir.global external @gpt_failure_runtime() : !llvm.ptr
func.func @f(%x: i1) {
  cf.assert %x, "x must be"
  return
}

// -----

// expected-error @below {{has the name 'puts', which is a function of the C library}}
func.func private @puts()
func.func @f(%x: i1) {
  cf.assert %x, "x must be"
  return
}

// -----

func.func @within(%x: i1) {
  scf.if %x {
    // expected-error @below {{expected to be in a function of the module, within no other op}}
    cf.assert %x, "x must be"
  }
  return
}

// -----

// A message is a string of C, and of Python.

// CHECK: llvm.mlir.global internal constant @gpt_message("a\\0b\EF\BF\BD\00")
func.func @bytes(%x: i1) {
  cf.assert %x, "a\00b\FF"
  return
}
