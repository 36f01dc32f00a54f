// Schedule for x86 with AVX2: 16 registers of 8 floats.
//
// A projection is tiled to 4 rows by 16 columns: 8 registers hold the sums, two
// a row of the weight panel, and the activation is broadcast from memory.
//
// Target: x86_64 +avx2,+fma
//
// @attention runs on ops of gpt. @pack and @tile run on tensors, before bufferization, @lower_vectors on memory,
// after. Between @pack and @tile, what packs a weight leaves the functions.

module attributes {transform.with_named_sequence} {

transform.named_sequence private @tile_projections(!transform.any_op {transform.readonly},
    !transform.param<i64> {transform.readonly}, !transform.param<i64> {transform.readonly},
    !transform.param<i64> {transform.readonly}, !transform.param<i64> {transform.readonly})
transform.named_sequence private @vectorize_rest(!transform.any_op {transform.readonly}, !transform.param<i64> {transform.readonly})
transform.named_sequence private @lower_tiles(!transform.any_op {transform.readonly})

// Runs on ops of the gpt dialect. 16 queries are in the lanes of two registers; with
// 4 keys, the sums of the scores are 8 registers.
transform.named_sequence @attention(%module: !transform.any_op {transform.readonly}) {
  %functions = transform.structured.match ops{["func.func"]} in %module
    : (!transform.any_op) -> !transform.any_op
  %tiled = transform.apply_registered_pass "convert-gpt-attention-to-vector"
    with options = {"query-tile" = 16, "row-tile" = 4, "key-tile" = 64, "key-part" = 256, "vector-size" = 8} to %functions
    : (!transform.any_op) -> !transform.any_op
  transform.yield
}

transform.named_sequence @pack(%module: !transform.any_op {transform.consumed}) {
  %packed = transform.apply_registered_pass "gpt-pack-projections"
    with options = {"row-tile" = 4, "column-tile" = 16, "depth-multiple" = 16} to %module
    : (!transform.any_op) -> !transform.any_op
  // Projections of the same rows share one packed copy.
  %functions = transform.structured.match ops{["func.func"]} in %packed
    : (!transform.any_op) -> !transform.any_op
  transform.apply_cse to %functions : !transform.any_op
  transform.yield
}

transform.named_sequence @tile(%module: !transform.any_op {transform.readonly}) {
  %row_block = transform.param.constant 128 : i64 -> !transform.param<i64>
  %row_tile = transform.param.constant 4 : i64 -> !transform.param<i64>
  %column_tile = transform.param.constant 16 : i64 -> !transform.param<i64>
  %depth_tile = transform.param.constant 4 : i64 -> !transform.param<i64>
  transform.include @tile_projections failures(propagate) (%module, %row_block, %row_tile, %column_tile, %depth_tile)
    : (!transform.any_op, !transform.param<i64>, !transform.param<i64>, !transform.param<i64>, !transform.param<i64>) -> ()
  // A core of such a processor reads two streams faster than one.
  %rows = transform.structured.match ops{["func.func"]} in %module
    : (!transform.any_op) -> !transform.any_op
  %functions = transform.apply_registered_pass "gpt-jam-panels" with options = {"factor" = 2} to %rows
    : (!transform.any_op) -> !transform.any_op
  // Masks become operands of the transfers: nothing may come between them.
  transform.apply_patterns to %functions {
    transform.apply_patterns.vector.lower_masked_transfers
  } : !transform.any_op
  transform.yield
}

// Runs on memory: what is in no tile becomes loops over vectors.
transform.named_sequence @vectorize(%module: !transform.any_op {transform.readonly}) {
  %lanes = transform.param.constant 8 : i64 -> !transform.param<i64>
  transform.include @vectorize_rest failures(propagate) (%module, %lanes) : (!transform.any_op, !transform.param<i64>) -> ()
  transform.yield
}

transform.named_sequence @lower_vectors(%module: !transform.any_op {transform.readonly}) {
  transform.include @lower_tiles failures(propagate) (%module) : (!transform.any_op) -> ()
  transform.yield
}

}
