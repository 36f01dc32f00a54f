// Breaks every constraint of the norm ops once.
// RUN: gpt-opt %s --split-input-file --verify-diagnostics

func.func @case_0(%x: tensor<f32>, %w: tensor<8xf32>) {
  // expected-error @+1 {{'gpt.layer_norm' op expected input of rank 1 or more, but found 'tensor<f32>'}}
  %0 = gpt.layer_norm %x, %w {epsilon = 0.0 : f64} : (tensor<f32>, tensor<8xf32>) -> tensor<f32>
  return
}

// -----

func.func @case_1(%x: tensor<2x8xf32>, %w: tensor<9xf32>) {
  // expected-error @+1 {{'gpt.layer_norm' op expected weight dim 0 (9) to match input dim 1 (8)}}
  %0 = gpt.layer_norm %x, %w {epsilon = 0.0 : f64} : (tensor<2x8xf32>, tensor<9xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @case_2(%x: tensor<2x8xf32>, %w: tensor<8xf32>, %b: tensor<1xf32>) {
  // expected-error @+1 {{'gpt.layer_norm' op expected bias dim 0 (1) to match input dim 1 (8)}}
  %0 = gpt.layer_norm %x, %w bias(%b) {epsilon = 0.0 : f64} : (tensor<2x8xf32>, tensor<8xf32>, tensor<1xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @case_3(%x: tensor<2x8xf32>, %w: tensor<8xf32>) {
  // expected-error @+1 {{'gpt.layer_norm' op expected epsilon not to be negative, but found -1.000000e-05}}
  %0 = gpt.layer_norm %x, %w {epsilon = -1.0e-5 : f64} : (tensor<2x8xf32>, tensor<8xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @case_4(%x: tensor<2x8xf32>, %w: tensor<8xf32>) {
  // expected-error @+1 {{'gpt.layer_norm' op requires attribute 'epsilon'}}
  %0 = gpt.layer_norm %x, %w : (tensor<2x8xf32>, tensor<8xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @case_5(%x: tensor<2x8xf32>, %w: tensor<8xf32>) {
  // expected-error @+1 {{), but found ('tensor<2x8xf16>')}}
  %0 = gpt.layer_norm %x, %w {epsilon = 0.0 : f64} : (tensor<2x8xf32>, tensor<8xf32>) -> tensor<2x8xf16>
  return
}

// -----

func.func @case_6(%x: tensor<f32>, %w: tensor<8xf32>) {
  // expected-error @+1 {{'gpt.rms_norm' op expected input of rank 1 or more, but found 'tensor<f32>'}}
  %0 = gpt.rms_norm %x, %w {epsilon = 0.0 : f64} : (tensor<f32>, tensor<8xf32>) -> tensor<f32>
  return
}

// -----

func.func @case_7(%x: tensor<2x8xf32>, %w: tensor<9xf32>) {
  // expected-error @+1 {{'gpt.rms_norm' op expected weight dim 0 (9) to match input dim 1 (8)}}
  %0 = gpt.rms_norm %x, %w {epsilon = 0.0 : f64} : (tensor<2x8xf32>, tensor<9xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @case_8(%x: tensor<2x8xf32>, %w: tensor<8xf32>) {
  // expected-error @+1 {{'gpt.rms_norm' op expected epsilon not to be negative, but found -1.000000e+00}}
  %0 = gpt.rms_norm %x, %w {epsilon = -1.0 : f64} : (tensor<2x8xf32>, tensor<8xf32>) -> tensor<2x8xf32>
  return
}
