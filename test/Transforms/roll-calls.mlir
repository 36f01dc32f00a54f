// Calls of one function that differ in a regular way become a loop.
// RUN: gpt-opt %s -split-input-file -gpt-tabulate-arguments -gpt-roll-calls -canonicalize -verify-diagnostics | FileCheck %s

// The first layer reads what no layer wrote and stays ahead. In the others two
// buffers change places, and weights come from the table.

// CHECK-LABEL: func.func @layers(
//  CHECK-SAME:   %[[TABLE:.*]]: !llvm.ptr)
//   CHECK-DAG:   %[[C0:.*]] = arith.constant 0 : index
//   CHECK-DAG:   %[[C1:.*]] = arith.constant 1 : index
//   CHECK-DAG:   %[[C2:.*]] = arith.constant 2 : index
//   CHECK-DAG:   %[[C4:.*]] = arith.constant 4 : index
//       CHECK:   %[[X:.*]] = builtin.unrealized_conversion_cast
//       CHECK:   %[[S:.*]] = builtin.unrealized_conversion_cast
//       CHECK:   %[[W0:.*]] = builtin.unrealized_conversion_cast
//       CHECK:   %[[A:.*]] = memref.alloca
//       CHECK:   %[[B:.*]] = memref.alloca
//       CHECK:   call @block(%[[X]], %[[W0]], %[[S]], %[[A]])
//       CHECK:   %[[BV:.*]] = memref.cast %[[B]]
//       CHECK:   scf.for %[[I:.*]] = %[[C0]] to %[[C4]] step %[[C1]] iter_args(%[[IN:.*]] = %[[A]], %[[OUT:.*]] = %[[B]]) -> (memref<4xf32>, memref<4xf32>) {
//       CHECK:     %[[DISTANCE:.*]] = arith.muli %[[I]], %[[C2]]
//       CHECK:     %[[INDEX:.*]] = arith.addi %[[DISTANCE]], %[[C4]]
//       CHECK:     %[[WIDE:.*]] = arith.index_cast %[[INDEX]] : index to i64
//       CHECK:     %[[SLOT:.*]] = llvm.getelementptr %[[TABLE]][%[[WIDE]]] : (!llvm.ptr, i64) -> !llvm.ptr, !llvm.ptr
//       CHECK:     %[[POINTER:.*]] = llvm.load %[[SLOT]]
//       CHECK:     %[[DESCRIPTOR:.*]] = llvm.load %[[POINTER]]
//       CHECK:     %[[W:.*]] = builtin.unrealized_conversion_cast %[[DESCRIPTOR]] : {{.*}} to memref<8xf32>
//       CHECK:     func.call @block(%[[IN]], %[[W]], %[[S]], %[[OUT]])
//       CHECK:     scf.yield %[[OUT]], %[[IN]]
//       CHECK:   call @use(%[[BV]])
func.func @layers(%x: memref<4xf32>, %s: memref<2xf32>,
                  %w0: memref<8xf32>, %u0: memref<8xf32>, %w1: memref<8xf32>, %u1: memref<8xf32>,
                  %w2: memref<8xf32>, %u2: memref<8xf32>, %w3: memref<8xf32>, %u3: memref<8xf32>,
                  %w4: memref<8xf32>) attributes {llvm.emit_c_interface} {
  %a = memref.alloca() : memref<4xf32>
  %b = memref.alloca() : memref<4xf32>
  call @block(%x, %w0, %s, %a) : (memref<4xf32>, memref<8xf32>, memref<2xf32>, memref<4xf32>) -> ()
  call @block(%a, %w1, %s, %b) : (memref<4xf32>, memref<8xf32>, memref<2xf32>, memref<4xf32>) -> ()
  // What is pure does not matter.
  %bv = memref.cast %b : memref<4xf32> to memref<?xf32>
  call @block(%b, %w2, %s, %a) : (memref<4xf32>, memref<8xf32>, memref<2xf32>, memref<4xf32>) -> ()
  call @block(%a, %w3, %s, %b) : (memref<4xf32>, memref<8xf32>, memref<2xf32>, memref<4xf32>) -> ()
  call @block(%b, %w4, %s, %a) : (memref<4xf32>, memref<8xf32>, memref<2xf32>, memref<4xf32>) -> ()
  call @use(%bv) : (memref<?xf32>) -> ()
  return
}
func.func private @block(memref<4xf32>, memref<8xf32>, memref<2xf32>, memref<4xf32>)
func.func private @use(memref<?xf32>)

// -----

// Entries at irregular distances.

// CHECK-LABEL: func.func @irregular(
//   CHECK-NOT:   scf.for
func.func @irregular(%a: memref<4xf32>, %b: memref<4xf32>, %c: memref<4xf32>, %d: memref<4xf32>) attributes {llvm.emit_c_interface} {
  // expected-remark @below {{3 calls of 'block' are no loop: operand 0 is neither the same in all, nor one of two in turn, nor an argument at a regular distance}}
  call @block(%a) : (memref<4xf32>) -> ()
  call @block(%b) : (memref<4xf32>) -> ()
  call @block(%d) : (memref<4xf32>) -> ()
  return
}
func.func private @block(memref<4xf32>)

// -----

// Something happens between the calls, or there are too few.

// CHECK-LABEL: func.func @interrupted(
//   CHECK-NOT:   scf.for
func.func @interrupted(%a: memref<4xf32>) attributes {llvm.emit_c_interface} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  call @block(%a) : (memref<4xf32>) -> ()
  call @block(%a) : (memref<4xf32>) -> ()
  memref.store %zero, %a[%c0] : memref<4xf32>
  call @block(%a) : (memref<4xf32>) -> ()
  call @block(%a) : (memref<4xf32>) -> ()
  return
}
func.func private @block(memref<4xf32>)

// -----

// A value that another call gives is not the same in all.

// CHECK-LABEL: func.func @results(
//   CHECK-NOT:   scf.for
func.func @results(%a: memref<4xf32>) -> memref<4xf32> {
  %0 = call @next(%a) : (memref<4xf32>) -> memref<4xf32>
  %1 = call @next(%0) : (memref<4xf32>) -> memref<4xf32>
  %2 = call @next(%1) : (memref<4xf32>) -> memref<4xf32>
  return %2 : memref<4xf32>
}
func.func private @next(memref<4xf32>) -> memref<4xf32>
