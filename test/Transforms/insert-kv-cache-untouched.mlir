// A refusal leaves the module as it was, even one found after cloning: here the
// clone of a block would take the name that the decode function should have.
// RUN: not gpt-opt %s --gpt-insert-kv-cache="prefill-name=fill decode-name=block_fill" \
// RUN:   --mlir-print-ir-after-failure 2>&1 | FileCheck %s

// CHECK: error: 'forward' cannot run incrementally: two functions would be named 'block_fill'
// CHECK: IR Dump After InsertKVCache Failed
// CHECK: func.func @forward
// CHECK: func.func private @block
// CHECK-NOT: func.func
func.func @forward(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %0 = call @block(%x) : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  return %0 : tensor<?x?x8xf32>
}
func.func private @block(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %0 = gpt.attention %x, %x, %x {causal, num_heads = 1 : i64, num_kv_heads = 1 : i64}
      : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  return %0 : tensor<?x?x8xf32>
}
