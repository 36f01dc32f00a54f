// Called functions: each call gets its own caches; functions are cloned once
// per phase and pattern of arguments, and only if they change.
// RUN: gpt-opt %s --gpt-insert-kv-cache --split-input-file | FileCheck %s
// RUN: gpt-opt %s --gpt-insert-kv-cache=keep-function=false --split-input-file \
// RUN:   | FileCheck %s --check-prefix=DROP

!x = tensor<?x?x8xf32>

// DROP-NOT: @forward
// DROP-NOT: @block(
// DROP: func.func private @mlp(
// DROP-NOT: @forward
// DROP-NOT: @block(

// CHECK-LABEL: func.func @prefill
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x?x8xf32>
// CHECK-SAME: %[[P:[^:]*]]: tensor<?xi64>
// CHECK-SAME: %[[K0:[^:]*]]: tensor<?x2x?x4xf32> {{{[^}]*}}gpt.name = "cache.0.key"}
// CHECK-SAME: %[[V0:[^:]*]]: tensor<?x2x?x4xf32> {{{[^}]*}}gpt.name = "cache.0.value"}
// CHECK-SAME: %[[K1:[^:]*]]: tensor<?x2x?x4xf32> {{{[^}]*}}gpt.name = "cache.1.key"}
// CHECK-SAME: %[[V1:[^:]*]]: tensor<?x2x?x4xf32> {{{[^}]*}}gpt.name = "cache.1.value"}
// CHECK: %[[A:.*]]:3 = call @block_prefill(%[[X]], %[[P]], %[[K0]], %[[V0]]) {note = "kept"}
// CHECK: %[[B:.*]]:3 = call @block_prefill(%[[A]]#0, %[[P]], %[[K1]], %[[V1]])
// CHECK: %[[LAST:.*]] = gpt.last_token %[[B]]#0
// CHECK: return %[[LAST]], %[[A]]#1, %[[A]]#2, %[[B]]#1, %[[B]]#2

// The MLP needs nothing: with a dynamic length it is shared.
// CHECK-LABEL: func.func private @block_prefill
// CHECK-SAME: (%[[X:[^:]*]]: tensor<?x?x8xf32>, %[[P:[^:]*]]: tensor<?xi64> {gpt.positions}
// CHECK-SAME: %[[K:[^:]*]]: tensor<?x2x?x4xf32> {bufferization.writable = true, gpt.cache = "key"}
// CHECK-SAME: %[[V:[^:]*]]: tensor<?x2x?x4xf32> {bufferization.writable = true, gpt.cache = "value"}
// CHECK-SAME: attributes {no_inline}
// CHECK: %[[Y:.*]], %[[NK:.*]], %[[NV:.*]] = gpt.cached_attention %[[X]], %[[X]], %[[X]] cache(%[[K]], %[[V]]) positions(%[[P]])
// CHECK: %[[Z:.*]] = call @mlp(%[[Y]])
// CHECK: return %[[Z]], %[[NK]], %[[NV]]
// CHECK-NOT: @mlp_prefill

// CHECK-LABEL: func.func @decode
// CHECK: call @block_decode
// CHECK-LABEL: func.func private @block_decode
// CHECK: call @mlp_decode(%{{.*}}) : (tensor<?x1x8xf32>) -> tensor<?x1x8xf32>
// CHECK-LABEL: func.func private @mlp_decode(
// CHECK-SAME: tensor<?x1x8xf32>) -> tensor<?x1x8xf32>
func.func @forward(%x: !x) -> !x {
  %0 = call @block(%x) {note = "kept"} : (!x) -> !x
  %1 = call @block(%0) : (!x) -> !x
  return %1 : !x
}
func.func private @block(%x: !x) -> !x attributes {no_inline} {
  %0 = gpt.attention %x, %x, %x {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64} : (!x, !x, !x) -> !x
  %1 = call @mlp(%0) : (!x) -> !x
  return %1 : !x
}
func.func private @mlp(%x: !x) -> !x {
  %0 = gpt.gelu %x : (!x) -> !x
  return %0 : !x
}

// -----

// One function called with two patterns: what comes with the sequence in the
// first call is the same for all positions in the second.

