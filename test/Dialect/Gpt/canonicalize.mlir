// Folders and canonicalization patterns, each with a case that must stay.
// RUN: gpt-opt %s --canonicalize="test-convergence=true" --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @scale
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>)
func.func @scale(%x: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %0 = gpt.scale %x {factor = 1.0 : f64} : (tensor<?x8xf32>) -> tensor<?x8xf32>
  // Two scales are not merged: their product may be beyond f32, and there are
  // two roundings.
  // CHECK: %[[S:.*]] = gpt.scale %[[X]] {factor = 1.000000e-30 : f64}
  // CHECK: %[[T:.*]] = gpt.scale %[[S]] {factor = 1.000000e-30 : f64}
  // CHECK: return %[[X]], %[[T]]
  %1 = gpt.scale %x {factor = 1.0e-30 : f64} : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %2 = gpt.scale %1 {factor = 1.0e-30 : f64} : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0, %2 : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// CHECK-LABEL: func.func @cast
// CHECK-SAME: (%[[X:.*]]: tensor<4xbf16>, %[[Y:.*]]: tensor<4xf32>)
func.func @cast(%x: tensor<4xbf16>, %y: tensor<4xf32>) -> (tensor<4xbf16>, tensor<4xf32>, tensor<4xf32>) {
  %0 = gpt.cast %x : tensor<4xbf16> to tensor<4xf32>
  %1 = gpt.cast %0 : tensor<4xf32> to tensor<4xbf16>
  %2 = gpt.cast %y : tensor<4xf32> to tensor<4xf32>
  // Narrowing and coming back loses bits: it must stay.
  // CHECK: %[[N:.*]] = gpt.cast %[[Y]] : tensor<4xf32> to tensor<4xbf16>
  // CHECK: %[[W:.*]] = gpt.cast %[[N]] : tensor<4xbf16> to tensor<4xf32>
  %3 = gpt.cast %y : tensor<4xf32> to tensor<4xbf16>
  %4 = gpt.cast %3 : tensor<4xbf16> to tensor<4xf32>
  // CHECK: return %[[X]], %[[Y]], %[[W]]
  return %1, %2, %4 : tensor<4xbf16>, tensor<4xf32>, tensor<4xf32>
}

// -----

// CHECK-LABEL: func.func @transpose
// CHECK-SAME: (%[[X:.*]]: tensor<2x3x?xf32>)
func.func @transpose(%x: tensor<2x3x?xf32>) -> (tensor<2x3x?xf32>, tensor<3x2x?xf32>) {
  %0 = gpt.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<2x3x?xf32>) -> tensor<3x?x2xf32>
  %1 = gpt.transpose %0 {permutation = array<i64: 2, 0, 1>} : (tensor<3x?x2xf32>) -> tensor<2x3x?xf32>
  %2 = gpt.transpose %0 {permutation = array<i64: 0, 2, 1>} : (tensor<3x?x2xf32>) -> tensor<3x2x?xf32>
  // CHECK: %[[T:.*]] = gpt.transpose %[[X]] {permutation = array<i64: 1, 0, 2>}
  // CHECK: return %[[X]], %[[T]]
  return %1, %2 : tensor<2x3x?xf32>, tensor<3x2x?xf32>
}

// -----

// A tied language model head: no transposed copy of the table.
// CHECK-LABEL: func.func @tied_head
// CHECK-SAME: (%[[X:.*]]: tensor<?x?x8xf32>, %[[W:.*]]: tensor<97x8xf32>, %[[B:.*]]: tensor<97xf32>)
func.func @tied_head(%x: tensor<?x?x8xf32>, %w: tensor<97x8xf32>, %b: tensor<97xf32>) -> tensor<?x?x97xf32> {
  %0 = gpt.transpose %w {permutation = array<i64: 1, 0>} : (tensor<97x8xf32>) -> tensor<8x97xf32>
  %1 = gpt.matmul %x, %0 : (tensor<?x?x8xf32>, tensor<8x97xf32>) -> tensor<?x?x97xf32>
  %2 = gpt.add %1, %b : (tensor<?x?x97xf32>, tensor<97xf32>) -> tensor<?x?x97xf32>
  // CHECK: %[[Y:.*]] = gpt.linear %[[X]], %[[W]] bias(%[[B]]) :
  // CHECK-NOT: gpt.
  // CHECK: return %[[Y]]
  return %2 : tensor<?x?x97xf32>
}

