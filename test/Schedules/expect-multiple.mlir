// RUN: gpt-opt %s --split-input-file --transform-interpreter --verify-diagnostics

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%module: !transform.any_op {transform.readonly}) {
    %four = transform.param.constant 4 : i64 -> !transform.param<i64>
    %twelve = transform.param.constant 12 : i64 -> !transform.param<i64>
    transform.gpt.expect_multiple "row_tile" %four : !transform.param<i64>
    transform.gpt.expect_multiple "row_block" %twelve of "row_tile" %four : !transform.param<i64>, !transform.param<i64>
    transform.yield
  }
}

// -----

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%module: !transform.any_op {transform.readonly}) {
    %four = transform.param.constant 4 : i64 -> !transform.param<i64>
    %six = transform.param.constant 6 : i64 -> !transform.param<i64>
    // expected-error @below {{expected row_block to be a multiple of row_tile (4), found 6}}
    transform.gpt.expect_multiple "row_block" %six of "row_tile" %four : !transform.param<i64>, !transform.param<i64>
    transform.yield
  }
}

// -----

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%module: !transform.any_op {transform.readonly}) {
    %zero = transform.param.constant 0 : i64 -> !transform.param<i64>
    // expected-error @below {{expected row_tile to be 1 or more, found 0}}
    transform.gpt.expect_multiple "row_tile" %zero : !transform.param<i64>
    transform.yield
  }
}

// -----

module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%module: !transform.any_op {transform.readonly}) {
    %four = transform.param.constant 4 : i64 -> !transform.param<i64>
    %name = transform.param.constant "4" -> !transform.any_param
    // expected-error @below {{expected row_tile to be one integer, 1 or more}}
    transform.gpt.expect_multiple "row_block" %four of "row_tile" %name : !transform.param<i64>, !transform.any_param
    // no error: the first one ends the schedule
    transform.gpt.expect_multiple "row_block" %name : !transform.any_param
    transform.yield
  }
}
