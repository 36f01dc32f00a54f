// Every op prints what it parses, in custom and in generic form, and through bytecode.
// RUN: gpt-opt %s | gpt-opt | FileCheck %s
// RUN: gpt-opt %s --mlir-print-op-generic | gpt-opt | FileCheck %s
// RUN: gpt-opt %s --emit-bytecode | gpt-opt | FileCheck %s

// CHECK-LABEL: func.func @embedding
func.func @embedding(%table: tensor<97x16xbf16>, %ids: tensor<?x?xi64>, %p: tensor<?xi64>) -> (tensor<?x?x16xbf16>, tensor<?x?xi64>, tensor<?x?xi64>) {
  // CHECK: gpt.embedding %{{.*}}, %{{.*}} : (tensor<97x16xbf16>, tensor<?x?xi64>) -> tensor<?x?x16xbf16>
  %0 = gpt.embedding %table, %ids : (tensor<97x16xbf16>, tensor<?x?xi64>) -> tensor<?x?x16xbf16>
  // CHECK: gpt.position_ids %{{.*}} : (tensor<?x?xi64>) -> tensor<?x?xi64>
  %1 = gpt.position_ids %ids : (tensor<?x?xi64>) -> tensor<?x?xi64>
  // CHECK: gpt.position_ids %{{.*}} positions(%{{.*}}) : (tensor<?x?xi64>, tensor<?xi64>) -> tensor<?x?xi64>
  %2 = gpt.position_ids %ids positions(%p) : (tensor<?x?xi64>, tensor<?xi64>) -> tensor<?x?xi64>
  return %0, %1, %2 : tensor<?x?x16xbf16>, tensor<?x?xi64>, tensor<?x?xi64>
}

// CHECK-LABEL: func.func @projection
func.func @projection(%x: tensor<?x?x16xf32>, %w: tensor<48x16xbf16>, %v: tensor<16x48xf32>, %b: tensor<48xf32>, %m: tensor<?x16x5xf32>) {
  // CHECK: gpt.linear %{{.*}}, %{{.*}} : (tensor<?x?x16xf32>, tensor<48x16xbf16>) -> tensor<?x?x48xf32>
  %0 = gpt.linear %x, %w : (tensor<?x?x16xf32>, tensor<48x16xbf16>) -> tensor<?x?x48xf32>
  // CHECK: gpt.linear %{{.*}}, %{{.*}} bias(%{{.*}}) {weight_layout = #gpt<weight_layout in_out>} : (tensor<?x?x16xf32>, tensor<16x48xf32>, tensor<48xf32>) -> tensor<?x?x48xf32>
  %1 = gpt.linear %x, %v bias(%b) {weight_layout = #gpt<weight_layout in_out>} : (tensor<?x?x16xf32>, tensor<16x48xf32>, tensor<48xf32>) -> tensor<?x?x48xf32>
  // CHECK: gpt.matmul %{{.*}}, %{{.*}} : (tensor<?x?x16xf32>, tensor<?x16x5xf32>) -> tensor<?x?x5xf32>
  %2 = gpt.matmul %x, %m : (tensor<?x?x16xf32>, tensor<?x16x5xf32>) -> tensor<?x?x5xf32>
  return
}

// CHECK-LABEL: func.func @elementwise
func.func @elementwise(%x: tensor<?x?x12xf32>, %b: tensor<12xf32>) {
  // CHECK: gpt.add %{{.*}}, %{{.*}} : (tensor<?x?x12xf32>, tensor<12xf32>) -> tensor<?x?x12xf32>
  %0 = gpt.add %x, %b : (tensor<?x?x12xf32>, tensor<12xf32>) -> tensor<?x?x12xf32>
  // CHECK: gpt.mul %{{.*}}, %{{.*}} : (tensor<?x?x12xf32>, tensor<?x?x12xf32>) -> tensor<?x?x12xf32>
  %1 = gpt.mul %x, %0 : (tensor<?x?x12xf32>, tensor<?x?x12xf32>) -> tensor<?x?x12xf32>
  // CHECK: gpt.scale %{{.*}} {factor = 2.500000e-01 : f64} : (tensor<?x?x12xf32>) -> tensor<?x?x12xf32>
  %2 = gpt.scale %1 {factor = 0.25 : f64} : (tensor<?x?x12xf32>) -> tensor<?x?x12xf32>
  // CHECK: gpt.cast %{{.*}} : tensor<?x?x12xf32> to tensor<?x?x12xbf16>
  %3 = gpt.cast %2 : tensor<?x?x12xf32> to tensor<?x?x12xbf16>
  // CHECK: gpt.transpose %{{.*}} {permutation = array<i64: 2, 0, 1>} : (tensor<?x?x12xf32>) -> tensor<12x?x?xf32>
  %4 = gpt.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<?x?x12xf32>) -> tensor<12x?x?xf32>
  // CHECK: gpt.split %{{.*}} {num_groups = 2 : i64, num_parts = 3 : i64} : (tensor<?x?x12xf32>) -> (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>)
  %5:3 = gpt.split %x {num_parts = 3 : i64, num_groups = 2 : i64} : (tensor<?x?x12xf32>) -> (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>)
  // CHECK: gpt.last_token %{{.*}} : (tensor<?x?x12xf32>) -> tensor<?x1x12xf32>
  %6 = gpt.last_token %x : (tensor<?x?x12xf32>) -> tensor<?x1x12xf32>
  return
}

