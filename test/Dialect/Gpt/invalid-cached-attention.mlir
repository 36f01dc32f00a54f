// Breaks every constraint of the cached-attention ops once.
// RUN: gpt-opt %s --split-input-file --verify-diagnostics

func.func @case_0(%q: tensor<2x3x16xf32>, %k: tensor<2x3x8xf32>, %v: tensor<2x3x8xf32>, %kc: tensor<2x1x9x8xf32>, %vc: tensor<2x1x9x8xf32>, %p: tensor<2xi64>) {
  // expected-error @+1 {{'gpt.cached_attention' op expected num_heads to be positive, but found 0}}
  %0:3 = gpt.cached_attention %q, %k, %v cache(%kc, %vc) positions(%p) {num_heads = 0 : i64, num_kv_heads = 1 : i64} : (tensor<2x3x16xf32>, tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<2x1x9x8xf32>, tensor<2x1x9x8xf32>, tensor<2xi64>) -> (tensor<2x3x16xf32>, tensor<2x1x9x8xf32>, tensor<2x1x9x8xf32>)
  return
}

// -----

func.func @case_1(%q: tensor<2x3x24xf32>, %k: tensor<2x3x16xf32>, %v: tensor<2x3x16xf32>, %kc: tensor<2x2x9x8xf32>, %vc: tensor<2x2x9x8xf32>, %p: tensor<2xi64>) {
  // expected-error @+1 {{'gpt.cached_attention' op expected num_kv_heads (2) to divide num_heads (3)}}
  %0:3 = gpt.cached_attention %q, %k, %v cache(%kc, %vc) positions(%p) {num_heads = 3 : i64, num_kv_heads = 2 : i64} : (tensor<2x3x24xf32>, tensor<2x3x16xf32>, tensor<2x3x16xf32>, tensor<2x2x9x8xf32>, tensor<2x2x9x8xf32>, tensor<2xi64>) -> (tensor<2x3x24xf32>, tensor<2x2x9x8xf32>, tensor<2x2x9x8xf32>)
  return
}

// -----

func.func @case_2(%q: tensor<2x3x16xf32>, %k: tensor<2x3x?xf32>, %v: tensor<2x3x8xf32>, %kc: tensor<2x1x9x8xf32>, %vc: tensor<2x1x9x8xf32>, %p: tensor<2xi64>) {
  // expected-error @+1 {{'gpt.cached_attention' op expected a static last dim of key, but found 'tensor<2x3x?xf32>'}}
  %0:3 = gpt.cached_attention %q, %k, %v cache(%kc, %vc) positions(%p) {num_heads = 2 : i64, num_kv_heads = 1 : i64} : (tensor<2x3x16xf32>, tensor<2x3x?xf32>, tensor<2x3x8xf32>, tensor<2x1x9x8xf32>, tensor<2x1x9x8xf32>, tensor<2xi64>) -> (tensor<2x3x16xf32>, tensor<2x1x9x8xf32>, tensor<2x1x9x8xf32>)
  return
}

// -----

func.func @case_3(%q: tensor<2x3x16xf32>, %k: tensor<2x3x4xf32>, %v: tensor<2x3x8xf32>, %kc: tensor<2x1x9x8xf32>, %vc: tensor<2x1x9x8xf32>, %p: tensor<2xi64>) {
  // expected-error @+1 {{'gpt.cached_attention' op expected key head_dim (4) to match query head_dim (8)}}
  %0:3 = gpt.cached_attention %q, %k, %v cache(%kc, %vc) positions(%p) {num_heads = 2 : i64, num_kv_heads = 1 : i64} : (tensor<2x3x16xf32>, tensor<2x3x4xf32>, tensor<2x3x8xf32>, tensor<2x1x9x8xf32>, tensor<2x1x9x8xf32>, tensor<2xi64>) -> (tensor<2x3x16xf32>, tensor<2x1x9x8xf32>, tensor<2x1x9x8xf32>)
  return
}

