// RUN: gpt-opt %s -gpt-expand-bf16-masks | FileCheck %s

// CHECK-LABEL: llvm.func @load(
//  CHECK-SAME:   %[[P:[a-z0-9]+]]: !llvm.ptr, %[[MASK:[a-z0-9]+]]: vector<8xi1>, %[[PASS:[a-z0-9]+]]: vector<8xbf16>)
//       CHECK:   %[[BITS:.*]] = llvm.bitcast %[[PASS]] : vector<8xbf16> to vector<8xi16>
//       CHECK:   %[[LOADED:.*]] = llvm.intr.masked.load %[[P]], %[[MASK]], %[[BITS]] {alignment = 2 : i32} : (!llvm.ptr, vector<8xi1>, vector<8xi16>) -> vector<8xi16>
//       CHECK:   %[[V:.*]] = llvm.bitcast %[[LOADED]] : vector<8xi16> to vector<8xbf16>
//       CHECK:   llvm.return %[[V]]
llvm.func @load(%p: !llvm.ptr, %mask: vector<8xi1>, %pass: vector<8xbf16>) -> vector<8xbf16> {
  %0 = llvm.intr.masked.load %p, %mask, %pass {alignment = 2 : i32} : (!llvm.ptr, vector<8xi1>, vector<8xbf16>) -> vector<8xbf16>
  llvm.return %0 : vector<8xbf16>
}

// CHECK-LABEL: llvm.func @load_without_value(
//       CHECK:   llvm.intr.masked.load %{{.*}}, %{{[a-z0-9]+}} {alignment = 2 : i32} : (!llvm.ptr, vector<8xi1>) -> vector<8xi16>
llvm.func @load_without_value(%p: !llvm.ptr, %mask: vector<8xi1>) -> vector<8xbf16> {
  %0 = llvm.intr.masked.load %p, %mask {alignment = 2 : i32} : (!llvm.ptr, vector<8xi1>) -> vector<8xbf16>
  llvm.return %0 : vector<8xbf16>
}

// CHECK-LABEL: llvm.func @store(
//  CHECK-SAME:   %[[P:[a-z0-9]+]]: !llvm.ptr, %[[MASK:[a-z0-9]+]]: vector<4xi1>, %[[V:[a-z0-9]+]]: vector<4xbf16>)
//       CHECK:   %[[BITS:.*]] = llvm.bitcast %[[V]] : vector<4xbf16> to vector<4xi16>
//       CHECK:   llvm.intr.masked.store %[[BITS]], %[[P]], %[[MASK]] {alignment = 4 : i32} : vector<4xi16>
llvm.func @store(%p: !llvm.ptr, %mask: vector<4xi1>, %v: vector<4xbf16>) {
  llvm.intr.masked.store %v, %p, %mask {alignment = 4 : i32} : vector<4xbf16>, vector<4xi1> into !llvm.ptr
  llvm.return
}

// Other element types have masked instructions.

// CHECK-LABEL: llvm.func @others(
//   CHECK-NOT:   llvm.bitcast
//       CHECK:   llvm.return
llvm.func @others(%p: !llvm.ptr, %mask: vector<4xi1>, %v: vector<4xf16>) -> vector<4xf32> {
  llvm.intr.masked.store %v, %p, %mask {alignment = 2 : i32} : vector<4xf16>, vector<4xi1> into !llvm.ptr
  %0 = llvm.intr.masked.load %p, %mask {alignment = 4 : i32} : (!llvm.ptr, vector<4xi1>) -> vector<4xf32>
  llvm.return %0 : vector<4xf32>
}
