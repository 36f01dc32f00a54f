// What a module exports: public functions with a body, of tensors or of
// contiguous memrefs.

// RUN: gpt-opt %s -split-input-file -verify-diagnostics -gpt-prepare-exports | FileCheck %s

// Argument and result attributes end here; those of other dialects stay.

// CHECK-LABEL: func.func @public
// CHECK-SAME: (%{{.*}}: memref<?x4xf32>, %{{.*}}: memref<4xbf16> {llvm.readonly}) -> memref<?x4xf32>
// CHECK-SAME: attributes {llvm.emit_c_interface}
func.func @public(%x: memref<?x4xf32> {gpt.name = "x", gpt.dims = ["batch", ""]},
                  %w: memref<4xbf16> {gpt.weight = "w", bufferization.writable = false, llvm.readonly})
    -> (memref<?x4xf32> {gpt.name = "y"}) {
  return %x : memref<?x4xf32>
}

// CHECK-LABEL: func.func private @block
// CHECK-SAME: (%{{.*}}: index) attributes {llvm.linkage = #llvm.linkage<internal>}
func.func private @block(%n: index) {
  return
}

// CHECK-LABEL: func.func private @declared(memref<4xf32>)
// CHECK-NOT: attributes
func.func private @declared(memref<4xf32>)

// CHECK-LABEL: func.func @on_tensors
// CHECK-SAME: (%{{.*}}: tensor<i64>) attributes {llvm.emit_c_interface}
func.func @on_tensors(%x: tensor<i64>) {
  return
}

// -----

// expected-error @+1 {{cannot be exported: argument 1 of type 'index' is neither a tensor nor a memref}}
func.func @index(%x: tensor<4xf32>, %n: index) {
  return
}

// -----

// expected-error @+1 {{cannot be exported: result 0 of type 'f32' is neither a tensor nor a memref}}
func.func @scalar_result() -> f32 {
  %0 = arith.constant 0.0 : f32
  return %0 : f32
}

// -----

// expected-error @+1 {{cannot be exported: argument 0 of type 'tensor<*xf32>' is unranked}}
func.func @unranked(%x: tensor<*xf32>) {
  return
}

// -----

// expected-error @+1 {{cannot be exported: argument 0 of type 'tensor<4xindex>' has an element type that is neither an integer nor a float}}
func.func @index_elements(%x: tensor<4xindex>) {
  return
}

// -----

// expected-error @+1 {{cannot be exported: argument 0 of type 'memref<4xf32, strided<[2]>>' has a layout other than row-major and contiguous}}
func.func @strided(%x: memref<4xf32, strided<[2]>>) {
  return
}

// -----

// Names of functions that compiled code calls.

// expected-error @+1 {{'func.func' op has the name 'free', which is a function of the C library that compiled code calls}}
func.func @free(%x: tensor<4xf32>) {
  return
}

// -----

// expected-error @+1 {{'func.func' op has the name 'erff', which is a function of the C library that compiled code calls}}
func.func private @erff(%x: f32) -> f32 {
  return %x : f32
}

// -----

// A second declaration would be needed beside this one.
// expected-error @+1 {{'func.func' op has the name 'malloc', which is a function of the C library that compiled code calls}}
func.func private @malloc(memref<4xf32>)

// -----

// expected-error @+1 {{'func.func' op has the name 'tanhf', which is a function of the C library that compiled code calls}}
func.func private @tanhf(f64) -> f64

// -----

// expected-error @+1 {{'memref.global' op has the name 'memcpy', which is a function of the C library that compiled code calls}}
memref.global @memcpy : memref<4xf32> = dense<0.0>

// -----

// What lowering would declare.

// CHECK-LABEL: func.func private @erff(f32) -> f32
func.func private @erff(f32) -> f32
// CHECK: func.func private @pow(f64, f64) -> f64
func.func private @pow(f64, f64) -> f64
// CHECK: func.func @free_of_charge
func.func @free_of_charge(%x: tensor<4xf32>) {
  return
}