// -----

func.func @case_4(%q: tensor<2x3x16xf32>, %k: tensor<2x3x8xf32>, %v: tensor<2x3x8xf32>, %kc: tensor<3x1x9x8xf32>, %vc: tensor<2x1x9x8xf32>, %p: tensor<2xi64>) {
  // expected-error @+1 {{'gpt.cached_attention' op expected key_cache dim 0 (3) to match key dim 0 (2)}}
  %0:3 = gpt.cached_attention %q, %k, %v cache(%kc, %vc) positions(%p) {num_heads = 2 : i64, num_kv_heads = 1 : i64} : (tensor<2x3x16xf32>, tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<3x1x9x8xf32>, tensor<2x1x9x8xf32>, tensor<2xi64>) -> (tensor<2x3x16xf32>, tensor<3x1x9x8xf32>, tensor<2x1x9x8xf32>)
  return
}

// -----

func.func @case_5(%q: tensor<2x3x16xf32>, %k: tensor<2x3x8xf32>, %v: tensor<2x3x8xf32>, %kc: tensor<2x1x9x8xf32>, %vc: tensor<3x1x9x8xf32>, %p: tensor<2xi64>) {
  // expected-error @+1 {{'gpt.cached_attention' op expected value_cache dim 0 (3) to match value dim 0 (2)}}
  %0:3 = gpt.cached_attention %q, %k, %v cache(%kc, %vc) positions(%p) {num_heads = 2 : i64, num_kv_heads = 1 : i64} : (tensor<2x3x16xf32>, tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<2x1x9x8xf32>, tensor<3x1x9x8xf32>, tensor<2xi64>) -> (tensor<2x3x16xf32>, tensor<2x1x9x8xf32>, tensor<3x1x9x8xf32>)
  return
}

// -----

func.func @case_6(%q: tensor<2x3x16xf32>, %k: tensor<2x3x8xf32>, %v: tensor<2x3x8xf32>, %kc: tensor<2x1x9x8xf32>, %vc: tensor<2x1x9x8xf32>, %p: tensor<3xi64>) {
  // expected-error @+1 {{'gpt.cached_attention' op expected positions dim 0 (3) to match query dim 0 (2)}}
  %0:3 = gpt.cached_attention %q, %k, %v cache(%kc, %vc) positions(%p) {num_heads = 2 : i64, num_kv_heads = 1 : i64} : (tensor<2x3x16xf32>, tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<2x1x9x8xf32>, tensor<2x1x9x8xf32>, tensor<3xi64>) -> (tensor<2x3x16xf32>, tensor<2x1x9x8xf32>, tensor<2x1x9x8xf32>)
  return
}

// -----

func.func @case_7(%q: tensor<2x3x16xf32>, %k: tensor<2x4x8xf32>, %v: tensor<2x4x8xf32>, %kc: tensor<2x1x9x8xf32>, %vc: tensor<2x1x9x8xf32>, %p: tensor<2xi64>) {
  // expected-error @+1 {{'gpt.cached_attention' op expected key dim 1 (4) to match query dim 1 (3)}}
  %0:3 = gpt.cached_attention %q, %k, %v cache(%kc, %vc) positions(%p) {num_heads = 2 : i64, num_kv_heads = 1 : i64} : (tensor<2x3x16xf32>, tensor<2x4x8xf32>, tensor<2x4x8xf32>, tensor<2x1x9x8xf32>, tensor<2x1x9x8xf32>, tensor<2xi64>) -> (tensor<2x3x16xf32>, tensor<2x1x9x8xf32>, tensor<2x1x9x8xf32>)
  return
}

// -----

