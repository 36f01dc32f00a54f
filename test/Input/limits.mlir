// The time and memory of passes are limited where that is asked for: one error
// that names the pass, and no output.

// RUN: %python %S/Inputs/many-ops.py 3000 > %t.mlir
// RUN: not gpt-opt %t.mlir --gpt-to-llvm-pipeline --gpt-time-limit=0.01 -o %t.out 2>&1 | FileCheck %s --check-prefix=TIME --implicit-check-not=error:
// RUN: not gpt-opt %t.mlir --gpt-to-llvm-pipeline --gpt-memory-limit=1000000 2>&1 | FileCheck %s --check-prefix=MEMORY --implicit-check-not=error:
// RUN: not ls %t.out
// RUN: not gpt-opt %s --gpt-time-limit=-1 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: gpt-opt %s --gpt-to-linalg-pipeline --gpt-time-limit=600 --gpt-memory-limit=100000000000 --split-input-file | FileCheck %s

//       TIME: error: compilation takes longer than time_limit=0.01 seconds, found in pass '{{.*}}'; raise the limit

//     MEMORY: error: compilation takes more memory than memory_limit=1000000 bytes, found in pass '{{.*}}'; raise the limit

//   NEGATIVE: error: expected --gpt-time-limit to be 0 or more, but found -1

// CHECK-LABEL: func.func @f(
//   CHECK-NOT:   gpt.silu
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = gpt.silu %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// CHECK-LABEL: func.func @g(
func.func @g(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = gpt.gelu %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
