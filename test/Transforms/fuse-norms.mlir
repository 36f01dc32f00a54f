// A norm is one loop over rows, that of the pack of rows where one reads it.
// RUN: gpt-opt %s --split-input-file --gpt-to-linalg-pipeline --gpt-fuse-elementwise --canonicalize --gpt-pack-projections --gpt-form-epilogues --gpt-fuse-norms --canonicalize --cse | FileCheck %s
// RUN: gpt-opt %s --split-input-file --gpt-to-linalg-pipeline --gpt-fuse-elementwise --canonicalize --gpt-pack-projections --gpt-form-epilogues --gpt-fuse-norms --remarks-filter=schedule -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: gpt-opt %s --split-input-file --gpt-to-linalg-pipeline --gpt-fuse-elementwise --canonicalize --gpt-pack-projections --gpt-form-epilogues --gpt-fuse-norms=tile-bytes=1000 --canonicalize --cse | FileCheck %s --check-prefix=SMALL

// Statistics of a tile of rows, its elements and its pack; nothing of the norm is left outside.
// CHECK-LABEL: func.func @packed(
// CHECK-SAME: %[[X:.*]]: tensor<?x?x48xf32>, %[[G:.*]]: tensor<48xf32>, %[[B:.*]]: tensor<48xf32>, %[[W:.*]]: tensor<96x48xf32>
// CHECK: %[[ROWS:.*]] = tensor.collapse_shape %[[X]] {{\[\[}}0, 1], [2]]
// CHECK-NOT: linalg.generic
// CHECK: %[[PACKED:.*]] = scf.forall (%[[TILE:.*]]) in (%{{.*}}) shared_outs({{.*}}) -> (tensor<?x48x8xf32>)
// CHECK: %[[N:.*]] = affine.min
// CHECK: %[[PART:.*]] = tensor.extract_slice %[[ROWS]][%{{.*}}, 0] [%[[N]], 48] [1, 1]
// CHECK: bufferization.alloc_tensor() : tensor<8xf32>
// CHECK: %[[SUMS:.*]] = linalg.generic {{.*}}"reduction"]} ins(%[[PART]] : tensor<?x48xf32>)
// CHECK: %[[MEANS:.*]] = linalg.generic {{.*}} ins(%[[SUMS]] : tensor<?xf32>)
// CHECK: arith.divf
// CHECK: %[[SQUARES:.*]] = linalg.generic {{.*}}"reduction"]} ins(%[[PART]], %[[MEANS]] : tensor<?x48xf32>, tensor<?xf32>)
// CHECK: %[[INVERSE:.*]] = linalg.generic {{.*}} ins(%[[SQUARES]] : tensor<?xf32>)
// CHECK: math.rsqrt
// CHECK: %[[BUFFER:.*]] = bufferization.alloc_tensor() : tensor<8x48xf32>
// CHECK: %[[NORM:.*]] = linalg.generic {{.*}} ins(%[[PART]], %[[MEANS]], %[[INVERSE]], %[[G]], %[[B]] :
// CHECK-NOT: math.rsqrt
// CHECK: %[[WHOLE:.*]] = tensor.insert_slice %[[NORM]] into %[[BUFFER]][0, 0] [%[[N]], 48] [1, 1]
// CHECK: linalg.pack %[[WHOLE]] inner_dims_pos = [0] inner_tiles = [8] {{.*}}{gpt.class = "norm_rows"} : tensor<8x48xf32> -> tensor<1x48x8xf32>
// CHECK: linalg.contract {{.*}} ins(%[[PACKED]],
// A tile of 1536 bytes that may have 1000 is too large for a buffer: one row at a time, and a pack of its own.
// SMALL-LABEL: func.func @packed(
// SMALL: %[[NORM:.*]] = scf.forall {{.*}} -> (tensor<?x?x48xf32>)
// SMALL: linalg.pack {{.*}}{gpt.class = "rows"}
// REMARK: [[@LINE+2]]:{{.*}} remark: [Passed] gpt-fuse-norms | Category:schedule | {{.*}}is computed where it is packed
func.func @packed(%x: tensor<?x?x48xf32>, %g: tensor<48xf32>, %b: tensor<48xf32>, %w: tensor<96x48xf32>) -> tensor<?x?x96xf32> {
  %0 = gpt.layer_norm %x, %g bias(%b) {epsilon = 1.0e-5 : f64} : (tensor<?x?x48xf32>, tensor<48xf32>, tensor<48xf32>) -> tensor<?x?x48xf32>
  %1 = gpt.linear %0, %w : (tensor<?x?x48xf32>, tensor<96x48xf32>) -> tensor<?x?x96xf32>
  return %1 : tensor<?x?x96xf32>
}

// -----

