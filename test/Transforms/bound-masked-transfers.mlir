// Masks that only say where a tensor ends become bounds; others stay.
// RUN: gpt-opt %s --split-input-file --gpt-bound-masked-transfers | FileCheck %s

// CHECK-LABEL: func.func @tile
// CHECK-SAME: (%[[X:.*]]: tensor<?x768xf32>, %[[Y:.*]]: tensor<?x768xf32>
// CHECK: %[[XT:.*]] = tensor.extract_slice %[[X]]
// CHECK: %[[YT:.*]] = tensor.extract_slice %[[Y]]
// CHECK: %[[V:.*]] = vector.transfer_read %[[XT]][%{{.*}}, %{{.*}}], %{{.*}} {in_bounds = [false, true]} : tensor<?x32xf32>, vector<8x32xf32>
// CHECK: %[[W:.*]] = vector.transfer_write %[[V]], %[[YT]][%{{.*}}, %{{.*}}] {in_bounds = [false, true]}
// CHECK-NOT: vector.transfer_read
// CHECK: arith.addf %[[V]], %[[V]]
func.func @tile(%x: tensor<?x768xf32>, %y: tensor<?x768xf32>, %row: index, %rows: index) -> (tensor<?x32xf32>, vector<8x32xf32>) {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %p = ub.poison : f32
  %n = affine.min affine_map<()[s0, s1] -> (s1 - s0, 8)>()[%row, %rows]
  %xt = tensor.extract_slice %x[%row, 64] [%n, 32] [1, 1] : tensor<?x768xf32> to tensor<?x32xf32>
  %yt = tensor.extract_slice %y[%row, 64] [%n, 32] [1, 1] : tensor<?x768xf32> to tensor<?x32xf32>
  %mask = vector.create_mask %n, %c32 : vector<8x32xi1>
  %v = vector.mask %mask { vector.transfer_read %xt[%c0, %c0], %p {in_bounds = [true, true]} : tensor<?x32xf32>, vector<8x32xf32> } : vector<8x32xi1> -> vector<8x32xf32>
  %w = vector.mask %mask { vector.transfer_write %v, %yt[%c0, %c0] {in_bounds = [true, true]} : vector<8x32xf32>, tensor<?x32xf32> } : vector<8x32xi1> -> tensor<?x32xf32>
  %d = tensor.dim %w, %c0 : tensor<?x32xf32>
  %mask2 = vector.create_mask %d, %c32 : vector<8x32xi1>
  %r = vector.mask %mask2 { vector.transfer_read %w[%c0, %c0], %p {in_bounds = [true, true]} : tensor<?x32xf32>, vector<8x32xf32> } : vector<8x32xi1> -> vector<8x32xf32>
  %s = arith.addf %r, %r : vector<8x32xf32>
  return %w, %s : tensor<?x32xf32>, vector<8x32xf32>
}

// -----

// A mask that is smaller than the tensor, and a padding that is read.
// CHECK-LABEL: func.func @other
// CHECK: vector.mask
// CHECK: %[[W:.*]] = vector.transfer_write
// CHECK: vector.transfer_read %[[W]]
func.func @other(%x: tensor<?x32xf32>, %n: index, %v: vector<8x32xf32>) -> (vector<8x32xf32>, vector<8x32xf32>) {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %zero = arith.constant 0.0 : f32
  %mask = vector.create_mask %n, %c32 : vector<8x32xi1>
  %r = vector.mask %mask { vector.transfer_read %x[%c0, %c0], %zero {in_bounds = [true, true]} : tensor<?x32xf32>, vector<8x32xf32> } : vector<8x32xi1> -> vector<8x32xf32>
  %w = vector.transfer_write %v, %x[%c0, %c0] {in_bounds = [false, true]} : vector<8x32xf32>, tensor<?x32xf32>
  %q = vector.transfer_read %w[%c0, %c0], %zero {in_bounds = [false, true]} : tensor<?x32xf32>, vector<8x32xf32>
  return %r, %q : vector<8x32xf32>, vector<8x32xf32>
}
