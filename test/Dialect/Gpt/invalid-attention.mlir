// Breaks every constraint of the attention ops once.
// RUN: gpt-opt %s --split-input-file --verify-diagnostics

func.func @case_0(%q: tensor<2x3x16xf32>, %k: tensor<2x3x16xf32>, %v: tensor<2x3x16xf32>) {
  // expected-error @+1 {{'gpt.attention' op expected num_heads to be positive, but found 0}}
  %0 = gpt.attention %q, %k, %v {num_heads = 0 : i64, num_kv_heads = 1 : i64} : (tensor<2x3x16xf32>, tensor<2x3x16xf32>, tensor<2x3x16xf32>) -> tensor<2x3x16xf32>
  return
}

// -----

func.func @case_1(%q: tensor<2x3x16xf32>, %k: tensor<2x3x16xf32>, %v: tensor<2x3x16xf32>) {
  // expected-error @+1 {{'gpt.attention' op expected num_kv_heads to be positive, but found -4}}
  %0 = gpt.attention %q, %k, %v {num_heads = 4 : i64, num_kv_heads = -4 : i64} : (tensor<2x3x16xf32>, tensor<2x3x16xf32>, tensor<2x3x16xf32>) -> tensor<2x3x16xf32>
  return
}

// -----

func.func @case_2(%q: tensor<2x3x24xf32>, %k: tensor<2x3x16xf32>, %v: tensor<2x3x16xf32>) {
  // expected-error @+1 {{'gpt.attention' op expected num_kv_heads (2) to divide num_heads (3)}}
  %0 = gpt.attention %q, %k, %v {num_heads = 3 : i64, num_kv_heads = 2 : i64} : (tensor<2x3x24xf32>, tensor<2x3x16xf32>, tensor<2x3x16xf32>) -> tensor<2x3x24xf32>
  return
}

// -----

func.func @case_3(%q: tensor<2x3x?xf32>, %k: tensor<2x3x16xf32>, %v: tensor<2x3x16xf32>) {
  // expected-error @+1 {{'gpt.attention' op expected a static last dim of query, but found 'tensor<2x3x?xf32>'}}
  %0 = gpt.attention %q, %k, %v {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<2x3x?xf32>, tensor<2x3x16xf32>, tensor<2x3x16xf32>) -> tensor<2x3x?xf32>
  return
}

// -----

func.func @case_4(%q: tensor<2x3x16xf32>, %k: tensor<2x3x16xf32>, %v: tensor<2x3x15xf32>) {
  // expected-error @+1 {{'gpt.attention' op expected num_kv_heads (2) to divide value dim 2 (15)}}
  %0 = gpt.attention %q, %k, %v {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<2x3x16xf32>, tensor<2x3x16xf32>, tensor<2x3x15xf32>) -> tensor<2x3x16xf32>
  return
}

// -----

func.func @case_5(%q: tensor<2x3x16xf32>, %k: tensor<2x3x8xf32>, %v: tensor<2x3x8xf32>) {
  // expected-error @+1 {{'gpt.attention' op expected key head_dim (4) to match query head_dim (8)}}
  %0 = gpt.attention %q, %k, %v {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<2x3x16xf32>, tensor<2x3x8xf32>, tensor<2x3x8xf32>) -> tensor<2x3x16xf32>
  return
}

// -----

func.func @case_6(%q: tensor<2x3x16xf32>, %k: tensor<4x3x16xf32>, %v: tensor<2x3x16xf32>) {
  // expected-error @+1 {{'gpt.attention' op expected key dim 0 (4) to match query dim 0 (2)}}
  %0 = gpt.attention %q, %k, %v {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<2x3x16xf32>, tensor<4x3x16xf32>, tensor<2x3x16xf32>) -> tensor<2x3x16xf32>
  return
}

// -----

func.func @case_7(%q: tensor<2x3x16xf32>, %k: tensor<2x3x16xf32>, %v: tensor<4x3x16xf32>) {
  // expected-error @+1 {{'gpt.attention' op expected value dim 0 (4) to match query dim 0 (2)}}
  %0 = gpt.attention %q, %k, %v {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<2x3x16xf32>, tensor<2x3x16xf32>, tensor<4x3x16xf32>) -> tensor<2x3x16xf32>
  return
}

// -----

