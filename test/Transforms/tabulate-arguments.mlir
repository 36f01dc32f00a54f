// Exported functions take their arguments as one table, and so does what they
// hand them on to.
// RUN: gpt-opt %s -split-input-file -gpt-tabulate-arguments | FileCheck %s

// What is used is read where the function begins; what is passed on is not.

// CHECK-LABEL: func.func @exported(
//  CHECK-SAME:   %[[TABLE:.*]]: !llvm.ptr) attributes {gpt.table = 4 : i64, llvm.emit_c_interface}
//       CHECK:   %[[SLOT:.*]] = llvm.getelementptr %[[TABLE]][2] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
//       CHECK:   %[[POINTER:.*]] = llvm.load %[[SLOT]] : !llvm.ptr -> !llvm.ptr
//       CHECK:   %[[DESCRIPTOR:.*]] = llvm.load %[[POINTER]] : !llvm.ptr -> !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>
//       CHECK:   %[[W:.*]] = builtin.unrealized_conversion_cast %[[DESCRIPTOR]] : {{.*}} to memref<?xf32>
//   CHECK-NOT:   llvm.load
//       CHECK:   %[[N:.*]] = memref.dim %[[W]]
//       CHECK:   call @inner(%[[TABLE]], %[[N]]) : (!llvm.ptr, index) -> ()
func.func @exported(%x: memref<?x?xf32>, %y: memref<4xf32>, %w: memref<?xf32>, %z: memref<8xf32>) attributes {llvm.emit_c_interface} {
  %c0 = arith.constant 0 : index
  %n = memref.dim %w, %c0 : memref<?xf32>
  %row = memref.cast %x : memref<?x?xf32> to memref<1x?xf32>
  call @inner(%row, %n, %z) : (memref<1x?xf32>, index, memref<8xf32>) -> ()
  return
}

// A cast leaves the descriptor as it is; the places are those of the caller.
// CHECK-LABEL: func.func private @inner(
//  CHECK-SAME:   %[[TABLE:.*]]: !llvm.ptr, %[[N:.*]]: index)
//       CHECK:   llvm.getelementptr %[[TABLE]][0]
//       CHECK:   %[[X:.*]] = builtin.unrealized_conversion_cast {{.*}} to memref<1x?xf32>
//       CHECK:   llvm.getelementptr %[[TABLE]][3]
//       CHECK:   %[[Z:.*]] = builtin.unrealized_conversion_cast {{.*}} to memref<8xf32>
//       CHECK:   memref.load %[[X]][%{{.*}}, %[[N]]]
//       CHECK:   memref.store %{{.*}}, %[[Z]]
func.func private @inner(%x: memref<1x?xf32>, %n: index, %z: memref<8xf32>) {
  %c0 = arith.constant 0 : index
  %0 = memref.load %x[%c0, %n] : memref<1x?xf32>
  memref.store %0, %z[%c0] : memref<8xf32>
  return
}

// -----

// Calls that pass different entries keep them as arguments, and so do functions
// whose callers have no table.

// CHECK-LABEL: func.func @layers(
//  CHECK-SAME:   %[[TABLE:.*]]: !llvm.ptr)
//       CHECK:   call @block(%{{.*}}, %{{.*}}) : (memref<4xf32>, memref<4xf32>) -> ()
//       CHECK:   call @block(%{{.*}}, %{{.*}}) : (memref<4xf32>, memref<4xf32>) -> ()
func.func @layers(%x: memref<4xf32>, %w0: memref<4xf32>, %w1: memref<4xf32>) attributes {llvm.emit_c_interface} {
  call @block(%x, %w0) : (memref<4xf32>, memref<4xf32>) -> ()
  call @block(%x, %w1) : (memref<4xf32>, memref<4xf32>) -> ()
  return
}
// CHECK-LABEL: func.func private @block(
//  CHECK-SAME:   memref<4xf32>, %{{.*}}: memref<4xf32>)
//       CHECK:   call @leaf(%{{.*}}, %{{.*}}) : (memref<4xf32>, memref<4xf32>) -> ()
func.func private @block(%x: memref<4xf32>, %w: memref<4xf32>) {
  call @leaf(%x, %w) : (memref<4xf32>, memref<4xf32>) -> ()
  return
}
func.func private @leaf(%x: memref<4xf32>, %w: memref<4xf32>) {
  memref.copy %w, %x : memref<4xf32> to memref<4xf32>
  return
}

// -----

// What a parallel function takes is for threads.

// CHECK-LABEL: func.func private @parallel(
//  CHECK-SAME:   index, %{{.*}}: index, %{{.*}}: memref<4xf32>, %{{.*}}: memref<4xf32>)
func.func private @parallel(%work: index, %count: index, %x: memref<4xf32>, %y: memref<4xf32>) attributes {gpt.parallel} {
  return
}
func.func @shared(%x: memref<4xf32>, %y: memref<4xf32>, %n: memref<index>) attributes {llvm.emit_c_interface} {
  %work = memref.load %n[] : memref<index>
  call @parallel(%work, %work, %x, %y) : (index, index, memref<4xf32>, memref<4xf32>) -> ()
  return
}

// -----

// Not exported, or called from inside as well: nothing changes.

// CHECK-LABEL: func.func @public(
//  CHECK-SAME:   memref<4xf32>)
func.func @public(%x: memref<4xf32>) {
  return
}
// CHECK-LABEL: func.func @called(
//  CHECK-SAME:   memref<4xf32>)
func.func @called(%x: memref<4xf32>) attributes {llvm.emit_c_interface} {
  return
}
// CHECK-LABEL: func.func @caller(
//  CHECK-SAME:   !llvm.ptr)
//       CHECK:   call @called(%{{.*}}) : (memref<4xf32>) -> ()
func.func @caller(%x: memref<4xf32>) attributes {llvm.emit_c_interface} {
  call @called(%x) : (memref<4xf32>) -> ()
  return
}

// -----

// A table that is no argument of the caller, which has none.

// CHECK-LABEL: func.func private @from_global(
//  CHECK-SAME:   memref<4xf32>, %{{.*}}: memref<4xf32>)
llvm.mlir.global external @table() : !llvm.array<4 x ptr>
func.func private @from_global(%x: memref<4xf32>, %y: memref<4xf32>) {
  return
}
func.func @without_arguments() {
  %table = llvm.mlir.addressof @table : !llvm.ptr
  %slot = llvm.getelementptr %table[1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
  %address = llvm.load %slot : !llvm.ptr -> !llvm.ptr
  %descriptor = llvm.load %address : !llvm.ptr -> !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>
  %x = builtin.unrealized_conversion_cast %descriptor : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> to memref<4xf32>
  call @from_global(%x, %x) : (memref<4xf32>, memref<4xf32>) -> ()
  return
}
