// RUN: not gpt-opt %s --convert-gpt-attention-to-vector=query-tile=24 2>&1 | FileCheck %s
// RUN: not gpt-opt %s --convert-gpt-attention-to-vector="key-tile=63 pairs" 2>&1 | FileCheck %s --check-prefix=PAIRS
// RUN: not gpt-opt %s --convert-gpt-attention-to-vector=row-tile=1000000 2>&1 | FileCheck %s --check-prefix=LARGE
// RUN: not gpt-opt %s --convert-gpt-attention-to-vector=key-tile=0 2>&1 | FileCheck %s --check-prefix=ZERO

// LARGE: error: expected row-tile to be from 1 to 256, found 1000000
// ZERO: error: expected key-tile to be from 1 to 65536, found 0
// CHECK: error: expected query-tile (24) and key-part (256) to be multiples of vector-size (16)
// PAIRS: error: expected key-tile (63) to be even where keys are multiplied in pairs
func.func @f() {
  return
}