func.func @case_8(%q: tensor<2x3x16xf32>, %k: tensor<2x3x8xf32>, %v: tensor<2x3x8xf32>, %kc: tensor<2x2x9x8xf32>, %vc: tensor<2x1x9x8xf32>, %p: tensor<2xi64>) {
  // expected-error @+1 {{'gpt.cached_attention' op expected key_cache dim 1 to be num_kv_heads (1), but found 'tensor<2x2x9x8xf32>'}}
  %0:3 = gpt.cached_attention %q, %k, %v cache(%kc, %vc) positions(%p) {num_heads = 2 : i64, num_kv_heads = 1 : i64} : (tensor<2x3x16xf32>, tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<2x2x9x8xf32>, tensor<2x1x9x8xf32>, tensor<2xi64>) -> (tensor<2x3x16xf32>, tensor<2x2x9x8xf32>, tensor<2x1x9x8xf32>)
  return
}

// -----

func.func @case_9(%q: tensor<2x3x16xf32>, %k: tensor<2x3x8xf32>, %v: tensor<2x3x8xf32>, %kc: tensor<2x1x9x8xf32>, %vc: tensor<2x1x9x4xf32>, %p: tensor<2xi64>) {
  // expected-error @+1 {{'gpt.cached_attention' op expected value_cache dim 3 to be head_dim (8), but found 'tensor<2x1x9x4xf32>'}}
  %0:3 = gpt.cached_attention %q, %k, %v cache(%kc, %vc) positions(%p) {num_heads = 2 : i64, num_kv_heads = 1 : i64} : (tensor<2x3x16xf32>, tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<2x1x9x8xf32>, tensor<2x1x9x4xf32>, tensor<2xi64>) -> (tensor<2x3x16xf32>, tensor<2x1x9x8xf32>, tensor<2x1x9x4xf32>)
  return
}

// -----

func.func @case_10(%q: tensor<2x3x16xf32>, %k: tensor<2x3x8xf32>, %v: tensor<2x3x8xf32>, %kc: tensor<2x1x9x8xf32>, %vc: tensor<2x1x10x8xf32>, %p: tensor<2xi64>) {
  // expected-error @+1 {{'gpt.cached_attention' op expected value_cache dim 2 (10) to match key_cache dim 2 (9)}}
  %0:3 = gpt.cached_attention %q, %k, %v cache(%kc, %vc) positions(%p) {num_heads = 2 : i64, num_kv_heads = 1 : i64} : (tensor<2x3x16xf32>, tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<2x1x9x8xf32>, tensor<2x1x10x8xf32>, tensor<2xi64>) -> (tensor<2x3x16xf32>, tensor<2x1x9x8xf32>, tensor<2x1x10x8xf32>)
  return
}

// -----

func.func @case_11(%q: tensor<2x3x16xf32>, %k: tensor<2x3x8xf32>, %v: tensor<2x3x8xf32>, %kc: tensor<2x1x2x8xf32>, %vc: tensor<2x1x2x8xf32>, %p: tensor<2xi64>) {
  // expected-error @+1 {{'gpt.cached_attention' op expected key dim 1 (3) of at most key_cache dim 2 (2)}}
  %0:3 = gpt.cached_attention %q, %k, %v cache(%kc, %vc) positions(%p) {num_heads = 2 : i64, num_kv_heads = 1 : i64} : (tensor<2x3x16xf32>, tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<2x1x2x8xf32>, tensor<2x1x2x8xf32>, tensor<2xi64>) -> (tensor<2x3x16xf32>, tensor<2x1x2x8xf32>, tensor<2x1x2x8xf32>)
  return
}

// -----

func.func @no_places(%q: tensor<2x0x16xf32>, %k: tensor<2x0x8xf32>, %v: tensor<2x0x8xf32>, %kc: tensor<2x1x0x8xf32>, %vc: tensor<2x1x0x8xf32>, %p: tensor<2xi64>) {
  // expected-error @+1 {{'gpt.cached_attention' op expected key_cache dim 2 to be at least 1, but found 'tensor<2x1x0x8xf32>'}}
  %0:3 = gpt.cached_attention %q, %k, %v cache(%kc, %vc) positions(%p) {num_heads = 2 : i64, num_kv_heads = 1 : i64} : (tensor<2x0x16xf32>, tensor<2x0x8xf32>, tensor<2x0x8xf32>, tensor<2x1x0x8xf32>, tensor<2x1x0x8xf32>, tensor<2xi64>) -> (tensor<2x0x16xf32>, tensor<2x1x0x8xf32>, tensor<2x1x0x8xf32>)
  return
}

