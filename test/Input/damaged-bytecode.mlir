// MLIR's reader ends the process on the first file and takes all memory for the
// second. Sound bytecode goes through, from a file and from standard input.
//
// RUN: not gpt-opt %S/Inputs/large-count.mlirbc 2>&1 | FileCheck %s --check-prefix=DAMAGED
// RUN: not gpt-opt %S/Inputs/many-values.mlirbc 2>&1 | FileCheck %s --check-prefix=DAMAGED
// RUN: not gpt-opt < %S/Inputs/large-count.mlirbc 2>&1 | FileCheck %s --check-prefix=DAMAGED
// RUN: gpt-opt %s -emit-bytecode -o %t
// RUN: gpt-opt %t | FileCheck %s
// RUN: gpt-opt < %t | FileCheck %s

// DAMAGED: error: damaged bytecode: reading it ends in a crash

// CHECK-LABEL: func.func @sound
func.func @sound(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: gpt.silu
  %0 = gpt.silu %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