func.func @case_8(%q: tensor<2x3x16xf32>, %k: tensor<2x5x16xf32>, %v: tensor<2x6x16xf32>) {
  // expected-error @+1 {{'gpt.attention' op expected value dim 1 (6) to match key dim 1 (5)}}
  %0 = gpt.attention %q, %k, %v {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<2x3x16xf32>, tensor<2x5x16xf32>, tensor<2x6x16xf32>) -> tensor<2x3x16xf32>
  return
}

// -----

func.func @case_9(%q: tensor<2x3x16xf32>, %k: tensor<2x5x16xf32>, %v: tensor<2x5x16xf32>, %m: tensor<3x4xf32>) {
  // expected-error @+1 {{'gpt.attention' op expected mask dim 1 (4) to be 1 or 5}}
  %0 = gpt.attention %q, %k, %v mask(%m) {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<2x3x16xf32>, tensor<2x5x16xf32>, tensor<2x5x16xf32>, tensor<3x4xf32>) -> tensor<2x3x16xf32>
  return
}

// -----

func.func @case_10(%q: tensor<2x3x16xf32>, %k: tensor<2x5x16xf32>, %v: tensor<2x5x16xf32>) {
  // expected-error @+1 {{'gpt.attention' op expected window to be positive, but found 0}}
  %0 = gpt.attention %q, %k, %v {num_heads = 2 : i64, num_kv_heads = 2 : i64, causal, window = 0 : i64} : (tensor<2x3x16xf32>, tensor<2x5x16xf32>, tensor<2x5x16xf32>) -> tensor<2x3x16xf32>
  return
}

// -----

func.func @case_11(%q: tensor<2x3x16xf32>, %k: tensor<2x5x16xf32>, %v: tensor<2x5x16xf32>) {
  // expected-error @+1 {{'gpt.attention' op expected 'causal' with window}}
  %0 = gpt.attention %q, %k, %v {num_heads = 2 : i64, num_kv_heads = 2 : i64, window = 4 : i64} : (tensor<2x3x16xf32>, tensor<2x5x16xf32>, tensor<2x5x16xf32>) -> tensor<2x3x16xf32>
  return
}

// -----

func.func @case_12(%q: tensor<2x3x16xf32>, %k: tensor<2x3x16xbf16>, %v: tensor<2x3x16xf32>) {
  // expected-error @+1 {{'gpt.attention' op expected key element type ('bf16') to match query element type ('f32')}}
  %0 = gpt.attention %q, %k, %v {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<2x3x16xf32>, tensor<2x3x16xbf16>, tensor<2x3x16xf32>) -> tensor<2x3x16xf32>
  return
}

// -----

func.func @case_13(%q: tensor<2x3x16xf32>, %k: tensor<2x3x16xf32>, %v: tensor<2x3x16xf16>) {
  // expected-error @+1 {{'gpt.attention' op expected value element type ('f16') to match query element type ('f32')}}
  %0 = gpt.attention %q, %k, %v {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<2x3x16xf32>, tensor<2x3x16xf32>, tensor<2x3x16xf16>) -> tensor<2x3x16xf32>
  return
}

// -----

func.func @case_14(%q: tensor<2x6x16xf32>, %k: tensor<2x5x16xf32>, %v: tensor<2x5x16xf32>) {
  // expected-error @+1 {{'gpt.attention' op expected query dim 1 (6) of at most key dim 1 (5) with 'causal'}}
  %0 = gpt.attention %q, %k, %v {num_heads = 2 : i64, num_kv_heads = 2 : i64, causal} : (tensor<2x6x16xf32>, tensor<2x5x16xf32>, tensor<2x5x16xf32>) -> tensor<2x6x16xf32>
  return
}

// -----

func.func @case_15(%q: tensor<2x3x16xf32>, %k: tensor<2x3x16xf32>, %v: tensor<2x3x16xf32>) {
  // expected-error @+1 {{), but found ('tensor<2x3x8xf32>')}}
  %0 = gpt.attention %q, %k, %v {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<2x3x16xf32>, tensor<2x3x16xf32>, tensor<2x3x16xf32>) -> tensor<2x3x8xf32>
  return
}

// -----

func.func @case_16(%q: tensor<2x3x16xf32>, %k: tensor<2x3x16xf32>, %v: tensor<2x3x16xf32>) {
  // expected-error @+1 {{'gpt.attention' op requires attribute 'num_kv_heads'}}
  %0 = gpt.attention %q, %k, %v {num_heads = 2 : i64} : (tensor<2x3x16xf32>, tensor<2x3x16xf32>, tensor<2x3x16xf32>) -> tensor<2x3x16xf32>
  return
}
