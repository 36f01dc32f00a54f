// Breaks every constraint of the rope ops once.
// RUN: gpt-opt %s --split-input-file --verify-diagnostics

func.func @case_0(%x: tensor<2x?x?xf32>) {
  // expected-error @+1 {{'gpt.rope' op expected a static last dim of input, but found 'tensor<2x?x?xf32>'}}
  %0 = gpt.rope %x {num_heads = 2 : i64} : (tensor<2x?x?xf32>) -> tensor<2x?x?xf32>
  return
}

// -----

func.func @case_1(%x: tensor<2x3x16xf32>) {
  // expected-error @+1 {{'gpt.rope' op expected num_heads to be positive, but found 0}}
  %0 = gpt.rope %x {num_heads = 0 : i64} : (tensor<2x3x16xf32>) -> tensor<2x3x16xf32>
  return
}

// -----

func.func @case_2(%x: tensor<2x3x16xf32>) {
  // expected-error @+1 {{'gpt.rope' op expected num_heads (3) to divide input dim 2 (16)}}
  %0 = gpt.rope %x {num_heads = 3 : i64} : (tensor<2x3x16xf32>) -> tensor<2x3x16xf32>
  return
}

// -----

func.func @case_3(%x: tensor<2x3x15xf32>) {
  // expected-error @+1 {{'gpt.rope' op expected head_dim to be even and between 2 and head_dim (5), but found 5}}
  %0 = gpt.rope %x {num_heads = 3 : i64} : (tensor<2x3x15xf32>) -> tensor<2x3x15xf32>
  return
}

// -----

func.func @case_4(%x: tensor<2x3x16xf32>) {
  // expected-error @+1 {{'gpt.rope' op expected rotary_dims to be even and between 2 and head_dim (8), but found 10}}
  %0 = gpt.rope %x {num_heads = 2 : i64, rotary_dims = 10 : i64} : (tensor<2x3x16xf32>) -> tensor<2x3x16xf32>
  return
}

// -----

func.func @case_5(%x: tensor<2x3x16xf32>) {
  // expected-error @+1 {{'gpt.rope' op expected theta to be positive, but found 0.000000e+00}}
  %0 = gpt.rope %x {num_heads = 2 : i64, theta = 0.0 : f64} : (tensor<2x3x16xf32>) -> tensor<2x3x16xf32>
  return
}

// -----

func.func @case_6(%x: tensor<2x3x16xf32>) {
  // expected-error @+1 {{'gpt.rope' op expected scaling_factor to be positive, but found -2.000000e+00}}
  %0 = gpt.rope %x {num_heads = 2 : i64, scaling = #gpt<rope_scaling linear>, scaling_factor = -2.0 : f64} : (tensor<2x3x16xf32>) -> tensor<2x3x16xf32>
  return
}

// -----

func.func @case_7(%x: tensor<2x3x16xf32>) {
  // expected-error @+1 {{'gpt.rope' op expected 0 < low_freq_factor < high_freq_factor, but found 4.000000e+00 and 4.000000e+00}}
  %0 = gpt.rope %x {num_heads = 2 : i64, scaling = #gpt<rope_scaling llama3>, low_freq_factor = 4.0 : f64} : (tensor<2x3x16xf32>) -> tensor<2x3x16xf32>
  return
}

// -----

func.func @case_8(%x: tensor<2x3x16xf32>) {
  // expected-error @+1 {{'gpt.rope' op expected original_context_length to be positive, but found 0}}
  %0 = gpt.rope %x {num_heads = 2 : i64, scaling = #gpt<rope_scaling llama3>, original_context_length = 0 : i64} : (tensor<2x3x16xf32>) -> tensor<2x3x16xf32>
  return
}

// -----

func.func @case_9(%x: tensor<2x3x16xf32>, %p: tensor<3xi64>) {
  // expected-error @+1 {{'gpt.rope' op expected positions dim 0 (3) to match input dim 0 (2)}}
  %0 = gpt.rope %x positions(%p) {num_heads = 2 : i64} : (tensor<2x3x16xf32>, tensor<3xi64>) -> tensor<2x3x16xf32>
  return
}

// -----

func.func @case_10(%x: tensor<2x3x16xf32>) {
  // expected-error @+1 {{), but found ('tensor<2x4x16xf32>')}}
  %0 = gpt.rope %x {num_heads = 2 : i64} : (tensor<2x3x16xf32>) -> tensor<2x4x16xf32>
  return
}
