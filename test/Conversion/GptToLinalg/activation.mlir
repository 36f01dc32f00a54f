// RUN: gpt-opt %s -split-input-file -convert-gpt-to-linalg -canonicalize -cse \
// RUN:   | FileCheck %s --implicit-check-not=gpt.

// Point-wise functions are generics in f32; softmax stays one op.

// CHECK-LABEL: func.func @gelu(
//  CHECK-SAME:   %[[X:.*]]: tensor<?x?x8xf32>)
//       CHECK:   %[[Y:.*]] = linalg.generic {{.*}} ins(%[[X]] : tensor<?x?x8xf32>)
//       CHECK:     math.erf
//       CHECK:   return %[[Y]]
func.func @gelu(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %y = gpt.gelu %x : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

// CHECK-LABEL: func.func @gelu_tanh(
//   CHECK-DAG:   %[[HALF:.*]] = arith.constant 5.000000e-01 : f32
//   CHECK-DAG:   %[[ONE:.*]] = arith.constant 1.000000e+00 : f32
//   CHECK-DAG:   %[[ROOT:.*]] = arith.constant 0.797884583 : f32
//   CHECK-DAG:   %[[CUBIC:.*]] = arith.constant 4.471500e-02 : f32
//       CHECK:   ^bb0(%[[X:.*]]: f32, %{{.*}}: f32):
//  CHECK-NEXT:     %[[X2:.*]] = arith.mulf %[[X]], %[[X]]
//  CHECK-NEXT:     %[[X3:.*]] = arith.mulf %[[X2]], %[[X]]
//  CHECK-NEXT:     %[[C:.*]] = arith.mulf %[[X3]], %[[CUBIC]]
//  CHECK-NEXT:     %[[S:.*]] = arith.addf %[[X]], %[[C]]
//  CHECK-NEXT:     %[[A:.*]] = arith.mulf %[[S]], %[[ROOT]]
//  CHECK-NEXT:     %[[T:.*]] = math.tanh %[[A]]
//  CHECK-NEXT:     %[[P:.*]] = arith.addf %[[T]], %[[ONE]]
//  CHECK-NEXT:     %[[H:.*]] = arith.mulf %[[X]], %[[HALF]]
//  CHECK-NEXT:     %[[Y:.*]] = arith.mulf %[[H]], %[[P]]
//  CHECK-NEXT:     linalg.yield %[[Y]]
func.func @gelu_tanh(%x: tensor<2x8xf32>) -> tensor<2x8xf32> {
  %y = gpt.gelu %x {approximate = #gpt<gelu_approximation tanh>} : (tensor<2x8xf32>) -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

// -----

// CHECK-LABEL: func.func @silu_f16(
//       CHECK:   %[[X:.*]] = arith.extf %{{.*}} : f16 to f32
//  CHECK-NEXT:   %[[N:.*]] = arith.negf %[[X]]
//  CHECK-NEXT:   %[[E:.*]] = math.exp %[[N]]
//  CHECK-NEXT:   %[[D:.*]] = arith.addf %[[E]], %{{.*}}
//  CHECK-NEXT:   %[[Q:.*]] = arith.divf %[[X]], %[[D]]
//  CHECK-NEXT:   arith.truncf %[[Q]] : f32 to f16
func.func @silu_f16(%x: tensor<?x8xf16>) -> tensor<?x8xf16> {
  %y = gpt.silu %x : (tensor<?x8xf16>) -> tensor<?x8xf16>
  return %y : tensor<?x8xf16>
}

// -----

// CHECK-LABEL: func.func @softmax(
//  CHECK-SAME:   %[[X:.*]]: tensor<?x?x8xf32>)
//       CHECK:   %[[EMPTY:.*]] = tensor.empty
//       CHECK:   %[[Y:.*]] = linalg.softmax dimension(2) ins(%[[X]] : {{.*}}) outs(%[[EMPTY]]
//       CHECK:   return %[[Y]]
func.func @softmax(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %y = gpt.softmax %x : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

// CHECK-LABEL: func.func @softmax_bf16(
//       CHECK:   arith.extf
//       CHECK:   linalg.softmax dimension(0) {{.*}} -> tensor<8xf32>
//       CHECK:   arith.truncf
func.func @softmax_bf16(%x: tensor<8xbf16>) -> tensor<8xbf16> {
  %y = gpt.softmax %x : (tensor<8xbf16>) -> tensor<8xbf16>
  return %y : tensor<8xbf16>
}

// -----

// The scores that the mask was added to are overwritten by the softmax.

// CHECK-DAG: #[[$MASK:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, 0, d2, d3)>
// CHECK-LABEL: func.func @masked_softmax(
//  CHECK-SAME:   %[[X:.*]]: tensor<?x2x?x?xf32>, %[[M:.*]]: tensor<?x1x?x?xbf16>)
//       CHECK:   %[[S:.*]] = linalg.generic {indexing_maps = [#{{.*}}, #[[$MASK]], #{{.*}}]
//  CHECK-SAME:     ins(%[[X]], %[[M]] :
//       CHECK:   linalg.softmax dimension(3) ins(%[[S]] : {{.*}}) outs(%[[S]]
func.func @masked_softmax(%x: tensor<?x2x?x?xf32>, %m: tensor<?x1x?x?xbf16>) -> tensor<?x2x?x?xf32> {
  %y = gpt.masked_softmax %x, %m : (tensor<?x2x?x?xf32>, tensor<?x1x?x?xbf16>) -> tensor<?x2x?x?xf32>
  return %y : tensor<?x2x?x?xf32>
}

// -----

// CHECK-LABEL: func.func @causal_mask(
//  CHECK-SAME:   %[[S:.*]]: index, %[[T:.*]]: index)
//   CHECK-DAG:   %[[FIRST:.*]] = arith.subi %[[T]], %[[S]]
//   CHECK-DAG:   %[[EMPTY:.*]] = tensor.empty(%[[S]], %[[T]]) : tensor<?x?xf32>
//       CHECK:   linalg.generic {{.*}} outs(%[[EMPTY]]
//   CHECK-DAG:     %[[I:.*]] = linalg.index 0
//   CHECK-DAG:     %[[J:.*]] = linalg.index 1
//       CHECK:     %[[P:.*]] = arith.addi %[[FIRST]], %[[I]]
//       CHECK:     %[[V:.*]] = arith.cmpi sle, %[[J]], %[[P]]
//       CHECK:     arith.select %[[V]], %{{.*}}, %{{.*}}
func.func @causal_mask(%s: index, %t: index) -> tensor<?x?xf32> {
  %m = gpt.causal_mask(%s, %t) : tensor<?x?xf32>
  return %m : tensor<?x?xf32>
}

// -----

// CHECK-LABEL: func.func @causal_mask_positions(
//  CHECK-SAME:   %[[P:.*]]: tensor<2xi64>)
//       CHECK:   linalg.generic {{.*}} ins(%[[P]] : tensor<2xi64>) outs(%{{.*}} : tensor<2x1x3x4xbf16>)
//       CHECK:     arith.index_cast %{{.*}} : i64 to index
//   CHECK-DAG:     linalg.index 2
//   CHECK-DAG:     linalg.index 3
//       CHECK:     arith.cmpi sle
//       CHECK:     arith.cmpi sgt
func.func @causal_mask_positions(%p: tensor<2xi64>) -> tensor<2x1x3x4xbf16> {
  %m = gpt.causal_mask() positions(%p : tensor<2xi64>) {window = 2 : i64} : tensor<2x1x3x4xbf16>
  return %m : tensor<2x1x3x4xbf16>
}
