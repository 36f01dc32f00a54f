// Every reason for which a graph cannot be cached. The error is on the forward
// function, notes are on the op and on the calls that lead to it.
// RUN: gpt-opt %s --gpt-insert-kv-cache --split-input-file --verify-diagnostics

!x = tensor<?x?x8xf32>

// expected-error @+1 {{'forward' cannot run incrementally: 'gpt.attention' op attends to the future; expected 'causal'}}
func.func @forward(%x: !x) -> !x {
  // expected-note @+1 {{the sequence dimension cannot be followed through this op}}
  %0 = gpt.attention %x, %x, %x {num_heads = 1 : i64, num_kv_heads = 1 : i64} : (!x, !x, !x) -> !x
  return %0 : !x
}

// -----

!x = tensor<?x?x8xf32>

// expected-error @+1 {{'forward' cannot run incrementally: 'gpt.attention' op has a mask over the whole sequence; expected none}}
func.func @forward(%x: !x) -> !x {
  %mask = tensor.empty() : tensor<1xf32>
  // expected-note @+1 {{the sequence dimension cannot be followed through this op}}
  %0 = gpt.attention %x, %x, %x mask(%mask) {causal, num_heads = 1 : i64, num_kv_heads = 1 : i64} : (!x, !x, !x, tensor<1xf32>) -> !x
  return %0 : !x
}

// -----

!x = tensor<?x?x8xf32>

// Keys that are the same at every position: cross attention.
// expected-error @+1 {{'forward' cannot run incrementally: 'gpt.attention' op expected the sequence in dim 1 of key}}
func.func @forward(%x: !x {gpt.dims = ["batch", "seq", ""]}, %memory: !x) -> !x {
  // expected-note @+1 {{the sequence dimension cannot be followed through this op}}
  %0 = gpt.attention %x, %memory, %memory {causal, num_heads = 1 : i64, num_kv_heads = 1 : i64} : (!x, !x, !x) -> !x
  return %0 : !x
}

// -----

!x = tensor<?x?x8xf32>

