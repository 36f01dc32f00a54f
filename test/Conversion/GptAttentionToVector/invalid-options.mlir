// RUN: not gpt-opt %s --convert-gpt-attention-to-vector=query-tile=24 2>&1 | FileCheck %s
// RUN: not gpt-opt %s --convert-gpt-attention-to-vector="key-tile=63 pairs" 2>&1 | FileCheck %s --check-prefix=PAIRS

// CHECK: error: expected positive tile sizes, and query-tile (24) and key-part (256) to be multiples of vector-size (16)
// PAIRS: error: expected key-tile (63) to be even where keys are multiplied in pairs
func.func @f() {
  return
}
