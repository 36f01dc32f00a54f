// RUN: gpt-opt %s --split-input-file --transform-interpreter --verify-diagnostics

func.func @packed(%rows: tensor<8x16xf32>, %dest: tensor<2x16x4xf32>) -> tensor<2x16x4xf32> {
  %0 = linalg.pack %rows inner_dims_pos = [0] inner_tiles = [4] into %dest : tensor<8x16xf32> -> tensor<2x16x4xf32>
  return %0 : tensor<2x16x4xf32>
}

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%module: !transform.any_op {transform.readonly}) {
    %packs = transform.structured.match ops{["linalg.pack"]} in %module : (!transform.any_op) -> !transform.any_op
    %none = transform.structured.match ops{["linalg.unpack"]} in %module : (!transform.any_op) -> !transform.any_op
    %four = transform.param.constant 4 : i64 -> !transform.param<i64>
    %eight = transform.param.constant 8 : i64 -> !transform.param<i64>
    transform.gpt.expect_inner_tile "row_tile" %four of %packs : !transform.param<i64>, !transform.any_op
    transform.gpt.expect_inner_tile "row_tile" %eight of %none : !transform.param<i64>, !transform.any_op
    // expected-error @below {{expected row_tile to be the first of the tiles [4] that an operand was packed with, found 8}}
    transform.gpt.expect_inner_tile "row_tile" %eight of %packs : !transform.param<i64>, !transform.any_op
    transform.yield
  }
}

// -----

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%module: !transform.any_op {transform.readonly}) {
    %four = transform.param.constant 4 : i64 -> !transform.param<i64>
    // expected-error @below {{expected 'linalg.pack', got 'builtin.module'}}
    transform.gpt.expect_inner_tile "row_tile" %four of %module : !transform.param<i64>, !transform.any_op
    transform.yield
  }
}

// -----

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%module: !transform.any_op {transform.readonly}) {
    %packs = transform.structured.match ops{["linalg.pack"]} in %module : (!transform.any_op) -> !transform.any_op
    %name = transform.param.constant "4" -> !transform.any_param
    // expected-error @below {{expected row_tile to be one integer}}
    transform.gpt.expect_inner_tile "row_tile" %name of %packs : !transform.any_param, !transform.any_op
    transform.yield
  }
}
