// Packed weights become arguments, up to the functions that are called from outside.
// RUN: gpt-opt %s --split-input-file --gpt-hoist-weight-packing --canonicalize | FileCheck %s
// RUN: gpt-opt %s --split-input-file --gpt-hoist-weight-packing --remarks-filter=weights 2>&1 | FileCheck %s --check-prefix=REMARK

// The attribute says which arguments are left and which packed weights follow.
// CHECK: module attributes {gpt.packing = {
// CHECK-SAME: functions = {
// CHECK-SAME: decode = {arguments = array<i64: 0, 2, 3>, packed = array<i64: 0, 1>}
// CHECK-SAME: prefill = {arguments = array<i64: 0, 2>, packed = array<i64: 0, 1>}
// CHECK-SAME: weights = [
// CHECK-SAME: {function = "gpt_pack_0", layout = "[[LAYOUT:[0-9a-f]+]]", sources = ["w0"], type = tensor<3x48x32xf32>},
// CHECK-SAME: {function = "gpt_pack_0", layout = "[[LAYOUT]]", sources = ["w1"], type = tensor<3x48x32xf32>}]

// REMARK: [Passed] gpt-hoist-weight-packing {{.*}} NumFunctions=1, NumWeights=2

// CHECK-LABEL: func.func private @block
// CHECK-SAME: (%[[X:.*]]: tensor<4xf32>, %[[P:.*]]: tensor<3x48x32xf32>)
// CHECK-NEXT: call @use(%[[X]], %[[P]])
func.func private @use(tensor<4xf32>, tensor<3x48x32xf32>) -> tensor<4xf32>
func.func private @block(%x: tensor<4xf32>, %w: tensor<96x48xf32>) -> tensor<4xf32> {
  %empty = tensor.empty() : tensor<3x48x32xf32>
  %p = linalg.pack %w inner_dims_pos = [0] inner_tiles = [32] into %empty {gpt.class = "weight"} : tensor<96x48xf32> -> tensor<3x48x32xf32>
  %0 = call @use(%x, %p) : (tensor<4xf32>, tensor<3x48x32xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// Called with different weights, in different functions, inside of control flow.
// CHECK-LABEL: func.func @prefill
// CHECK-SAME: (%[[X:.*]]: tensor<4xf32>, %{{.*}}: i1, %[[P0:.*]]: tensor<3x48x32xf32>, %[[P1:.*]]: tensor<3x48x32xf32>)
// CHECK: scf.if
// CHECK: call @block(%[[X]], %[[P0]])
// CHECK: call @block(%[[X]], %[[P1]])
func.func @prefill(%x: tensor<4xf32>, %w0: tensor<96x48xf32> {gpt.weight = "w0"}, %c: i1, %w1: tensor<96x48xf32> {gpt.weight = "w1"}) -> tensor<4xf32> {
  %0 = scf.if %c -> tensor<4xf32> {
    %1 = func.call @block(%x, %w0) : (tensor<4xf32>, tensor<96x48xf32>) -> tensor<4xf32>
    scf.yield %1 : tensor<4xf32>
  } else {
    %1 = func.call @block(%x, %w1) : (tensor<4xf32>, tensor<96x48xf32>) -> tensor<4xf32>
    scf.yield %1 : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// What is used unpacked, too, stays an argument.
// CHECK-LABEL: func.func @decode
// CHECK-SAME: (%[[X:.*]]: tensor<4xf32>, %{{.*}}: tensor<96x48xf32> {gpt.weight = "w2"}, %[[W1:.*]]: tensor<96x48xf32> {gpt.weight = "w1"}, %[[P0:.*]]: tensor<3x48x32xf32>, %[[P1:.*]]: tensor<3x48x32xf32>)
// CHECK: call @block(%[[X]], %[[P0]])
// CHECK: call @block(%{{.*}}, %[[P1]])
// CHECK: tensor.extract %[[W1]]
func.func @decode(%x: tensor<4xf32>, %w0: tensor<96x48xf32> {gpt.weight = "w0"}, %unused: tensor<96x48xf32> {gpt.weight = "w2"}, %w1: tensor<96x48xf32> {gpt.weight = "w1"}) -> (tensor<4xf32>, f32) {
  %c0 = arith.constant 0 : index
  %0 = call @block(%x, %w0) : (tensor<4xf32>, tensor<96x48xf32>) -> tensor<4xf32>
  %1 = call @block(%0, %w1) : (tensor<4xf32>, tensor<96x48xf32>) -> tensor<4xf32>
  %2 = tensor.extract %w1[%c0, %c0] : tensor<96x48xf32>
  return %1, %2 : tensor<4xf32>, f32
}

// CHECK-LABEL: func.func @gpt_pack_0
// CHECK-SAME: (%[[W:.*]]: tensor<96x48xf32>, %[[OUT:.*]]: memref<3x48x32xf32>)
// CHECK: %[[INTO:.*]] = bufferization.to_tensor %[[OUT]] restrict writable
// CHECK: %[[PACKED:.*]] = linalg.pack %[[W]] {{.*}} into %[[INTO]]
// CHECK: bufferization.materialize_in_destination %[[PACKED]] in restrict writable %[[OUT]]
// CHECK-NOT: func.func

// -----

// Several weights joined are one packed weight; a weight that goes into two
// packed forms is not kept for that.
// CHECK: gpt.packing = {functions = {f = {arguments = array<i64>, packed = array<i64: 0, 1>}}
// CHECK-SAME: sources = ["q", "k"], type = tensor<4x48x32xf32>}
// CHECK-SAME: sources = ["k"], type = tensor<1x24x32x2xbf16>}
// CHECK-LABEL: func.func @f
// CHECK-SAME: (%[[QK:.*]]: tensor<4x48x32xf32>, %[[K:.*]]: tensor<1x24x32x2xbf16>)
// CHECK: %[[VIEW:.*]] = tensor.extract_slice %[[QK]]
// CHECK: return %[[VIEW]], %[[K]]
func.func @f(%q: tensor<96x48xf32> {gpt.weight = "q"}, %k: tensor<32x48xf32> {gpt.weight = "k"}) -> (tensor<1x48x32xf32>, tensor<1x24x32x2xbf16>) {
  %0 = tensor.empty() : tensor<3x48x32xf32>
  %1 = linalg.pack %q inner_dims_pos = [0] inner_tiles = [32] into %0 {gpt.class = "weight"} : tensor<96x48xf32> -> tensor<3x48x32xf32>
  %2 = tensor.empty() : tensor<1x48x32xf32>
  %3 = linalg.pack %k inner_dims_pos = [0] inner_tiles = [32] into %2 {gpt.class = "weight"} : tensor<32x48xf32> -> tensor<1x48x32xf32>
  %4 = tensor.concat dim(0) %1, %3 : (tensor<3x48x32xf32>, tensor<1x48x32xf32>) -> tensor<4x48x32xf32>
  %5 = tensor.extract_slice %4[3, 0, 0] [1, 48, 32] [1, 1, 1] : tensor<4x48x32xf32> to tensor<1x48x32xf32>
  // Two inner tiles, and a smaller type.
  %6 = tensor.empty() : tensor<32x48xbf16>
  %7 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%k : tensor<32x48xf32>) outs(%6 : tensor<32x48xbf16>) {
  ^bb0(%in: f32, %out: bf16):
    %9 = arith.truncf %in : f32 to bf16
    linalg.yield %9 : bf16
  } -> tensor<32x48xbf16>
  %8 = tensor.empty() : tensor<1x24x32x2xbf16>
  %10 = linalg.pack %7 inner_dims_pos = [0, 1] inner_tiles = [32, 2] into %8 {gpt.class = "weight"} : tensor<32x48xbf16> -> tensor<1x24x32x2xbf16>
  return %5, %10 : tensor<1x48x32xf32>, tensor<1x24x32x2xbf16>
}
// CHECK-LABEL: func.func @gpt_pack_0
// CHECK-SAME: (%[[Q:.*]]: tensor<96x48xf32>, %[[K:.*]]: tensor<32x48xf32>, %[[OUT:.*]]: memref<4x48x32xf32>)
// CHECK: %[[INTO:.*]] = bufferization.to_tensor %[[OUT]]
// CHECK: %[[QP:.*]] = linalg.pack %[[Q]]
// CHECK: %[[KP:.*]] = linalg.pack %[[K]]
// CHECK: %[[FIRST:.*]] = tensor.insert_slice %[[QP]] into %[[INTO]]
// CHECK: %[[BOTH:.*]] = tensor.insert_slice %[[KP]] into %[[FIRST]]
// CHECK: bufferization.materialize_in_destination %[[BOTH]] in

// -----

// Elements are widened where they are used: that is cheaper than to read them.
// CHECK-LABEL: func.func @widened
// CHECK-SAME: (%[[P:.*]]: tensor<3x48x32xbf16>)
// CHECK: linalg.generic {{.*}} ins(%[[P]]
func.func @widened(%w: tensor<96x48xbf16> {gpt.weight = "w"}) -> tensor<3x48x32xf32> {
  %0 = tensor.empty() : tensor<3x48x32xbf16>
  %1 = linalg.pack %w inner_dims_pos = [0] inner_tiles = [32] into %0 {gpt.class = "weight"} : tensor<96x48xbf16> -> tensor<3x48x32xbf16>
  %2 = tensor.empty() : tensor<3x48x32xf32>
  %3 = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, j, k)>, affine_map<(i, j, k) -> (i, j, k)>], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%1 : tensor<3x48x32xbf16>) outs(%2 : tensor<3x48x32xf32>) {
  ^bb0(%in: bf16, %out: f32):
    %4 = arith.extf %in : bf16 to f32
    linalg.yield %4 : f32
  } -> tensor<3x48x32xf32>
  return %3 : tensor<3x48x32xf32>
}

