// RUN: not gpt-opt %s --convert-gpt-attention-to-vector=query-tile=24 2>&1 | FileCheck %s

// CHECK: error: expected positive tile sizes, and query-tile (24) and key-part (256) to be multiples of vector-size (16)
func.func @f() {
  return
}
