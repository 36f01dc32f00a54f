// RUN: gpt-opt %s -gpt-mark-read-only-arguments | FileCheck %s

// CHECK-LABEL: func.func @exported(
//  CHECK-SAME:   tensor<4xf32> {bufferization.writable = false},
//  CHECK-SAME:   tensor<1x1x4x2xf32> {bufferization.writable = true, gpt.cache = "key"},
//  CHECK-SAME:   tensor<4xf32> {bufferization.writable = true},
//  CHECK-SAME:   index)
func.func @exported(%x: tensor<4xf32>, %c: tensor<1x1x4x2xf32> {gpt.cache = "key"}, %given: tensor<4xf32> {bufferization.writable = true}, %i: index) {
  return
}

// CHECK: func.func private @inner(%{{.*}}: tensor<4xf32>) {
func.func private @inner(%x: tensor<4xf32>) {
  return
}

// CHECK: func.func private @declared(tensor<4xf32>)
func.func private @declared(%x: tensor<4xf32>)
