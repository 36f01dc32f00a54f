// RUN: gpt-opt %s -gpt-hold-bf16-as-integers -split-input-file -verify-diagnostics | FileCheck %s

// From block to block, through memory under a mask, in arrays.

// CHECK-LABEL: llvm.func @move(
//  CHECK-SAME:   %[[P:[a-z0-9]+]]: !llvm.ptr, %[[MASK:[a-z0-9]+]]: vector<8xi1>, %[[C:[a-z0-9]+]]: i1) -> !llvm.array<1 x vector<8xi16>>
//   CHECK-NOT:   bf16
//       CHECK:   %[[ONE:.*]] = llvm.mlir.constant(dense<16256> : vector<8xi16>) : vector<8xi16>
//       CHECK:   %[[V:.*]] = llvm.intr.masked.load %[[P]], %[[MASK]], %[[ONE]] {alignment = 2 : i32} : (!llvm.ptr, vector<8xi1>, vector<8xi16>) -> vector<8xi16>
//       CHECK:   llvm.cond_br %[[C]], ^[[NEXT:.*]](%[[V]] : vector<8xi16>), ^[[NEXT]](%[[ONE]] : vector<8xi16>)
//       CHECK: ^[[NEXT]](%[[W:.*]]: vector<8xi16>):
//       CHECK:   llvm.intr.masked.store %[[W]], %[[P]], %[[MASK]] {alignment = 2 : i32} : vector<8xi16>
//       CHECK:   llvm.insertvalue %[[W]], %{{.*}}[0] : !llvm.array<1 x vector<8xi16>>
llvm.func @move(%p: !llvm.ptr, %mask: vector<8xi1>, %c: i1) -> !llvm.array<1 x vector<8xbf16>> {
  %one = llvm.mlir.constant(dense<1.0> : vector<8xbf16>) : vector<8xbf16>
  %v = llvm.intr.masked.load %p, %mask, %one {alignment = 2 : i32} : (!llvm.ptr, vector<8xi1>, vector<8xbf16>) -> vector<8xbf16>
  llvm.cond_br %c, ^next(%v : vector<8xbf16>), ^next(%one : vector<8xbf16>)
^next(%w: vector<8xbf16>):
  llvm.intr.masked.store %w, %p, %mask {alignment = 2 : i32} : vector<8xbf16>, vector<8xi1> into !llvm.ptr
  %none = llvm.mlir.poison : !llvm.array<1 x vector<8xbf16>>
  %array = llvm.insertvalue %w, %none[0] : !llvm.array<1 x vector<8xbf16>>
  llvm.return %array : !llvm.array<1 x vector<8xbf16>>
}

// Scalars, addresses and globals.

// CHECK:       llvm.mlir.global private constant @half(16128 : i16) {{.*}}: i16
llvm.mlir.global private constant @half(5.0e-01 : bf16) : bf16

// CHECK-LABEL: llvm.func @address(
//  CHECK-SAME:   attributes {note = bf16}
//       CHECK:   %[[PLACE:.*]] = llvm.getelementptr %{{.*}}[%{{.*}}] : (!llvm.ptr, i64) -> !llvm.ptr, i16
//       CHECK:   llvm.load %[[PLACE]] : !llvm.ptr -> i16
llvm.func @address(%p: !llvm.ptr, %i: i64) -> bf16 attributes {note = bf16} {
  %place = llvm.getelementptr %p[%i] : (!llvm.ptr, i64) -> !llvm.ptr, bf16
  %x = llvm.load %place : !llvm.ptr -> bf16
  llvm.return %x : bf16
}

// -----

// What computes needs the type.

// CHECK-LABEL: llvm.func @compute(
//       CHECK:   llvm.fadd %{{.*}}, %{{.*}} : bf16
llvm.func @compute(%x: bf16) -> bf16 {
  // expected-remark @below {{computes with bf16, which is not held as integers}}
  %0 = llvm.fadd %x, %x : bf16
  llvm.return %0 : bf16
}