// -----

// Not a bias: a second use of the product, a bias already there, a broadcast product.
// CHECK-LABEL: func.func @no_bias
// CHECK-COUNT-3: gpt.add
func.func @no_bias(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>, %b: tensor<4xf32>, %u: tensor<1x8xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) {
  %0 = gpt.linear %x, %w : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
  %1 = gpt.add %0, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %2 = gpt.linear %x, %w bias(%b) : (tensor<?x8xf32>, tensor<4x8xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %3 = gpt.add %2, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %4 = gpt.linear %x, %u : (tensor<?x8xf32>, tensor<1x8xf32>) -> tensor<?x1xf32>
  %5 = gpt.add %4, %b : (tensor<?x1xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %0, %1, %3, %5 : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
}

// -----

// Everything position-wise is computed for the last token only; attention is not.
// CHECK-LABEL: func.func @last_token
// CHECK-SAME: (%[[X:.*]]: tensor<?x?x8xf32>, %[[R:.*]]: tensor<?x?x8xf32>, %[[N:.*]]: tensor<8xf32>, %[[W:.*]]: tensor<97x8xf32>)
func.func @last_token(%x: tensor<?x?x8xf32>, %r: tensor<?x?x8xf32>, %n: tensor<8xf32>, %w: tensor<97x8xf32>) -> tensor<?x1x97xf32> {
  // CHECK: %[[A:.*]] = gpt.attention %[[X]], %[[X]], %[[X]]
  %0 = gpt.attention %x, %x, %x {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  // CHECK-DAG: %[[LA:.*]] = gpt.last_token %[[A]]
  // CHECK-DAG: %[[LR:.*]] = gpt.last_token %[[R]]
  // CHECK: %[[S:.*]] = gpt.add %[[LA]], %[[LR]] : (tensor<?x1x8xf32>, tensor<?x1x8xf32>) -> tensor<?x1x8xf32>
  %1 = gpt.add %0, %r : (tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  // CHECK: %[[NORM:.*]] = gpt.rms_norm %[[S]], %[[N]]
  %2 = gpt.rms_norm %1, %n {epsilon = 1.0e-5 : f64} : (tensor<?x?x8xf32>, tensor<8xf32>) -> tensor<?x?x8xf32>
  // CHECK: %[[L:.*]] = gpt.linear %[[NORM]], %[[W]] : (tensor<?x1x8xf32>, tensor<97x8xf32>) -> tensor<?x1x97xf32>
  %3 = gpt.linear %2, %w : (tensor<?x?x8xf32>, tensor<97x8xf32>) -> tensor<?x?x97xf32>
  %4 = gpt.last_token %3 : (tensor<?x?x97xf32>) -> tensor<?x1x97xf32>
  // CHECK: return %[[L]]
  return %4 : tensor<?x1x97xf32>
}

// -----

// With one token the op is the identity.
// CHECK-LABEL: func.func @last_of_one
// CHECK-SAME: (%[[X:.*]]: tensor<?x1x8xf32>)
// CHECK-NEXT: return %[[X]]
func.func @last_of_one(%x: tensor<?x1x8xf32>) -> tensor<?x1x8xf32> {
  %0 = gpt.last_token %x : (tensor<?x1x8xf32>) -> tensor<?x1x8xf32>
  return %0 : tensor<?x1x8xf32>
}

// -----

// What lacks the dimension of batches is left alone, and nothing is built in vain.
// CHECK-LABEL: func.func @last_of_broadcast
// CHECK: %[[SUM:.*]] = gpt.add
// CHECK: gpt.last_token %[[SUM]]
func.func @last_of_broadcast(%x: tensor<2x?x8xf32>, %y: tensor<?x8xf32>) -> tensor<2x1x8xf32> {
  %0 = gpt.add %x, %y : (tensor<2x?x8xf32>, tensor<?x8xf32>) -> tensor<2x?x8xf32>
  %1 = gpt.last_token %0 : (tensor<2x?x8xf32>) -> tensor<2x1x8xf32>
  return %1 : tensor<2x1x8xf32>
}