// -----

func.func @case_12(%q: tensor<2x3x16xf32>, %k: tensor<2x3x8xf32>, %v: tensor<2x3x8xf32>, %kc: tensor<2x1x9x8xf32>, %vc: tensor<2x1x9x8xf32>, %p: tensor<2xi64>) {
  // expected-error @+1 {{'gpt.cached_attention' op expected window to be positive, but found -1}}
  %0:3 = gpt.cached_attention %q, %k, %v cache(%kc, %vc) positions(%p) {num_heads = 2 : i64, num_kv_heads = 1 : i64, window = -1 : i64} : (tensor<2x3x16xf32>, tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<2x1x9x8xf32>, tensor<2x1x9x8xf32>, tensor<2xi64>) -> (tensor<2x3x16xf32>, tensor<2x1x9x8xf32>, tensor<2x1x9x8xf32>)
  return
}

// -----

func.func @case_13(%q: tensor<2x3x16xf32>, %k: tensor<2x3x8xbf16>, %v: tensor<2x3x8xf32>, %kc: tensor<2x1x9x8xf32>, %vc: tensor<2x1x9x8xf32>, %p: tensor<2xi64>) {
  // expected-error @+1 {{'gpt.cached_attention' op expected key element type ('bf16') to match query element type ('f32')}}
  %0:3 = gpt.cached_attention %q, %k, %v cache(%kc, %vc) positions(%p) {num_heads = 2 : i64, num_kv_heads = 1 : i64} : (tensor<2x3x16xf32>, tensor<2x3x8xbf16>, tensor<2x3x8xf32>, tensor<2x1x9x8xf32>, tensor<2x1x9x8xf32>, tensor<2xi64>) -> (tensor<2x3x16xf32>, tensor<2x1x9x8xf32>, tensor<2x1x9x8xf32>)
  return
}

// -----

func.func @case_14(%q: tensor<2x3x16xf32>, %k: tensor<2x3x8xf32>, %v: tensor<2x3x8xf32>, %kc: tensor<2x1x9x8xf32>, %vc: tensor<2x1x9x8xf32>, %p: tensor<2xi64>) {
  // expected-error @+1 {{op expected result types (}}
  %0:3 = gpt.cached_attention %q, %k, %v cache(%kc, %vc) positions(%p) {num_heads = 2 : i64, num_kv_heads = 1 : i64} : (tensor<2x3x16xf32>, tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<2x1x9x8xf32>, tensor<2x1x9x8xf32>, tensor<2xi64>) -> (tensor<2x3x16xf32>, tensor<2x1x9x8xf16>, tensor<2x1x9x8xf32>)
  return
}

// -----

func.func @case_15(%q: tensor<2x3x16xf32>, %k: tensor<2x3x8xf32>, %v: tensor<2x3x8xf32>, %kc: tensor<2x1x9x8xf32>, %vc: tensor<2x1x9x8xf32>, %p: tensor<2xi32>) {
  // expected-error @+1 {{'gpt.cached_attention' op operand #5 must be 1D tensor of 64-bit signless integer values, but got 'tensor<2xi32>'}}
  %0:3 = gpt.cached_attention %q, %k, %v cache(%kc, %vc) positions(%p) {num_heads = 2 : i64, num_kv_heads = 1 : i64} : (tensor<2x3x16xf32>, tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<2x1x9x8xf32>, tensor<2x1x9x8xf32>, tensor<2xi32>) -> (tensor<2x3x16xf32>, tensor<2x1x9x8xf32>, tensor<2x1x9x8xf32>)
  return
}
