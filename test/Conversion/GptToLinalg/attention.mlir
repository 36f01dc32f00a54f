// RUN: gpt-opt %s -split-input-file -convert-gpt-to-linalg -canonicalize -cse \
// RUN:   | FileCheck %s --implicit-check-not=gpt.

// Heads are split by reshaping; keys and values are read as they are stored.

// CHECK-DAG: #[[$Q:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d3, d1, d2, d5)>
// CHECK-DAG: #[[$K:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d4, d1, d5)>
// CHECK-DAG: #[[$S:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2, d3, d4)>
// CHECK-LABEL: func.func @grouped_causal_window(
//  CHECK-SAME:   %[[Q:.*]]: tensor<?x?x64xf32>, %[[K:.*]]: tensor<?x?x32xf32>, %[[V:.*]]: tensor<?x?x32xf32>)
//   CHECK-DAG:   %[[SCALE:.*]] = arith.constant 2.500000e-01 : f32
//   CHECK-DAG:   %[[HIDDEN:.*]] = arith.constant 0xFF800000 : f32
//   CHECK-DAG:   %[[WINDOW:.*]] = arith.constant 3 : index
//       CHECK:   %[[QUERY:.*]] = tensor.expand_shape %[[Q]] {{\[\[}}0], [1], [2, 3, 4]] {{.*}} into tensor<?x?x2x2x16xf32>
//       CHECK:   %[[KEY:.*]] = tensor.expand_shape %[[K]] {{\[\[}}0], [1], [2, 3]] {{.*}} into tensor<?x?x2x16xf32>
//       CHECK:   %[[VALUE:.*]] = tensor.expand_shape %[[V]] {{.*}} into tensor<?x?x2x16xf32>
//       CHECK:   %[[QUERIES:.*]] = tensor.dim %[[QUERY]], %c1
//       CHECK:   %[[KEYS:.*]] = tensor.dim %[[KEY]], %c1
//       CHECK:   %[[FIRST:.*]] = arith.subi %[[KEYS]], %[[QUERIES]]
//       CHECK:   %[[PRODUCTS:.*]] = linalg.contract indexing_maps = [#[[$Q]], #[[$K]], #[[$S]]]
//  CHECK-SAME:     ins(%[[QUERY]], %[[KEY]] : {{.*}}) outs(%{{.*}} : tensor<?x2x2x?x?xf32>)
//       CHECK:   %[[SCORES:.*]] = linalg.generic {{.*}} ins(%[[PRODUCTS]] : {{.*}}) outs(%[[PRODUCTS]] : tensor<?x2x2x?x?xf32>) {
//  CHECK-NEXT:   ^bb0(%[[SUM:.*]]: f32, %{{.*}}: f32):
//  CHECK-NEXT:     %[[SCORE:.*]] = arith.mulf %[[SUM]], %[[SCALE]]
//  CHECK-NEXT:     %[[I:.*]] = linalg.index 3
//  CHECK-NEXT:     %[[J:.*]] = linalg.index 4
//  CHECK-NEXT:     %[[POSITION:.*]] = arith.addi %[[FIRST]], %[[I]]
//  CHECK-NEXT:     %[[PAST:.*]] = arith.cmpi sle, %[[J]], %[[POSITION]]
//  CHECK-NEXT:     %[[BEHIND:.*]] = arith.subi %[[POSITION]], %[[WINDOW]]
//  CHECK-NEXT:     %[[NEAR:.*]] = arith.cmpi sgt, %[[J]], %[[BEHIND]]
//  CHECK-NEXT:     %[[VISIBLE:.*]] = arith.andi %[[PAST]], %[[NEAR]]
//  CHECK-NEXT:     %[[MASKED:.*]] = arith.select %[[VISIBLE]], %[[SCORE]], %[[HIDDEN]]
//  CHECK-NEXT:     linalg.yield %[[MASKED]]
//       CHECK:   %[[WEIGHTS:.*]] = linalg.softmax dimension(4) ins(%[[SCORES]] : {{.*}}) outs(%[[SCORES]]
//       CHECK:   %[[ATTENDED:.*]] = linalg.contract indexing_maps = [#[[$S]], #[[$K]], #[[$Q]]]
//  CHECK-SAME:     ins(%[[WEIGHTS]], %[[VALUE]] : {{.*}}) outs(%{{.*}} : tensor<?x?x2x2x16xf32>)
//       CHECK:   %[[Y:.*]] = tensor.collapse_shape %[[ATTENDED]] {{\[\[}}0], [1], [2, 3, 4]]
//       CHECK:   return %[[Y]]
func.func @grouped_causal_window(%q: tensor<?x?x64xf32>, %k: tensor<?x?x32xf32>, %v: tensor<?x?x32xf32>) -> tensor<?x?x64xf32> {
  %y = gpt.attention %q, %k, %v {causal, num_heads = 4 : i64, num_kv_heads = 2 : i64, window = 3 : i64} : (tensor<?x?x64xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>) -> tensor<?x?x64xf32>
  return %y : tensor<?x?x64xf32>
}