// Attention written out, in a block: the note follows the calls.
// expected-error @+1 {{'forward' cannot run incrementally: 'gpt.matmul' op combines every position with every other; use gpt.attention with 'causal' instead}}
func.func @forward(%x: !x) -> !x {
  // expected-note @+1 {{in 'outer', called here}}
  %0 = call @outer(%x) : (!x) -> !x
  return %0 : !x
}
func.func private @outer(%x: !x) -> !x {
  // expected-note @+1 {{in 'block', called here}}
  %0 = call @block(%x) : (!x) -> !x
  return %0 : !x
}
func.func private @block(%x: !x) -> !x {
  %t = gpt.transpose %x {permutation = array<i64: 0, 2, 1>} : (!x) -> tensor<?x8x?xf32>
  // expected-note @+1 {{the sequence dimension cannot be followed through this op}}
  %s = gpt.matmul %x, %t : (!x, tensor<?x8x?xf32>) -> tensor<?x?x?xf32>
  %p = gpt.softmax %s : (tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %0 = gpt.matmul %p, %x : (tensor<?x?x?xf32>, !x) -> !x
  return %0 : !x
}

// -----

!x = tensor<?x?x8xf32>

// expected-error @+1 {{'forward' cannot run incrementally: 'gpt.matmul' op sums over the sequence dimension}}
func.func @forward(%x: !x, %w: tensor<?x4xf32> {gpt.weight = "w"}) -> tensor<?x8x4xf32> {
  %t = gpt.transpose %x {permutation = array<i64: 0, 2, 1>} : (!x) -> tensor<?x8x?xf32>
  // expected-note @+1 {{the sequence dimension cannot be followed through this op}}
  %0 = gpt.matmul %t, %w : (tensor<?x8x?xf32>, tensor<?x4xf32>) -> tensor<?x8x4xf32>
  return %0 : tensor<?x8x4xf32>
}

// -----

// expected-error @+1 {{'forward' cannot run incrementally: 'gpt.softmax' op reduces over the sequence dimension}}
func.func @forward(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  // expected-note @+1 {{the sequence dimension cannot be followed through this op}}
  %0 = gpt.softmax %x : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

!x = tensor<?x?x8xf32>

// A learned table added along the sequence would be read from its start again.
// expected-error @+1 {{'forward' cannot run incrementally: 'gpt.add' op combines operand #1, which does not vary with the sequence, along the sequence dimension}}
func.func @forward(%x: !x, %wpe: tensor<?x8xf32> {gpt.weight = "wpe"}) -> !x {
  // expected-note @+1 {{the sequence dimension cannot be followed through this op}}
  %0 = gpt.add %x, %wpe : (!x, tensor<?x8xf32>) -> !x
  return %0 : !x
}

// -----

!x = tensor<?x?x8xf32>

// expected-error @+1 {{'forward' cannot run incrementally: 'gpt.masked_softmax' op combines operand #1, which does not vary with the sequence, along the sequence dimension}}
func.func @forward(%x: !x, %mask: tensor<?x8xf32> {gpt.weight = "mask"}) -> !x {
  // expected-note @+1 {{the sequence dimension cannot be followed through this op}}
  %0 = gpt.masked_softmax %x, %mask : (!x, tensor<?x8xf32>) -> !x
  return %0 : !x
}

// -----

!x = tensor<?x?x8xf32>

// expected-error @+1 {{'forward' cannot run incrementally: 'gpt.sample' op expected uniform to vary with the sequence as logits do}}
func.func @forward(%x: !x {gpt.dims = ["", "seq", ""]}, %u: tensor<?x?xf32>) -> tensor<?x?xi64> {
  // expected-note @+1 {{the sequence dimension cannot be followed through this op}}
  %0 = gpt.sample %x, %u : (!x, tensor<?x?xf32>) -> tensor<?x?xi64>
  return %0 : tensor<?x?xi64>
}

// -----

!x = tensor<?x4x?x8xf32>

// expected-error @+1 {{'forward' cannot run incrementally: 'gpt.matmul' op combines rhs, which does not vary with the sequence, along the sequence dimension}}
func.func @forward(%x: tensor<?x?x4x8xf32>, %w: tensor<?x?x8x2xf32> {gpt.weight = "w"}) -> tensor<?x?x4x2xf32> {
  // expected-note @+1 {{the sequence dimension cannot be followed through this op}}
  %0 = gpt.matmul %x, %w : (tensor<?x?x4x8xf32>, tensor<?x?x8x2xf32>) -> tensor<?x?x4x2xf32>
  return %0 : tensor<?x?x4x2xf32>
}

// -----

!x = tensor<?x?x8xf32>

// expected-error @+1 {{'forward' cannot run incrementally: 'gpt.add' combines the last position with every position}}
func.func @forward(%x: !x) -> !x {
  %0 = gpt.last_token %x : (!x) -> tensor<?x1x8xf32>
  %1 = gpt.gelu %0 : (tensor<?x1x8xf32>) -> tensor<?x1x8xf32>
  // expected-note @+1 {{a token would depend on tokens that come after it}}
  %2 = gpt.add %x, %1 : (!x, tensor<?x1x8xf32>) -> !x
  return %2 : !x
}

// -----

!x = tensor<?x?x8xf32>

// expected-error @+1 {{'forward' cannot run incrementally: 'tensor.collapse_shape' has no rule for the sequence dimension}}
func.func @forward(%x: !x) -> tensor<?x8xf32> {
  // expected-note @+1 {{the sequence dimension can be followed through 'gpt' ops and calls only}}
  %0 = tensor.collapse_shape %x [[0, 1], [2]] : !x into tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// -----

!x = tensor<?x?x8xf32>

// expected-error @+1 {{'forward' cannot run incrementally: 'tensor.cast' has no rule for the sequence dimension}}
func.func @forward(%x: !x) -> tensor<*xf32> {
  // expected-note @+1 {{the sequence dimension can be followed through 'gpt' ops and calls only}}
  %0 = tensor.cast %x : !x to tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

!x = tensor<?x?x8xf32>

// expected-error @+1 {{'forward' cannot run incrementally: it computes with the length of the sequence}}
func.func @forward(%x: !x) -> tensor<?x?xf32> {
  %c1 = arith.constant 1 : index
  // expected-note @+1 {{the length of the input is not the number of tokens behind a cache}}
  %s = tensor.dim %x, %c1 : !x
  %0 = gpt.causal_mask(%s, %s) : tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

!x = tensor<?x?x8xf32>

// expected-error @+1 {{'forward' cannot run incrementally: 'scf.if' has a region that uses the sequence}}
func.func @forward(%x: !x, %c: i1) -> !x {
  // expected-note @+1 {{the sequence dimension can be followed through 'gpt' ops and calls only}}
  %0 = scf.if %c -> !x {
    %1 = gpt.gelu %x : (!x) -> !x
    scf.yield %1 : !x
  } else {
    scf.yield %x : !x
  }
  return %0 : !x
}

// -----

!x = tensor<?x?x8xf32>

// Features that are positions of another sequence.
// expected-error @+1 {{'forward' cannot run incrementally: 'gpt.linear' op combines operand #1, which varies with the sequence, with every position}}
func.func @forward(%x: !x, %w: tensor<?x?xf32>) -> tensor<?x?x?xf32> {
  // expected-note @+1 {{the sequence dimension cannot be followed through this op}}
  %0 = gpt.linear %x, %w {weight_layout = #gpt<weight_layout in_out>} : (!x, tensor<?x?xf32>) -> tensor<?x?x?xf32>
  return %0 : tensor<?x?x?xf32>
}

// -----

!x = tensor<4x?x4xf32>

// Positions are those of sequences, which are no longer in dimension 0.
// expected-error @+1 {{'forward' cannot run incrementally: 'gpt.transpose' op moves the batch, dimension 0}}
func.func @forward(%x: !x) -> !x {
  // expected-note @+1 {{the sequence dimension cannot be followed through this op}}
  %0 = gpt.transpose %x {permutation = array<i64: 2, 1, 0>} : (!x) -> !x
  %1 = gpt.attention %0, %0, %0 {causal, num_heads = 1 : i64, num_kv_heads = 1 : i64} : (!x, !x, !x) -> !x
  return %1 : !x
}
