// Functions, signatures and options that cannot be cached.
// RUN: gpt-opt %s --gpt-insert-kv-cache --split-input-file --verify-diagnostics
// RUN: not gpt-opt %s --gpt-insert-kv-cache="prefill-name=f decode-name=f" --split-input-file 2>&1 | FileCheck %s --check-prefix=NAMES
// RUN: not gpt-opt %s --gpt-insert-kv-cache=decode-name= --split-input-file 2>&1 | FileCheck %s --check-prefix=EMPTY

// NAMES: expected two different names for the prefill and decode functions, but found 'f' and 'f'
// EMPTY: expected two different names for the prefill and decode functions, but found 'prefill' and ''

// expected-error @+1 {{'forward' cannot run incrementally: it has no body}}
func.func private @forward(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32>

// -----

// expected-error @+1 {{expected a function 'forward' to add KV caches to}}
module {
  func.func @main() {
    return
  }
}

// -----

// expected-error @+1 {{expected a function 'forward' to add KV caches to}}
module {
  memref.global "private" @forward : memref<4xf32>
}

// -----

func.func @forward(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  return %x : tensor<?x?x8xf32>
}
// expected-error @+1 {{'decode' is the name of a function that adding KV caches makes}}
func.func private @decode()

// -----

// expected-error @+1 {{'forward' cannot run incrementally: it has no 'gpt.attention' on the sequence, so there is nothing to cache}}
func.func @forward(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %0 = gpt.gelu %x : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  return %0 : tensor<?x?x8xf32>
}

// -----

// expected-error @+1 {{'forward' cannot run incrementally: no input has a sequence dimension, dimension 1 of an argument without 'gpt.weight'}}
func.func @forward(%x: tensor<?xf32>, %w: tensor<4x4xf32> {gpt.weight = "w"}, %i: index) {
  return
}

// -----

// expected-error @+1 {{'forward' cannot run incrementally: dimension 0 of argument #1 is named 'seq', only dimension 1 can be the sequence}}
func.func @forward(%x: tensor<?x?x8xf32>, %y: tensor<?x8xf32> {gpt.dims = ["seq", ""]}) {
  return
}

// -----

// expected-error @+2 {{'forward' cannot run incrementally: arguments #0 and #1 have different batches, ? and 4}}
// expected-note @+1 {{mark weights with 'gpt.weight', or name dimension 1 of the sequences 'seq' in 'gpt.dims'}}
func.func @forward(%x: tensor<?x?x8xf32>, %y: tensor<4x?x8xf32>) {
  return
}

// -----

// expected-error @+1 {{'forward' cannot run incrementally: arguments #0 and #2 have sequences of different lengths, 16 and 8}}
func.func @forward(%x: tensor<?x?x8xf32>, %y: tensor<?x16x8xf32>, %z: tensor<?x8x8xf32>) {
  return
}

// -----

// expected-error @+1 {{'forward' cannot run incrementally: argument #1 is a KV cache already}}
func.func @forward(%x: tensor<?x?x8xf32>, %k: tensor<?x1x?x8xf32> {gpt.cache = "key"}) {
  return
}

// -----

// expected-error @+1 {{'forward' cannot run incrementally: argument #1 gives positions already}}
func.func @forward(%x: tensor<?x?x8xf32>, %p: tensor<?xi64> {gpt.positions}) {
  return
}

// -----

// expected-error @+1 {{'forward' cannot run incrementally: argument #1 has the name of an argument that caching adds}}
func.func @forward(%x: tensor<?x?x8xf32>, %p: tensor<?xi64> {gpt.name = "positions"}) {
  return
}

// -----

!x = tensor<?x?x8xf32>
!c = tensor<?x1x?x8xf32>

// expected-error @+1 {{'forward' cannot run incrementally: 'gpt.cached_attention' op has a KV cache already}}
func.func @forward(%x: !x {gpt.dims = ["", "seq", ""]}, %k: !c, %v: !c, %p: tensor<?xi64>) -> !x {
  // expected-note @+1 {{the sequence dimension cannot be followed through this op}}
  %0:3 = gpt.cached_attention %x, %x, %x cache(%k, %v) positions(%p) {num_heads = 1 : i64, num_kv_heads = 1 : i64}
      : (!x, !x, !x, !c, !c, tensor<?xi64>) -> (!x, !c, !c)
  return %0#0 : !x
}

// -----

!x = tensor<?x?x8xf32>

// expected-error @+1 {{'forward' cannot run incrementally: 'gpt.rope' has a 'positions' operand already}}
func.func @forward(%x: !x, %p: tensor<?xi64>) -> !x {
  // expected-note @+1 {{expected positions to count from the start of the sequence}}
  %0 = gpt.rope %x positions(%p) {num_heads = 1 : i64} : (!x, tensor<?xi64>) -> !x
  return %0 : !x
}

// -----

!x = tensor<?x?x8xf32>

// expected-error @+1 {{'forward' cannot run incrementally: 'gpt.position_ids' counts positions of another dimension}}
func.func @forward(%x: !x) -> tensor<?x8xi64> {
  %t = gpt.transpose %x {permutation = array<i64: 0, 2, 1>} : (!x) -> tensor<?x8x?xf32>
  // expected-note @+1 {{expected dimension 1 to be the sequence, found dimension 2}}
  %0 = gpt.position_ids %t : (tensor<?x8x?xf32>) -> tensor<?x8xi64>
  return %0 : tensor<?x8xi64>
}

// -----

// expected-error @+1 {{'forward' cannot run incrementally: 'gpt.attention' runs on another batch than the inputs have}}
func.func @forward(%x: tensor<1x?x8xf32>, %y: tensor<4x1x8xf32> {gpt.weight = "y"}) -> tensor<4x?x8xf32> {
  %0 = gpt.add %x, %y : (tensor<1x?x8xf32>, tensor<4x1x8xf32>) -> tensor<4x?x8xf32>
  // expected-note @+1 {{expected a batch of 1, found 4}}
  %1 = gpt.attention %0, %0, %0 {causal, num_heads = 1 : i64, num_kv_heads = 1 : i64}
      : (tensor<4x?x8xf32>, tensor<4x?x8xf32>, tensor<4x?x8xf32>) -> tensor<4x?x8xf32>
  return %1 : tensor<4x?x8xf32>
}

// -----

// expected-error @+1 {{'forward' cannot run incrementally: 'block' has no body}}
func.func @forward(%x: tensor<?x?x8xf32>) {
  // expected-note @+1 {{the sequence is passed to it here}}
  call @block(%x) : (tensor<?x?x8xf32>) -> ()
  return
}
func.func private @block(%x: tensor<?x?x8xf32>)

// -----

// expected-error @+1 {{'forward' cannot run incrementally: 'a' is recursive}}
func.func @forward(%x: tensor<?x?x8xf32>) {
  // expected-note @+1 {{in 'a', called here}}
  call @a(%x) : (tensor<?x?x8xf32>) -> ()
  return
}
func.func private @a(%x: tensor<?x?x8xf32>) {
  // expected-note @+1 {{in 'b', called here}}
  call @b(%x) : (tensor<?x?x8xf32>) -> ()
  return
}
func.func private @b(%x: tensor<?x?x8xf32>) {
  // expected-note @+1 {{it calls itself here}}
  call @a(%x) : (tensor<?x?x8xf32>) -> ()
  return
}

// -----

// expected-error @+1 {{'forward' cannot run incrementally: 'forward' has control flow}}
func.func @forward(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  // expected-note @+1 {{expected the function to be one block that returns}}
  cf.br ^next
^next:
  return %x : tensor<?x?x8xf32>
}

// -----

// expected-error @+1 {{'forward' cannot run incrementally: 'func.call_indirect' has no rule for the sequence dimension}}
func.func @forward(%x: tensor<?x?x8xf32>) {
  %f = constant @block : (tensor<?x?x8xf32>) -> ()
  // expected-note @+1 {{the sequence dimension can be followed through 'gpt' ops and calls only}}
  call_indirect %f(%x) : (tensor<?x?x8xf32>) -> ()
  return
}
func.func private @block(%x: tensor<?x?x8xf32>)