// CHECK-LABEL: func.func @norm
func.func @norm(%x: tensor<?x?x12xf32>, %w: tensor<12xf32>, %b: tensor<12xbf16>) {
  // CHECK: gpt.layer_norm %{{.*}}, %{{.*}} bias(%{{.*}}) {epsilon = 1.000000e-05 : f64} : (tensor<?x?x12xf32>, tensor<12xf32>, tensor<12xbf16>) -> tensor<?x?x12xf32>
  %0 = gpt.layer_norm %x, %w bias(%b) {epsilon = 1.0e-5 : f64} : (tensor<?x?x12xf32>, tensor<12xf32>, tensor<12xbf16>) -> tensor<?x?x12xf32>
  // CHECK: gpt.layer_norm %{{.*}}, %{{.*}} {epsilon = 1.000000e-05 : f64} : (tensor<?x?x12xf32>, tensor<12xf32>) -> tensor<?x?x12xf32>
  %1 = gpt.layer_norm %x, %w {epsilon = 1.0e-5 : f64} : (tensor<?x?x12xf32>, tensor<12xf32>) -> tensor<?x?x12xf32>
  // CHECK: gpt.rms_norm %{{.*}}, %{{.*}} {epsilon = 1.000000e-05 : f64, unit_offset} : (tensor<?x?x12xf32>, tensor<12xf32>) -> tensor<?x?x12xf32>
  %2 = gpt.rms_norm %x, %w {epsilon = 1.0e-5 : f64, unit_offset} : (tensor<?x?x12xf32>, tensor<12xf32>) -> tensor<?x?x12xf32>
  return
}