// -----

// What is no weight in every call stays: an input, a weight in one call only, a
// weight of a function that is called.
// CHECK-NOT: gpt.packing
// CHECK-LABEL: func.func private @block
// CHECK: linalg.pack
// CHECK-LABEL: func.func @called
// CHECK: linalg.pack
// REMARK: [Missed] gpt-hoist-weight-packing {{.*}}Function=block {{.*}}its source is not a 'gpt.weight' argument of a public function in every call
// REMARK: [Missed] gpt-hoist-weight-packing {{.*}}Function=called {{.*}}its source
func.func private @block(%w: tensor<96x48xf32>) -> tensor<3x48x32xf32> {
  %empty = tensor.empty() : tensor<3x48x32xf32>
  %p = linalg.pack %w inner_dims_pos = [0] inner_tiles = [32] into %empty {gpt.class = "weight"} : tensor<96x48xf32> -> tensor<3x48x32xf32>
  return %p : tensor<3x48x32xf32>
}
func.func @f(%x: tensor<96x48xf32>, %w: tensor<96x48xf32> {gpt.weight = "w"}) -> (tensor<3x48x32xf32>, tensor<3x48x32xf32>, tensor<3x48x32xf32>) {
  %0 = call @block(%x) : (tensor<96x48xf32>) -> tensor<3x48x32xf32>
  %1 = call @block(%w) : (tensor<96x48xf32>) -> tensor<3x48x32xf32>
  %2 = call @called(%w) : (tensor<96x48xf32>) -> tensor<3x48x32xf32>
  return %0, %1, %2 : tensor<3x48x32xf32>, tensor<3x48x32xf32>, tensor<3x48x32xf32>
}
func.func @called(%w: tensor<96x48xf32> {gpt.weight = "w"}) -> tensor<3x48x32xf32> {
  %empty = tensor.empty() : tensor<3x48x32xf32>
  %p = linalg.pack %w inner_dims_pos = [0] inner_tiles = [32] into %empty {gpt.class = "weight"} : tensor<96x48xf32> -> tensor<3x48x32xf32>
  return %p : tensor<3x48x32xf32>
}

