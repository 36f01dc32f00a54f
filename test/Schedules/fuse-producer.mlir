// RUN: gpt-opt %s --split-input-file --transform-interpreter --cse --verify-diagnostics | FileCheck %s

// The slice is computed in the loop and written into what the loop carries, as
// both begin as %init. What is used behind the loop stays.

// CHECK-LABEL: func.func @slices
//  CHECK-SAME:   (%[[X:.*]]: tensor<64xf32>, %[[INIT:.*]]: tensor<64xf32>)
//       CHECK:   %[[ALL:.*]] = linalg.exp ins(%[[X]]
//       CHECK:   scf.forall (%{{.*}}) in (4) shared_outs(%[[OUT:.*]] = %[[INIT]])
//       CHECK:     %[[I:.*]] = affine.apply
//   CHECK-DAG:     %[[PART:.*]] = tensor.extract_slice %[[X]][%[[I]]] [16]
//   CHECK-DAG:     %[[PLACE:.*]] = tensor.extract_slice %[[OUT]][%[[I]]] [16]
//       CHECK:     %[[TILE:.*]] = linalg.exp ins(%[[PART]] {{.*}} outs(%[[PLACE]]
//       CHECK:     linalg.negf ins(%[[TILE]]
//       CHECK:   } {done}
//       CHECK:   return %{{.*}}, %[[ALL]]
func.func @slices(%x: tensor<64xf32>, %init: tensor<64xf32>) -> (tensor<64xf32>, tensor<64xf32>) {
  %0 = linalg.exp ins(%x : tensor<64xf32>) outs(%init : tensor<64xf32>) -> tensor<64xf32>
  %1 = linalg.negf ins(%0 : tensor<64xf32>) outs(%init : tensor<64xf32>) -> tensor<64xf32>
  return %1, %0 : tensor<64xf32>, tensor<64xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%module: !transform.any_op {transform.readonly}) {
    %consumer = transform.structured.match ops{["linalg.negf"]} in %module : (!transform.any_op) -> !transform.any_op
    %producer = transform.structured.match ops{["linalg.exp"]} in %module : (!transform.any_op) -> !transform.any_op
    %tile, %loop = transform.structured.tile_using_forall %consumer tile_sizes [16]
      : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    %fused = transform.gpt.fuse_producer %producer into %loop : (!transform.any_op, !transform.any_op) -> !transform.any_op
    // The handle to the loop is still valid.
    transform.annotate %loop "done" : !transform.any_op
    transform.yield
  }
}

// -----

func.func @no_slices(%x: tensor<64xf32>, %y: tensor<64xf32>) -> (tensor<64xf32>, tensor<64xf32>) {
  %0 = linalg.exp ins(%x : tensor<64xf32>) outs(%x : tensor<64xf32>) -> tensor<64xf32>
  %1 = linalg.negf ins(%y : tensor<64xf32>) outs(%y : tensor<64xf32>) -> tensor<64xf32>
  return %0, %1 : tensor<64xf32>, tensor<64xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%module: !transform.any_op {transform.readonly}) {
    %consumer = transform.structured.match ops{["linalg.negf"]} in %module : (!transform.any_op) -> !transform.any_op
    %producer = transform.structured.match ops{["linalg.exp"]} in %module : (!transform.any_op) -> !transform.any_op
    %tile, %loop = transform.structured.tile_using_forall %consumer tile_sizes [16]
      : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    // expected-error @below {{expected the loop to extract slices of the result of 'linalg.exp'}}
    %fused = transform.gpt.fuse_producer %producer into %loop : (!transform.any_op, !transform.any_op) -> !transform.any_op
    transform.yield
  }
}

// -----

func.func @not_tileable(%x: tensor<64xf32>) -> tensor<64xf32> {
  %0 = tensor.cast %x : tensor<64xf32> to tensor<?xf32>
  %1 = tensor.cast %0 : tensor<?xf32> to tensor<64xf32>
  return %1 : tensor<64xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%module: !transform.any_op {transform.readonly}) {
    %casts = transform.structured.match ops{["tensor.cast"]} in %module : (!transform.any_op) -> !transform.any_op
    %one, %other = transform.split_handle %casts : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    // expected-error @below {{expected a producer that can be tiled, got 'tensor.cast'}}
    %fused = transform.gpt.fuse_producer %one into %other : (!transform.any_op, !transform.any_op) -> !transform.any_op
    transform.yield
  }
}

// -----

func.func @too_many(%x: tensor<64xf32>) -> tensor<64xf32> {
  %0 = tensor.cast %x : tensor<64xf32> to tensor<?xf32>
  %1 = tensor.cast %0 : tensor<?xf32> to tensor<64xf32>
  return %1 : tensor<64xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%module: !transform.any_op {transform.readonly}) {
    %casts = transform.structured.match ops{["tensor.cast"]} in %module : (!transform.any_op) -> !transform.any_op
    // expected-error @below {{expected at most one producer and one loop, got 2 and 1}}
    %fused = transform.gpt.fuse_producer %casts into %module : (!transform.any_op, !transform.any_op) -> !transform.any_op
    transform.yield
  }
}