!x = tensor<?x?x8xf32>
!b = tensor<?x?x8xf32>

// CHECK-LABEL: func.func @prefill
// CHECK: %[[A:.*]] = call @sum(%[[X:.*]], %[[X]]) : (tensor<?x?x8xf32>, tensor<?x?x8xf32>)
// CHECK-LABEL: func.func @decode
// CHECK: %[[A:.*]] = call @sum_decode(%[[X:.*]], %[[X]]) : (tensor<?x1x8xf32>, tensor<?x1x8xf32>)
// CHECK: gpt.cached_attention %[[A]]
// CHECK: call @sum(%arg{{.*}}, %arg{{.*}}) : (tensor<?x?x8xf32>, tensor<?x?x8xf32>)
func.func @forward(%x: !x {gpt.dims = ["batch", "seq", ""]}, %c: !x {gpt.dims = ["batch", "", ""]}) -> (!x, !x) {
  %0 = call @sum(%x, %x) : (!x, !x) -> !x
  %1 = gpt.attention %0, %0, %0 {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64} : (!x, !x, !x) -> !x
  %2 = call @sum(%c, %c) : (!x, !x) -> !x
  return %1, %2 : !x, !x
}
func.func private @sum(%x: !x, %y: !x) -> !x {
  %0 = gpt.add %x, %y : (!x, !x) -> !x
  return %0 : !x
}

// -----

// Caches of nested calls come in the order of execution; clones never take the
// name of another function.

!x = tensor<?x?x8xf32>

// CHECK-LABEL: func.func @prefill
// CHECK-SAME: %[[K0:[^:]*]]: tensor<?x1x?x8xf32> {{{[^}]*}}"cache.0.key"}, %[[V0:[^:]*]]: tensor
// CHECK-SAME: %[[K1:[^:]*]]: tensor<?x2x?x4xf32> {{{[^}]*}}"cache.1.key"}, %[[V1:[^:]*]]: tensor
// CHECK-SAME: %[[K2:[^:]*]]: tensor<?x1x?x8xf32> {{{[^}]*}}"cache.2.key"}, %[[V2:[^:]*]]: tensor
// CHECK: call @[[OUTER:outer_prefill_[0-9]+]](%{{.*}}, %{{.*}}, %[[K0]], %[[V0]], %[[K1]], %[[V1]])
// CHECK: call @inner_prefill(%{{.*}}, %{{.*}}, %[[K2]], %[[V2]])
// CHECK: func.func private @[[OUTER]](
// CHECK-SAME: %[[P:[^:]*]]: tensor<?xi64>
// CHECK-SAME: %[[K0:[^:]*]]: tensor<?x1x?x8xf32> {{{[^}]*}}}, %[[V0:[^:]*]]: tensor
// CHECK-SAME: %[[K1:[^:]*]]: tensor<?x2x?x4xf32> {{{[^}]*}}}, %[[V1:[^:]*]]: tensor
// CHECK: %[[I:.*]]:3 = call @inner_prefill(%{{.*}}, %[[P]], %[[K0]], %[[V0]])
// CHECK: %[[Y:.*]], %[[NK:.*]], %[[NV:.*]] = gpt.cached_attention %[[I]]#0, {{.*}} cache(%[[K1]], %[[V1]])
// CHECK: return %[[Y]], %[[I]]#1, %[[I]]#2, %[[NK]], %[[NV]]
func.func @forward(%x: !x) -> !x {
  %0 = call @outer(%x) : (!x) -> !x
  %1 = call @inner(%0) : (!x) -> !x
  return %1 : !x
}
func.func private @outer(%x: !x) -> !x {
  %0 = call @inner(%x) : (!x) -> !x
  %1 = gpt.attention %0, %0, %0 {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64} : (!x, !x, !x) -> !x
  return %1 : !x
}
func.func private @inner(%x: !x) -> !x {
  %0 = gpt.attention %x, %x, %x {causal, num_heads = 1 : i64, num_kv_heads = 1 : i64} : (!x, !x, !x) -> !x
  return %0 : !x
}
func.func private @outer_prefill()