// -----

// A module whose weights are packed already is not packed again.
// CHECK: module attributes {gpt.packing = {functions = {}, weights = []}}
// REMARK: the weights of this module are packed already
module attributes {gpt.packing = {functions = {}, weights = []}} {
  // CHECK-LABEL: func.func @f
  // CHECK: linalg.pack
  func.func @f(%w: tensor<96x48xf32> {gpt.weight = "w"}) -> tensor<3x48x32xf32> {
    %empty = tensor.empty() : tensor<3x48x32xf32>
    %p = linalg.pack %w inner_dims_pos = [0] inner_tiles = [32] into %empty {gpt.class = "weight"} : tensor<96x48xf32> -> tensor<3x48x32xf32>
    return %p : tensor<3x48x32xf32>
  }
}

// -----

// One packed weight is used as it is and makes another one.
// CHECK-LABEL: func.func @nested
// CHECK-SAME: (%[[P0:.*]]: tensor<3x48x32xf32>, %[[P1:.*]]: tensor<3x48x32xbf16>)
// CHECK-NEXT: call @use(%[[P0]], %[[P1]])
// CHECK-LABEL: func.func @gpt_pack_0
// CHECK: linalg.pack
// CHECK-NOT: arith.truncf
// CHECK-LABEL: func.func @gpt_pack_1
// CHECK: linalg.pack
// CHECK: arith.truncf
func.func private @use(tensor<3x48x32xf32>, tensor<3x48x32xbf16>)
func.func @nested(%w: tensor<96x48xf32> {gpt.weight = "w"}) {
  %empty = tensor.empty() : tensor<3x48x32xf32>
  %p = linalg.pack %w inner_dims_pos = [0] inner_tiles = [32] into %empty {gpt.class = "weight"} : tensor<96x48xf32> -> tensor<3x48x32xf32>
  %narrow = tensor.empty() : tensor<3x48x32xbf16>
  %q = linalg.generic {indexing_maps = [affine_map<(a, b, c) -> (a, b, c)>, affine_map<(a, b, c) -> (a, b, c)>], iterator_types = ["parallel", "parallel", "parallel"]} ins(%p : tensor<3x48x32xf32>) outs(%narrow : tensor<3x48x32xbf16>) {
  ^bb0(%in: f32, %out: bf16):
    %0 = arith.truncf %in : f32 to bf16
    linalg.yield %0 : bf16
  } -> tensor<3x48x32xbf16>
  call @use(%p, %q) : (tensor<3x48x32xf32>, tensor<3x48x32xbf16>) -> ()
  return
}
