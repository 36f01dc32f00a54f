// What gpt-insert-kv-cache makes of one function: types, operands, signature.
// RUN: gpt-opt %s --gpt-insert-kv-cache --split-input-file | FileCheck %s
// RUN: gpt-opt %s --gpt-insert-kv-cache --split-input-file --mlir-print-debuginfo --mlir-print-local-scope \
// RUN:   | FileCheck %s --check-prefix=LOC

// LOC-LABEL: func.func @decode
// LOC: gpt.cached_attention {{.*}} loc("attention")

// Learned positions, grouped-query attention with a window: attributes survive,
// the forward function is kept.

// CHECK-LABEL: func.func @forward
// CHECK: gpt.attention

// CHECK-LABEL: func.func @prefill
// CHECK-SAME: %[[IDS:[^:]*]]: tensor<?x?xi64> {gpt.dims = ["batch", "seq"], gpt.name = "ids"}
// CHECK-SAME: %[[WTE:[^:]*]]: tensor<100x64xf32> {gpt.weight = "wte"}
// CHECK-SAME: %[[WPE:[^:]*]]: tensor<32x64xf32> {gpt.weight = "wpe"}
// CHECK-SAME: %[[QKV:[^:]*]]: tensor<128x64xf32> {gpt.weight = "qkv"}
// CHECK-SAME: %[[P:[^:]*]]: tensor<?xi64> {gpt.dims = ["batch"], gpt.name = "positions", gpt.positions}
// CHECK-SAME: %[[K0:[^:]*]]: tensor<?x2x?x16xf32> {bufferization.writable = true, gpt.cache = "key", gpt.dims = ["batch", "", "capacity", ""], gpt.name = "cache.0.key"}
// CHECK-SAME: %[[V0:[^:]*]]: tensor<?x2x?x16xf32> {bufferization.writable = true, gpt.cache = "value", gpt.dims = ["batch", "", "capacity", ""], gpt.name = "cache.0.value"}
// CHECK-SAME: -> (tensor<?x1x64xf32> {gpt.dims = ["batch", "", ""], gpt.name = "hidden"}
// CHECK-SAME: tensor<?x2x?x16xf32> {gpt.cache = "key", gpt.dims = ["batch", "", "capacity", ""], gpt.name = "cache.0.key"}
// CHECK-SAME: tensor<?x2x?x16xf32> {gpt.cache = "value", gpt.dims = ["batch", "", "capacity", ""], gpt.name = "cache.0.value"}
// CHECK: %[[X0:.*]] = gpt.embedding %[[WTE]], %[[IDS]]
// CHECK: %[[I:.*]] = gpt.position_ids %[[IDS]] positions(%[[P]]) : (tensor<?x?xi64>, tensor<?xi64>) -> tensor<?x?xi64>
// CHECK: %[[X1:.*]] = gpt.embedding %[[WPE]], %[[I]]
// CHECK: gpt.add %[[X0]], %[[X1]]
// CHECK: %[[Q:.*]] = gpt.linear
// CHECK: %[[KV:.*]]:2 = gpt.split
// CHECK: %[[Y:.*]], %[[K1:.*]], %[[V1:.*]] = gpt.cached_attention %[[Q]], %[[KV]]#0, %[[KV]]#1 cache(%[[K0]], %[[V0]]) positions(%[[P]])
// CHECK-SAME: {note = "kept", num_heads = 4 : i64, num_kv_heads = 2 : i64, scale = 2.500000e-01 : f64, window = 7 : i64}
// CHECK: %[[LAST:.*]] = gpt.last_token %[[Y]] : (tensor<?x?x64xf32>) -> tensor<?x1x64xf32>
// CHECK: return %[[LAST]], %[[K1]], %[[V1]]

