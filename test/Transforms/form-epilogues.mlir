// What follows a product element by element is gathered in one op.
// RUN: gpt-opt %s --split-input-file --gpt-to-linalg-pipeline --gpt-pack-projections --gpt-form-epilogues --cse | FileCheck %s

// Bias, activation and residual, behind the view that restores the batch.
// CHECK-LABEL: func.func @bias_gelu_residual
// CHECK-SAME: (%[[X:.*]]: tensor<?x?x48xf32>, %[[W:.*]]: tensor<96x48xf32>, %[[B:.*]]: tensor<96xf32>, %[[R:.*]]: tensor<?x?x96xf32>)
// CHECK: %[[P:.*]] = linalg.unpack {{.*}}{gpt.class = "product"} : tensor<?x3x8x32xf32> -> tensor<?x96xf32>
// CHECK: %[[RC:.*]] = tensor.collapse_shape %[[R]] {{\[\[}}0, 1], [2]]
// CHECK: %[[E:.*]] = linalg.generic {{.*}} ins(%[[P]], {{.*}}%[[B]]{{.*}} : tensor<?x96xf32>, {{.*}}) outs(%{{.*}} : tensor<?x96xf32>) attrs = {gpt.class = "epilogue"}
// CHECK: math.erf
// CHECK: linalg.yield
// CHECK-NOT: linalg.
// CHECK: %[[Y:.*]] = tensor.expand_shape %[[E]] {{\[\[}}0, 1], [2]]
// CHECK: return %[[Y]]
func.func @bias_gelu_residual(%x: tensor<?x?x48xf32>, %w: tensor<96x48xf32>, %b: tensor<96xf32>, %r: tensor<?x?x96xf32>) -> tensor<?x?x96xf32> {
  %0 = gpt.linear %x, %w bias(%b) : (tensor<?x?x48xf32>, tensor<96x48xf32>, tensor<96xf32>) -> tensor<?x?x96xf32>
  %1 = gpt.gelu %0 : (tensor<?x?x96xf32>) -> tensor<?x?x96xf32>
  %2 = gpt.add %r, %1 : (tensor<?x?x96xf32>, tensor<?x?x96xf32>) -> tensor<?x?x96xf32>
  return %2 : tensor<?x?x96xf32>
}

// -----

// Two products that meet are computed together.
// CHECK-LABEL: func.func @gate
// CHECK-DAG: %[[G:.*]] = linalg.unpack
// CHECK-DAG: %[[U:.*]] = linalg.unpack
// CHECK: linalg.generic {{.*}} ins(%[[A:.*]], %[[B:.*]] : tensor<?x96xf32>, tensor<?x96xf32>) {{.*}}attrs = {gpt.class = "joint_epilogue"}
// CHECK: math.exp
func.func @gate(%x: tensor<?x?x48xf32>, %w: tensor<96x48xf32>, %v: tensor<96x48xf32>) -> tensor<?x?x96xf32> {
  %0 = gpt.linear %x, %w : (tensor<?x?x48xf32>, tensor<96x48xf32>) -> tensor<?x?x96xf32>
  %1 = gpt.silu %0 : (tensor<?x?x96xf32>) -> tensor<?x?x96xf32>
  %2 = gpt.linear %x, %v : (tensor<?x?x48xf32>, tensor<96x48xf32>) -> tensor<?x?x96xf32>
  %3 = gpt.mul %1, %2 : (tensor<?x?x96xf32>, tensor<?x?x96xf32>) -> tensor<?x?x96xf32>
  return %3 : tensor<?x?x96xf32>
}

// -----

// A product that is returned as well, or that nothing follows, is stored as it is.
// CHECK-LABEL: func.func @two_readers
// CHECK: %[[P:.*]] = linalg.unpack
// CHECK: %[[E:.*]] = linalg.generic {{.*}} ins(%[[P]] : tensor<?x96xf32>) {{.*}}attrs = {gpt.class = "epilogue"}
// CHECK-NEXT: ^bb0(%[[IN:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: linalg.yield %[[IN]]
// CHECK: linalg.generic
// CHECK: math.erf
func.func @two_readers(%x: tensor<?x48xf32>, %w: tensor<96x48xf32>) -> (tensor<?x96xf32>, tensor<?x96xf32>) {
  %0 = gpt.linear %x, %w : (tensor<?x48xf32>, tensor<96x48xf32>) -> tensor<?x96xf32>
  %1 = gpt.gelu %0 : (tensor<?x96xf32>) -> tensor<?x96xf32>
  return %0, %1 : tensor<?x96xf32>, tensor<?x96xf32>
}

// -----

// A tile is computed to its end: what may trap there is computed by itself.
// CHECK-LABEL: func.func @division
// CHECK: %[[P:.*]] = linalg.unpack
// CHECK: linalg.generic {{.*}} ins(%[[P]] : tensor<?x96xf32>) {{.*}}attrs = {gpt.class = "epilogue"}
// CHECK-NEXT: ^bb0(%[[IN:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: linalg.yield %[[IN]]
// CHECK: linalg.generic
// CHECK: arith.divsi
#map = affine_map<(i, j) -> (i, j)>
func.func @division(%x: tensor<?x48xf32>, %w: tensor<96x48xf32>, %n: tensor<?x96xi32>, %d: tensor<?x96xi32>, %to: tensor<?x96xf32>) -> tensor<?x96xf32> {
  %0 = gpt.linear %x, %w : (tensor<?x48xf32>, tensor<96x48xf32>) -> tensor<?x96xf32>
  %1 = linalg.generic {indexing_maps = [#map, #map, #map, #map], iterator_types = ["parallel", "parallel"]}
      ins(%0, %n, %d : tensor<?x96xf32>, tensor<?x96xi32>, tensor<?x96xi32>) outs(%to : tensor<?x96xf32>) {
  ^bb0(%product: f32, %a: i32, %b: i32, %out: f32):
    %quotient = arith.divsi %a, %b : i32
    %float = arith.sitofp %quotient : i32 to f32
    %sum = arith.addf %product, %float : f32
    linalg.yield %sum : f32
  } -> tensor<?x96xf32>
  return %1 : tensor<?x96xf32>
}