// Without a pack, and of bf16: sums in f32, one row at a time, no temporary of more than a row.
// CHECK-LABEL: func.func @stored(
// CHECK-SAME: %[[X:.*]]: tensor<?x?x48xbf16>, %[[G:.*]]: tensor<48xbf16>
// CHECK-NOT: linalg.generic
// CHECK: scf.forall (%[[B:.*]], %[[S:.*]]) in (%{{.*}}, %{{.*}}) shared_outs({{.*}}) -> (tensor<?x?x48xbf16>)
// CHECK: %[[ROW:.*]] = tensor.extract_slice %[[X]][%[[B]], %[[S]], 0] [1, 1, 48] [1, 1, 1]
// CHECK: bufferization.alloc_tensor() : tensor<1x1xf32>
// CHECK: %[[SQUARES:.*]] = linalg.generic {{.*}}"reduction"]} ins(%[[ROW]] : tensor<1x1x48xbf16>)
// CHECK: arith.extf
// CHECK: %[[INVERSE:.*]] = linalg.generic {{.*}} ins(%[[SQUARES]] : tensor<1x1xf32>)
// CHECK: linalg.generic {{.*}} ins(%[[ROW]], %[[INVERSE]], %[[G]] :
// CHECK: tensor.parallel_insert_slice
// CHECK-NOT: linalg.generic
// REMARK: [[@LINE+2]]:{{.*}} remark: [Passed] gpt-fuse-norms | Category:schedule | {{.*}}is one loop over rows
func.func @stored(%x: tensor<?x?x48xbf16>, %g: tensor<48xbf16>) -> tensor<?x?x48xbf16> {
  %0 = gpt.rms_norm %x, %g {epsilon = 1.0e-5 : f64} : (tensor<?x?x48xbf16>, tensor<48xbf16>) -> tensor<?x?x48xbf16>
  return %0 : tensor<?x?x48xbf16>
}

// -----

// Something else reads the norm, too: it is stored.
// CHECK-LABEL: func.func @two_readers(
// CHECK: scf.forall
// CHECK: math.rsqrt
// CHECK: linalg.pack {{.*}}{gpt.class = "rows"}
// REMARK: [[@LINE+2]]:{{.*}} remark: [Passed] gpt-fuse-norms | Category:schedule | {{.*}}is one loop over rows
func.func @two_readers(%x: tensor<?x48xf32>, %g: tensor<48xf32>, %w: tensor<96x48xf32>) -> (tensor<?x96xf32>, tensor<?x48xf32>) {
  %0 = gpt.rms_norm %x, %g {epsilon = 1.0e-5 : f64} : (tensor<?x48xf32>, tensor<48xf32>) -> tensor<?x48xf32>
  %1 = gpt.linear %0, %w : (tensor<?x48xf32>, tensor<96x48xf32>) -> tensor<?x96xf32>
  return %1, %0 : tensor<?x96xf32>, tensor<?x48xf32>
}

// -----

// A single row is its own loop.
// CHECK-LABEL: func.func @single_row(
// CHECK-NOT: scf.forall
// REMARK: [[@LINE+2]]:{{.*}} remark: [Missed] gpt-fuse-norms | Category:schedule | Reason="has a single row"
func.func @single_row(%x: tensor<1x1x48xf32>, %g: tensor<48xf32>) -> tensor<1x1x48xf32> {
  %0 = gpt.rms_norm %x, %g {epsilon = 1.0e-5 : f64} : (tensor<1x1x48xf32>, tensor<48xf32>) -> tensor<1x1x48xf32>
  return %0 : tensor<1x1x48xf32>
}

// -----

// A statistic that is a result, too.
// CHECK-LABEL: func.func @statistic_read(
// CHECK-NOT: scf.forall
#rows = affine_map<(d0, d1) -> (d0)>
#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @statistic_read(%x: tensor<?x48xf32>, %init: tensor<?xf32>) -> (tensor<?x48xf32>, tensor<?xf32>) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x48xf32>
  %sums = linalg.generic {indexing_maps = [#id, #rows], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<?x48xf32>) outs(%init : tensor<?xf32>) {
  ^bb0(%a: f32, %out: f32):
    %s = arith.addf %out, %a : f32
    linalg.yield %s : f32
  } -> tensor<?xf32>
  %empty = tensor.empty(%n) : tensor<?x48xf32>
  // REMARK: [[@LINE+1]]:{{.*}} remark: [Missed] gpt-fuse-norms | Category:schedule | Reason="something else reads a statistic"
  %y = linalg.generic {indexing_maps = [#id, #rows, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %sums : tensor<?x48xf32>, tensor<?xf32>) outs(%empty : tensor<?x48xf32>) {
  ^bb0(%a: f32, %s: f32, %out: f32):
    %d = arith.subf %a, %s : f32
    linalg.yield %d : f32
  } -> tensor<?x48xf32>
  return %y, %sums : tensor<?x48xf32>, tensor<?xf32>
}