// CHECK-LABEL: func.func @decode
// CHECK-SAME: %[[IDS:[^:]*]]: tensor<?x1xi64> {gpt.dims = ["batch", ""], gpt.name = "ids"}
// CHECK-SAME: %[[P:[^:]*]]: tensor<?xi64> {gpt.dims = ["batch"], gpt.name = "positions", gpt.positions}
// CHECK-SAME: -> (tensor<?x1x64xf32> {gpt.dims = ["batch", "", ""], gpt.name = "hidden"}
// CHECK: gpt.embedding {{.*}} -> tensor<?x1x64xf32>
// CHECK: gpt.position_ids %[[IDS]] positions(%[[P]]) : (tensor<?x1xi64>, tensor<?xi64>) -> tensor<?x1xi64>
// CHECK: gpt.embedding {{.*}} -> tensor<?x1x64xf32>
// CHECK: gpt.add {{.*}} -> tensor<?x1x64xf32>
// CHECK: gpt.linear {{.*}} -> tensor<?x1x64xf32>
// CHECK: gpt.split {{.*}} -> (tensor<?x1x32xf32>, tensor<?x1x32xf32>)
// CHECK: %[[Y:.*]], %[[K1:.*]], %[[V1:.*]] = gpt.cached_attention
// CHECK-NOT: gpt.last_token
// CHECK: return %[[Y]], %[[K1]], %[[V1]]
func.func @forward(
    %ids: tensor<?x?xi64> {gpt.name = "ids", gpt.dims = ["batch", "seq"]},
    %wte: tensor<100x64xf32> {gpt.weight = "wte"},
    %wpe: tensor<32x64xf32> {gpt.weight = "wpe"},
    %wqkv: tensor<128x64xf32> {gpt.weight = "qkv"})
    -> (tensor<?x?x64xf32> {gpt.name = "hidden", gpt.dims = ["batch", "seq", ""]}) {
  %x0 = gpt.embedding %wte, %ids : (tensor<100x64xf32>, tensor<?x?xi64>) -> tensor<?x?x64xf32>
  %i = gpt.position_ids %ids : (tensor<?x?xi64>) -> tensor<?x?xi64>
  %x1 = gpt.embedding %wpe, %i : (tensor<32x64xf32>, tensor<?x?xi64>) -> tensor<?x?x64xf32>
  %q = gpt.add %x0, %x1 : (tensor<?x?x64xf32>, tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %wq = tensor.empty() : tensor<64x64xf32>
  %q1 = gpt.linear %q, %wq : (tensor<?x?x64xf32>, tensor<64x64xf32>) -> tensor<?x?x64xf32>
  %k, %v = gpt.split %q {num_parts = 2 : i64}
      : (tensor<?x?x64xf32>) -> (tensor<?x?x32xf32>, tensor<?x?x32xf32>)
  %y = gpt.attention %q1, %k, %v
      {causal, num_heads = 4 : i64, num_kv_heads = 2 : i64, scale = 0.25 : f64,
       window = 7 : i64, note = "kept"}
      : (tensor<?x?x64xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>) -> tensor<?x?x64xf32> loc("attention")
  return %y : tensor<?x?x64xf32>
}

// -----

// RoPE; keys and values with different head dimensions; a cast in between.

// CHECK-LABEL: func.func @prefill
// CHECK-SAME: %[[X:[^:]*]]: tensor<?x?x16xbf16> {gpt.dims = ["batch", "seq", ""]}, %[[V:[^:]*]]: tensor<?x?x8xbf16> {gpt.dims = ["batch", "seq", ""]}
// CHECK-SAME: %[[P:[^:]*]]: tensor<?xi64>
// CHECK-SAME: %[[K0:[^:]*]]: tensor<?x1x?x8xbf16>
// CHECK-SAME: %[[V0:[^:]*]]: tensor<?x1x?x4xbf16>
// CHECK: %[[KV:.*]]:2 = gpt.split
// CHECK: %[[R:.*]] = gpt.rope %[[X]] positions(%[[P]]) {num_heads = 2 : i64, rotary_dims = 4 : i64, style = #gpt<rope_style interleaved>, theta = 5.000000e+05 : f64}
// CHECK: %[[Y:.*]], %{{.*}}, %{{.*}} = gpt.cached_attention %[[R]], %[[KV]]#0, %{{.*}} cache(%[[K0]], %[[V0]]) positions(%[[P]])
// CHECK: gpt.cast %[[Y]] : tensor<?x?x8xbf16> to tensor<?x?x8xf32>

// CHECK-LABEL: func.func @decode
// CHECK-SAME: tensor<?x1x16xbf16> {gpt.dims = ["batch", "", ""]}
// CHECK: gpt.rope %{{.*}} positions(%{{.*}}) {{.*}} -> tensor<?x1x16xbf16>
// CHECK: gpt.cast %{{.*}} : tensor<?x1x8xbf16> to tensor<?x1x8xf32>
func.func @forward(%x: tensor<?x?x16xbf16>, %v: tensor<?x?x8xbf16>) -> tensor<?x?x8xf32> {
  %k, %u = gpt.split %x {num_parts = 2 : i64}
      : (tensor<?x?x16xbf16>) -> (tensor<?x?x8xbf16>, tensor<?x?x8xbf16>)
  %v1, %v2 = gpt.split %v {num_parts = 2 : i64}
      : (tensor<?x?x8xbf16>) -> (tensor<?x?x4xbf16>, tensor<?x?x4xbf16>)
  %r = gpt.rope %x {num_heads = 2 : i64, rotary_dims = 4 : i64, theta = 5.0e5 : f64,
                    style = #gpt<rope_style interleaved>}
      : (tensor<?x?x16xbf16>) -> tensor<?x?x16xbf16>
  %y = gpt.attention %r, %k, %v1 {causal, num_heads = 2 : i64, num_kv_heads = 1 : i64}
      : (tensor<?x?x16xbf16>, tensor<?x?x8xbf16>, tensor<?x?x4xbf16>) -> tensor<?x?x8xbf16>
  %z = gpt.cast %y : tensor<?x?x8xbf16> to tensor<?x?x8xf32>
  return %z : tensor<?x?x8xf32>
}

// -----

// A static length becomes dynamic, a static batch stays and is not named.

// CHECK-LABEL: func.func @prefill
// CHECK-SAME: tensor<2x?x8xf32> {gpt.dims = ["", "seq", ""], gpt.name = "x"}
// CHECK-SAME: tensor<2xi64> {gpt.dims = [""]
// CHECK-SAME: tensor<2x1x?x8xf32> {{{[^}]*}}gpt.dims = ["", "", "capacity", ""]
// CHECK: gpt.cached_attention {{.*}} : (tensor<2x?x8xf32>, tensor<2x?x8xf32>, tensor<2x?x8xf32>, tensor<2x1x?x8xf32>, tensor<2x1x?x8xf32>, tensor<2xi64>)
// CHECK: gpt.gelu {{.*}} -> tensor<2x?x8xf32>

// CHECK-LABEL: func.func @decode
// CHECK-SAME: tensor<2x1x8xf32> {gpt.dims = ["", "", ""], gpt.name = "x"}
// CHECK: gpt.gelu {{.*}} -> tensor<2x1x8xf32>
func.func @forward(%x: tensor<2x16x8xf32> {gpt.name = "x", gpt.dims = ["", "", ""]}) -> tensor<2x16x8xf32> {
  %y = gpt.attention %x, %x, %x {causal, num_heads = 1 : i64, num_kv_heads = 1 : i64}
      : (tensor<2x16x8xf32>, tensor<2x16x8xf32>, tensor<2x16x8xf32>) -> tensor<2x16x8xf32>
  %z = gpt.gelu %y : (tensor<2x16x8xf32>) -> tensor<2x16x8xf32>
  return %z : tensor<2x16x8xf32>
}
