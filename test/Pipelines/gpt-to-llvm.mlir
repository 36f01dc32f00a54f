// RUN: gpt-opt %s -gpt-to-llvm-pipeline | FileCheck %s --check-prefixes=CHECK,INT \
// RUN:   --implicit-check-not=fpext --implicit-check-not=fptrunc
// RUN: gpt-opt %s -gpt-to-llvm-pipeline="expand-bf16=false expand-f16=false" | FileCheck %s --check-prefixes=CHECK,NATIVE
// RUN: gpt-opt %s -gpt-to-linalg-pipeline -gpt-linalg-to-loops-pipeline -gpt-loops-to-llvm-pipeline | FileCheck %s
// RUN: not gpt-opt %s -gpt-to-llvm-pipeline=opt-level=7 2>&1 | FileCheck %s --check-prefix=LEVEL

// LEVEL: for the --opt-level option: Cannot find option named '7'!

// Memory comes from the runtime or libc, functions from libm, and nothing else
// is called.

//   CHECK-DAG: llvm.func @aligned_alloc(i64, i64) -> !llvm.ptr
//   CHECK-DAG: llvm.func @erff(f32) -> f32

// CHECK-LABEL: llvm.func internal @gelu(
//       CHECK:   llvm.call @gpt_allocate_result
//       CHECK:   llvm.call @erff
// CHECK-LABEL: llvm.func internal @_mlir_ciface_gelu(
// CHECK-LABEL: llvm.func @gpt_entry_gelu(%{{.*}}: !llvm.ptr) {
//       CHECK:   llvm.call @_mlir_ciface_gelu
func.func @gelu(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = gpt.gelu %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// Without instructions for it, 16-bit floats are converted by integer
// arithmetic: a compiler runtime that does it would have to be linked.

// CHECK-LABEL: llvm.func internal @narrow(
//         INT:   llvm.shl
//      NATIVE:   llvm.fpext %{{.*}} : bf16 to f32
//      NATIVE:   llvm.fptrunc %{{.*}} : f32 to f16
func.func @narrow(%x: tensor<4xbf16>) -> tensor<4xf16> {
  %0 = gpt.cast %x : tensor<4xbf16> to tensor<4xf16>
  return %0 : tensor<4xf16>
}