// CHECK-LABEL: func.func @activation
func.func @activation(%x: tensor<?x4x?x?xf16>, %mask: tensor<?x?xf16>, %n: index, %p: tensor<?xi64>) {
  // CHECK: gpt.gelu %{{.*}} : (tensor<?x4x?x?xf16>) -> tensor<?x4x?x?xf16>
  %0 = gpt.gelu %x : (tensor<?x4x?x?xf16>) -> tensor<?x4x?x?xf16>
  // CHECK: gpt.gelu %{{.*}} {approximate = #gpt<gelu_approximation tanh>} : (tensor<?x4x?x?xf16>) -> tensor<?x4x?x?xf16>
  %1 = gpt.gelu %x {approximate = #gpt<gelu_approximation tanh>} : (tensor<?x4x?x?xf16>) -> tensor<?x4x?x?xf16>
  // CHECK: gpt.silu %{{.*}} : (tensor<?x4x?x?xf16>) -> tensor<?x4x?x?xf16>
  %2 = gpt.silu %x : (tensor<?x4x?x?xf16>) -> tensor<?x4x?x?xf16>
  // CHECK: gpt.softmax %{{.*}} : (tensor<?x4x?x?xf16>) -> tensor<?x4x?x?xf16>
  %3 = gpt.softmax %x : (tensor<?x4x?x?xf16>) -> tensor<?x4x?x?xf16>
  // CHECK: gpt.masked_softmax %{{.*}}, %{{.*}} : (tensor<?x4x?x?xf16>, tensor<?x?xf16>) -> tensor<?x4x?x?xf16>
  %4 = gpt.masked_softmax %x, %mask : (tensor<?x4x?x?xf16>, tensor<?x?xf16>) -> tensor<?x4x?x?xf16>
  // CHECK: gpt.causal_mask(%{{.*}}, %{{.*}}) : tensor<?x?xf32>
  %5 = gpt.causal_mask(%n, %n) : tensor<?x?xf32>
  // CHECK: gpt.causal_mask() : tensor<7x9xf32>
  %6 = gpt.causal_mask() : tensor<7x9xf32>
  // CHECK: gpt.causal_mask(%{{.*}}) positions(%{{.*}} : tensor<?xi64>) {window = 3 : i64} : tensor<2x1x?x9xf32>
  %7 = gpt.causal_mask(%n) positions(%p : tensor<?xi64>) {window = 3 : i64} : tensor<2x1x?x9xf32>
  return
}

// CHECK-LABEL: func.func @attention
func.func @attention(%q: tensor<?x?x64xf32>, %kv: tensor<?x?x32xf32>, %mask: tensor<?x?xf32>, %cache: tensor<?x2x?x16xbf16>, %p: tensor<?xi64>) {
  // CHECK: gpt.rope %{{.*}} {num_heads = 4 : i64} : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %0 = gpt.rope %q {num_heads = 4 : i64} : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  // CHECK: gpt.rope %{{.*}} positions(%{{.*}}) {num_heads = 4 : i64, rotary_dims = 8 : i64, scaling = #gpt<rope_scaling llama3>, scaling_factor = 8.000000e+00 : f64, style = #gpt<rope_style interleaved>, theta = 5.000000e+05 : f64} : (tensor<?x?x64xf32>, tensor<?xi64>) -> tensor<?x?x64xf32>
  %1 = gpt.rope %q positions(%p) {num_heads = 4 : i64, rotary_dims = 8 : i64, theta = 5.0e5 : f64, style = #gpt<rope_style interleaved>, scaling = #gpt<rope_scaling llama3>, scaling_factor = 8.0 : f64} : (tensor<?x?x64xf32>, tensor<?xi64>) -> tensor<?x?x64xf32>
  // CHECK: gpt.attention %{{.*}}, %{{.*}}, %{{.*}} {causal, num_heads = 4 : i64, num_kv_heads = 2 : i64, window = 5 : i64} : (tensor<?x?x64xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>) -> tensor<?x?x64xf32>
  %2 = gpt.attention %q, %kv, %kv {causal, num_heads = 4 : i64, num_kv_heads = 2 : i64, window = 5 : i64} : (tensor<?x?x64xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>) -> tensor<?x?x64xf32>
  // CHECK: gpt.attention %{{.*}}, %{{.*}}, %{{.*}} mask(%{{.*}}) {num_heads = 4 : i64, num_kv_heads = 2 : i64, scale = 5.000000e-01 : f64} : (tensor<?x?x64xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?x?xf32>) -> tensor<?x?x64xf32>
  %3 = gpt.attention %q, %kv, %kv mask(%mask) {num_heads = 4 : i64, num_kv_heads = 2 : i64, scale = 0.5 : f64} : (tensor<?x?x64xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?x?xf32>) -> tensor<?x?x64xf32>
  // CHECK: gpt.cached_attention %{{.*}}, %{{.*}}, %{{.*}} cache(%{{.*}}, %{{.*}}) positions(%{{.*}}) {num_heads = 4 : i64, num_kv_heads = 2 : i64}
  // CHECK-SAME: : (tensor<?x?x64xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?x2x?x16xbf16>, tensor<?x2x?x16xbf16>, tensor<?xi64>) -> (tensor<?x?x64xf32>, tensor<?x2x?x16xbf16>, tensor<?x2x?x16xbf16>)
  %4:3 = gpt.cached_attention %q, %kv, %kv cache(%cache, %cache) positions(%p) {num_heads = 4 : i64, num_kv_heads = 2 : i64} : (tensor<?x?x64xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<?x2x?x16xbf16>, tensor<?x2x?x16xbf16>, tensor<?xi64>) -> (tensor<?x?x64xf32>, tensor<?x2x?x16xbf16>, tensor<?x2x?x16xbf16>)
  return
}

// CHECK-LABEL: func.func @sampling
func.func @sampling(%logits: tensor<?x97xf32>, %u: tensor<?xf32>) {
  // CHECK: gpt.argmax %{{.*}} : (tensor<?x97xf32>) -> tensor<?xi64>
  %0 = gpt.argmax %logits : (tensor<?x97xf32>) -> tensor<?xi64>
  // CHECK: gpt.sample %{{.*}}, %{{.*}} : (tensor<?x97xf32>, tensor<?xf32>) -> tensor<?xi64>
  %1 = gpt.sample %logits, %u : (tensor<?x97xf32>, tensor<?xf32>) -> tensor<?xi64>
  return
}

// The attributes that describe a function's interface.
// CHECK-LABEL: func.func @interface
// CHECK-SAME: {gpt.dims = ["batch", "seq"], gpt.name = "ids"}
// CHECK-SAME: {gpt.weight = "wte"}
// CHECK-SAME: {gpt.name = "positions", gpt.positions}
// CHECK-SAME: {gpt.cache = "key", gpt.dims = ["batch", "", "capacity", ""]}
// CHECK-SAME: -> (tensor<?x2x?x16xf32> {gpt.cache = "key", gpt.name = "cache.0.key"})
func.func @interface(%ids: tensor<?x?xi64> {gpt.name = "ids", gpt.dims = ["batch", "seq"]}, %w: tensor<97x16xf32> {gpt.weight = "wte"}, %p: tensor<?xi64> {gpt.name = "positions", gpt.positions}, %k: tensor<?x2x?x16xf32> {gpt.cache = "key", gpt.dims = ["batch", "", "capacity", ""]}) -> (tensor<?x2x?x16xf32> {gpt.cache = "key", gpt.name = "cache.0.key"}) {
  return %k : tensor<?x2x?x16xf32>
}

// Result types may be more or less static than the inferred ones.
// CHECK-LABEL: func.func @refined
func.func @refined(%x: tensor<?x?x16xf32>, %w: tensor<48x16xf32>) -> tensor<2x?x48xf32> {
  %0 = gpt.linear %x, %w : (tensor<?x?x16xf32>, tensor<48x16xf32>) -> tensor<2x?x48xf32>
  return %0 : tensor<2x?x48xf32>
}
