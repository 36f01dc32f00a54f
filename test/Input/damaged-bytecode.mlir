// MLIR's reader ends the process on the first file, takes all memory for the
// second and does not end on the third. Sound bytecode goes through, from a file
// and from standard input.
//
// RUN: not gpt-opt %S/Inputs/large-count.mlirbc 2>&1 | FileCheck %s --check-prefix=DAMAGED
// RUN: not gpt-opt %S/Inputs/many-values.mlirbc 2>&1 | FileCheck %s --check-prefix=DAMAGED
// RUN: not gpt-opt %S/Inputs/endless.mlirbc 2>&1 | FileCheck %s --check-prefix=ENDLESS
// RUN: not gpt-opt < %S/Inputs/large-count.mlirbc 2>&1 | FileCheck %s --check-prefix=DAMAGED
// RUN: gpt-opt %s -emit-bytecode -o %t
// RUN: gpt-opt %t | FileCheck %s
// RUN: gpt-opt < %t | FileCheck %s

// ENDLESS: error: damaged bytecode: reading it takes more than 0.3 s

// DAMAGED: error: damaged bytecode: reading it ends in a crash

// CHECK-LABEL: func.func @sound
func.func @sound(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: gpt.silu
  %0 = gpt.silu %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