// -----

// The mask has one entry per query head: its heads are split as those of the
// query are. Nothing else is hidden.

// CHECK-DAG: #[[$MASK:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d1, d2, d3, d4)>
// CHECK-LABEL: func.func @mask_per_head(
//       CHECK:   %[[MASK:.*]] = tensor.expand_shape %arg3 {{\[\[}}0, 1], [2], [3]] {{.*}} into tensor<2x2x?x?xf32>
//       CHECK:   linalg.generic {indexing_maps = [#[[$MASK]], #{{.*}}, #{{.*}}]
//  CHECK-SAME:     ins(%[[MASK]], %{{.*}} : tensor<2x2x?x?xf32>,
//       CHECK:     arith.mulf
//  CHECK-NEXT:     arith.addf
//  CHECK-NEXT:     linalg.yield
func.func @mask_per_head(%q: tensor<?x?x64xf32>, %k: tensor<?x?x32xf32>, %v: tensor<?x?x32xf32>, %m: tensor<4x?x?xf32>) -> tensor<?x?x64xf32> {
  %y = gpt.attention %q, %k, %v mask(%m) {num_heads = 4 : i64, num_kv_heads = 2 : i64} : (tensor<?x?x64xf32>, tensor<?x?x32xf32>, tensor<?x?x32xf32>, tensor<4x?x?xf32>) -> tensor<?x?x64xf32>
  return %y : tensor<?x?x64xf32>
}

// -----

// A mask for all batches and heads.

// CHECK-DAG: #[[$SHARED:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (0, 0, d2, d3, d4)>
// CHECK-LABEL: func.func @mask_shared(
//       CHECK:   linalg.generic {indexing_maps = [#[[$SHARED]], #{{.*}}, #{{.*}}]
//  CHECK-SAME:     tensor<1x1x1x4x4xf32>
func.func @mask_shared(%q: tensor<2x4x64xf32>, %m: tensor<1x1x4x4xf32>) -> tensor<2x4x64xf32> {
  %y = gpt.attention %q, %q, %q mask(%m) {num_heads = 4 : i64, num_kv_heads = 4 : i64} : (tensor<2x4x64xf32>, tensor<2x4x64xf32>, tensor<2x4x64xf32>, tensor<1x1x4x4xf32>) -> tensor<2x4x64xf32>
  return %y : tensor<2x4x64xf32>
}

// -----

// Narrow operands: scores, softmax and sum are f32.

// CHECK-LABEL: func.func @narrow(
//       CHECK:   linalg.contract {{.*}} outs(%{{.*}} : tensor<1x4x1x5x5xf32>)
//       CHECK:   linalg.softmax {{.*}} -> tensor<1x4x1x5x5xf32>
//       CHECK:   %[[SUM:.*]] = linalg.contract {{.*}} -> tensor<1x5x4x1x16xf32>
//       CHECK:   linalg.generic {{.*}} ins(%[[SUM]] : {{.*}}) outs(%{{.*}} : tensor<1x5x4x1x16xbf16>)
//       CHECK:     arith.truncf
func.func @narrow(%h: tensor<1x5x64xbf16>) -> tensor<1x5x64xbf16> {
  %y = gpt.attention %h, %h, %h {num_heads = 4 : i64, num_kv_heads = 4 : i64, causal} : (tensor<1x5x64xbf16>, tensor<1x5x64xbf16>, tensor<1x5x64xbf16>) -> tensor<1x5x64xbf16>
  return %y : tensor<1x5x64xbf16>
}

// -----

// A softmax over no keys is 0 / 0.

// CHECK-LABEL: func.func @maybe_no_keys
//  CHECK-SAME:   %{{.*}}: tensor<1x3x8xf32>, %[[K:.*]]: tensor<1x?x8xf32>
//       CHECK:   tensor.dim %[[K]], %{{.*}}
//       CHECK:   %[[NONE:.*]] = arith.cmpi eq, %{{.*}}, %c0 : index
//       CHECK:   %[[FIRST:.*]] = arith.select %[[NONE]], %{{.*}}, %{{.*}} : f32
//       CHECK:   linalg.fill ins(%[[FIRST]] : f32)
func.func @maybe_no_keys(%q: tensor<1x3x8xf32>, %k: tensor<1x?x8xf32>) -> tensor<1x3x8xf32> {
  %y = gpt.attention %q, %k, %k {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<1x3x8xf32>, tensor<1x?x8xf32>, tensor<1x?x8xf32>) -> tensor<1x3x8xf32>
  return %y : tensor<1x3x8xf32>
}
