// Sequences that the schedules of this folder share; tile sizes are parameters.
//
// A schedule declares those that it includes (`transform.named_sequence private`).

module attributes {transform.with_named_sequence} {

// Packs one tile of rows, 16 features at a time; the last one ends with its tensor.
transform.named_sequence @tile_rows(%pack: !transform.any_op {transform.consumed},
    %row_tile: !transform.param<i64> {transform.readonly}) {
  %rows, %forall = transform.structured.tile_using_forall %pack tile_sizes [1]
    : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
  %tile, %loop = transform.structured.tile_using_for %rows tile_sizes [0, 16]
    : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
  transform.apply_patterns to %forall { transform.apply_patterns.scf.for_loop_canonicalization } : !transform.any_op
  transform.structured.vectorize %tile vector_sizes [1, 16, %row_tile] : !transform.any_op, !transform.param<i64>
  transform.yield
}

// The same with features in pairs: 16 pairs at a time.
transform.named_sequence @tile_pair_rows(%pack: !transform.any_op {transform.consumed},
    %row_tile: !transform.param<i64> {transform.readonly}) {
  %rows, %forall = transform.structured.tile_using_forall %pack tile_sizes [1]
    : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
  %tile, %loop = transform.structured.tile_using_for %rows tile_sizes [0, 16]
    : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
  transform.apply_patterns to %forall { transform.apply_patterns.scf.for_loop_canonicalization } : !transform.any_op
  transform.structured.vectorize %tile vector_sizes [1, 16, %row_tile, 2] : !transform.any_op, !transform.param<i64>
  transform.yield
}

// Packs a tile of rows of a norm from its buffer, 16 features at a time.
transform.named_sequence @tile_norm_rows(%pack: !transform.any_op {transform.consumed},
    %row_tile: !transform.param<i64> {transform.readonly}) {
  %tile, %loop = transform.structured.tile_using_for %pack tile_sizes [0, 16]
    : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
  transform.apply_patterns to %loop { transform.apply_patterns.scf.for_loop_canonicalization } : !transform.any_op
  transform.structured.vectorize %tile vector_sizes [1, 16, %row_tile] : !transform.any_op, !transform.param<i64>
  transform.yield
}

// Packs a panel of a weight, 16 features at a time: transposed in registers where
// the weight is stored [n, k].
transform.named_sequence @tile_weight(%pack: !transform.any_op {transform.consumed},
    %column_tile: !transform.param<i64> {transform.readonly}) {
  %panel, %panels = transform.structured.tile_using_forall %pack tile_sizes [1]
    : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
  %class = transform.param.constant "panels" -> !transform.any_param
  transform.annotate %panels "gpt.class" = %class : !transform.any_op, !transform.any_param
  %block, %blocks = transform.structured.tile_using_for %panel tile_sizes [0, 16]
    : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
  transform.apply_patterns to %panels { transform.apply_patterns.scf.for_loop_canonicalization } : !transform.any_op
  transform.structured.vectorize %block vector_sizes [1, 16, %column_tile] : !transform.any_op, !transform.param<i64>
  transform.yield
}

// The same with features in pairs: 16 pairs at a time.
transform.named_sequence @tile_pair_weight(%pack: !transform.any_op {transform.consumed},
    %column_tile: !transform.param<i64> {transform.readonly}) {
  %panel, %panels = transform.structured.tile_using_forall %pack tile_sizes [1]
    : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
  %class = transform.param.constant "panels" -> !transform.any_param
  transform.annotate %panels "gpt.class" = %class : !transform.any_op, !transform.any_param
  %block, %blocks = transform.structured.tile_using_for %panel tile_sizes [0, 16]
    : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
  transform.apply_patterns to %panels { transform.apply_patterns.scf.for_loop_canonicalization } : !transform.any_op
  transform.structured.vectorize %block vector_sizes [1, 16, %column_tile, 2] : !transform.any_op, !transform.param<i64>
  transform.yield
}

// One iteration of the outer loop multiplies a block of rows by one panel of the
// weight and computes the epilogue on the sums of each tile. Blocks come first, so
// each stays in the cache of a thread while the panels pass, and a thread has rows
// that it has mostly packed itself.
transform.named_sequence @tile_epilogue(%epilogue: !transform.any_op {transform.consumed},
    %row_block: !transform.param<i64> {transform.readonly},
    %row_tile: !transform.param<i64> {transform.readonly},
    %column_tile: !transform.param<i64> {transform.readonly},
    %depth_tile: !transform.param<i64> {transform.readonly}) {
  %product = transform.get_producer_of_operand %epilogue[0] : (!transform.any_op) -> !transform.any_op
  %panel, %panels = transform.structured.tile_using_forall %epilogue tile_sizes [%row_block, %column_tile]
    : (!transform.any_op, !transform.param<i64>, !transform.param<i64>) -> (!transform.any_op, !transform.any_op)
  %tile, %tiles = transform.structured.tile_using_forall %panel tile_sizes [%row_tile]
    : (!transform.any_op, !transform.param<i64>) -> (!transform.any_op, !transform.any_op)
  %class = transform.param.constant "panels" -> !transform.any_param
  transform.annotate %panels "gpt.class" = %class : !transform.any_op, !transform.any_param
  // A tile is a slice of the whole product, not of a slice of it.
  transform.apply_patterns to %panels {
    transform.apply_patterns.tensor.merge_consecutive_insert_extract_slice
  } : !transform.any_op
  transform.include @fuse_product failures(propagate) (%product, %tiles, %row_tile, %column_tile, %depth_tile)
    : (!transform.any_op, !transform.any_op, !transform.param<i64>, !transform.param<i64>, !transform.param<i64>) -> ()
  transform.structured.vectorize %tile vector_sizes [%row_tile, %column_tile] : !transform.any_op, !transform.param<i64>, !transform.param<i64>
  transform.yield
}

// The same with the sums of two products in registers.
transform.named_sequence @tile_joint_epilogue(%epilogue: !transform.any_op {transform.consumed},
    %row_block: !transform.param<i64> {transform.readonly},
    %row_tile: !transform.param<i64> {transform.readonly},
    %column_tile: !transform.param<i64> {transform.readonly},
    %depth_tile: !transform.param<i64> {transform.readonly}) {
  %first = transform.get_producer_of_operand %epilogue[0] : (!transform.any_op) -> !transform.any_op
  %second = transform.get_producer_of_operand %epilogue[1] : (!transform.any_op) -> !transform.any_op
  %panel, %panels = transform.structured.tile_using_forall %epilogue tile_sizes [%row_block, %column_tile]
    : (!transform.any_op, !transform.param<i64>, !transform.param<i64>) -> (!transform.any_op, !transform.any_op)
  %tile, %tiles = transform.structured.tile_using_forall %panel tile_sizes [%row_tile]
    : (!transform.any_op, !transform.param<i64>) -> (!transform.any_op, !transform.any_op)
  %class = transform.param.constant "panels" -> !transform.any_param
  transform.annotate %panels "gpt.class" = %class : !transform.any_op, !transform.any_param
  transform.apply_patterns to %panels {
    transform.apply_patterns.tensor.merge_consecutive_insert_extract_slice
  } : !transform.any_op
  transform.include @fuse_product failures(propagate) (%first, %tiles, %row_tile, %column_tile, %depth_tile)
    : (!transform.any_op, !transform.any_op, !transform.param<i64>, !transform.param<i64>, !transform.param<i64>) -> ()
  transform.include @fuse_product failures(propagate) (%second, %tiles, %row_tile, %column_tile, %depth_tile)
    : (!transform.any_op, !transform.any_op, !transform.param<i64>, !transform.param<i64>, !transform.param<i64>) -> ()
  transform.structured.vectorize %tile vector_sizes [%row_tile, %column_tile] : !transform.any_op, !transform.param<i64>, !transform.param<i64>
  transform.yield
}

// Computes a tile of a product where it is used, a few features at a time.
transform.named_sequence @fuse_product(%product: !transform.any_op {transform.consumed},
    %tiles: !transform.any_op {transform.readonly},
    %row_tile: !transform.param<i64> {transform.readonly},
    %column_tile: !transform.param<i64> {transform.readonly},
    %depth_tile: !transform.param<i64> {transform.readonly}) {
  %contraction = transform.get_producer_of_operand %product[0] : (!transform.any_op) -> !transform.any_op
  %zeros = transform.get_producer_of_operand %contraction[2] : (!transform.any_op) -> !transform.any_op
  %unpacked = transform.gpt.fuse_producer %product into %tiles
    : (!transform.any_op, !transform.any_op) -> !transform.any_op
  %sums = transform.gpt.fuse_producer %contraction into %tiles
    : (!transform.any_op, !transform.any_op) -> !transform.any_op
  %zero_sums = transform.gpt.fuse_producer %zeros into %tiles
    : (!transform.any_op, !transform.any_op) -> !transform.any_op
  // (n1, m1, m0, n0, k)
  %step, %steps = transform.structured.tile_using_for %sums tile_sizes [0, 0, 0, 0, %depth_tile]
    : (!transform.any_op, !transform.param<i64>) -> (!transform.any_op, !transform.any_op)
  %step_1 = transform.structured.generalize %step : (!transform.any_op) -> !transform.any_op
  %zero_sums_1 = transform.structured.generalize %zero_sums : (!transform.any_op) -> !transform.any_op
  transform.structured.vectorize %unpacked vector_sizes [1, 1, %row_tile, %column_tile] : !transform.any_op, !transform.param<i64>, !transform.param<i64>
  transform.yield
}

// One row reads each panel of the weight once, from its begin to its end, and
// computes the epilogue on its sums; the iterations of a thread are panels that
// follow each other in memory. A schedule may read several at a time
// (gpt-jam-panels).
transform.named_sequence @tile_row_epilogue(%epilogue: !transform.any_op {transform.consumed},
    %column_tile: !transform.param<i64> {transform.readonly}) {
  %product = transform.get_producer_of_operand %epilogue[0] : (!transform.any_op) -> !transform.any_op
  %panel, %panels = transform.structured.tile_using_forall %epilogue tile_sizes [%column_tile]
    : (!transform.any_op, !transform.param<i64>) -> (!transform.any_op, !transform.any_op)
  %class = transform.param.constant "row_panels" -> !transform.any_param
  transform.annotate %panels "gpt.class" = %class : !transform.any_op, !transform.any_param
  transform.include @fuse_row_product failures(propagate) (%product, %panels, %column_tile)
    : (!transform.any_op, !transform.any_op, !transform.param<i64>) -> ()
  transform.structured.vectorize %panel vector_sizes [%column_tile] : !transform.any_op, !transform.param<i64>
  transform.yield
}

// The same with the sums of two products.
transform.named_sequence @tile_joint_row_epilogue(%epilogue: !transform.any_op {transform.consumed},
    %column_tile: !transform.param<i64> {transform.readonly}) {
  %first = transform.get_producer_of_operand %epilogue[0] : (!transform.any_op) -> !transform.any_op
  %second = transform.get_producer_of_operand %epilogue[1] : (!transform.any_op) -> !transform.any_op
  %panel, %panels = transform.structured.tile_using_forall %epilogue tile_sizes [%column_tile]
    : (!transform.any_op, !transform.param<i64>) -> (!transform.any_op, !transform.any_op)
  %class = transform.param.constant "row_panels" -> !transform.any_param
  transform.annotate %panels "gpt.class" = %class : !transform.any_op, !transform.any_param
  transform.include @fuse_row_product failures(propagate) (%first, %panels, %column_tile)
    : (!transform.any_op, !transform.any_op, !transform.param<i64>) -> ()
  transform.include @fuse_row_product failures(propagate) (%second, %panels, %column_tile)
    : (!transform.any_op, !transform.any_op, !transform.param<i64>) -> ()
  transform.structured.vectorize %panel vector_sizes [%column_tile] : !transform.any_op, !transform.param<i64>
  transform.yield
}

// Multiplies one row by one panel where the sums are used, eight features at a time.
transform.named_sequence @fuse_row_product(%product: !transform.any_op {transform.consumed},
    %panels: !transform.any_op {transform.readonly},
    %column_tile: !transform.param<i64> {transform.readonly}) {
  %contraction = transform.get_producer_of_operand %product[0] : (!transform.any_op) -> !transform.any_op
  %zeros = transform.get_producer_of_operand %contraction[2] : (!transform.any_op) -> !transform.any_op
  %unpacked = transform.gpt.fuse_producer %product into %panels
    : (!transform.any_op, !transform.any_op) -> !transform.any_op
  %sums = transform.gpt.fuse_producer %contraction into %panels
    : (!transform.any_op, !transform.any_op) -> !transform.any_op
  %zero_sums = transform.gpt.fuse_producer %zeros into %panels
    : (!transform.any_op, !transform.any_op) -> !transform.any_op
  // (n1, n0, k)
  %step, %steps = transform.structured.tile_using_for %sums tile_sizes [0, 0, 8]
    : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
  %step_1 = transform.structured.generalize %step : (!transform.any_op) -> !transform.any_op
  %zero_sums_1 = transform.structured.generalize %zero_sums : (!transform.any_op) -> !transform.any_op
  transform.structured.vectorize %unpacked vector_sizes [1, %column_tile] : !transform.any_op, !transform.param<i64>
  transform.yield
}

// Vectorises one tiled projection or packed weight.
transform.named_sequence @vectorize_panels(%panel: !transform.any_op {transform.readonly}) {
  // Tiles become two-dimensional, and only then vectors.
  transform.apply_patterns to %panel {
    transform.apply_patterns.linalg.fold_unit_extent_dims_via_slices
    transform.apply_patterns.tensor.merge_consecutive_insert_extract_slice
    transform.apply_patterns.canonicalization
  } : !transform.any_op
  %tiles = transform.structured.match ops{["linalg.generic"]} in %panel
    : (!transform.any_op) -> !transform.any_op
  transform.structured.vectorize %tiles : !transform.any_op
  transform.apply_patterns to %panel {
    transform.apply_patterns.vector.reduction_to_contract
    transform.apply_patterns.vector.fold_arith_extension
    transform.apply_patterns.vector.transfer_permutation_patterns
    transform.apply_patterns.vector.sink_ops
    transform.apply_patterns.vector.cast_away_vector_leading_one_dim
  } : !transform.any_op
  transform.apply_patterns to %panel {
    transform.apply_patterns.tensor.fold_tensor_subset_ops_into_vector_transfers
    transform.apply_patterns.canonicalization
  } : !transform.any_op
  // The sums stay in registers while the loop over the depth runs.
  %loops = transform.structured.match interface{LoopLikeInterface} in %panel
    : (!transform.any_op) -> !transform.any_op
  transform.apply_licm to %loops : !transform.any_op
  transform.loop.hoist_loop_invariant_subsets %loops : !transform.any_op
  transform.apply_patterns to %panel {
    transform.apply_patterns.tensor.fold_tensor_subset_ops_into_vector_transfers
    transform.apply_patterns.canonicalization
  } : !transform.any_op
  transform.yield
}

// Tiles and vectorises what gpt-pack-projections has packed.
transform.named_sequence @tile_projections(%module: !transform.any_op {transform.readonly},
    %row_block: !transform.param<i64> {transform.readonly},
    %row_tile: !transform.param<i64> {transform.readonly},
    %column_tile: !transform.param<i64> {transform.readonly},
    %depth_tile: !transform.param<i64> {transform.readonly}) {
  transform.gpt.expect_multiple "row_tile" %row_tile : !transform.param<i64>
  transform.gpt.expect_multiple "row_block" %row_block of "row_tile" %row_tile : !transform.param<i64>, !transform.param<i64>
  transform.gpt.expect_multiple "column_tile" %column_tile : !transform.param<i64>
  transform.gpt.expect_multiple "depth_tile" %depth_tile : !transform.param<i64>
  %sources = transform.structured.match ops{["func.func"]} in %module
    : (!transform.any_op) -> !transform.any_op
  %formed = transform.apply_registered_pass "gpt-form-epilogues" to %sources
    : (!transform.any_op) -> !transform.any_op
  %normed = transform.apply_registered_pass "gpt-fuse-norms" to %formed
    : (!transform.any_op) -> !transform.any_op
  // Each product starts from zeros of its own.
  transform.apply_registered_pass "gpt-duplicate-fills" to %normed
    : (!transform.any_op) -> !transform.any_op
  %norm_rows = transform.structured.match ops{["linalg.pack"]} attributes{gpt.class = "norm_rows"} in %module
    : (!transform.any_op) -> !transform.any_op
  transform.gpt.expect_inner_tile "row_tile" %row_tile of %norm_rows : !transform.param<i64>, !transform.any_op
  transform.foreach %norm_rows : !transform.any_op {
  ^bb0(%pack: !transform.any_op):
    transform.include @tile_norm_rows failures(propagate) (%pack, %row_tile)
      : (!transform.any_op, !transform.param<i64>) -> ()
  }
  %pair_rows = transform.structured.match ops{["linalg.pack"]} attributes{gpt.class = "pair_rows"} in %module
    : (!transform.any_op) -> !transform.any_op
  transform.gpt.expect_inner_tile "row_tile" %row_tile of %pair_rows : !transform.param<i64>, !transform.any_op
  transform.foreach %pair_rows : !transform.any_op {
  ^bb0(%pack: !transform.any_op):
    transform.include @tile_pair_rows failures(propagate) (%pack, %row_tile)
      : (!transform.any_op, !transform.param<i64>) -> ()
  }
  %packs = transform.structured.match ops{["linalg.pack"]} attributes{gpt.class = "rows"} in %module
    : (!transform.any_op) -> !transform.any_op
  transform.gpt.expect_inner_tile "row_tile" %row_tile of %packs : !transform.param<i64>, !transform.any_op
  transform.foreach %packs : !transform.any_op {
  ^bb0(%pack: !transform.any_op):
    transform.include @tile_rows failures(propagate) (%pack, %row_tile)
      : (!transform.any_op, !transform.param<i64>) -> ()
  }
  %pair_weight = transform.structured.match ops{["linalg.pack"]} attributes{gpt.class = "pair_weight"} in %module
    : (!transform.any_op) -> !transform.any_op
  transform.gpt.expect_inner_tile "column_tile" %column_tile of %pair_weight : !transform.param<i64>, !transform.any_op
  transform.foreach %pair_weight : !transform.any_op {
  ^bb0(%pack: !transform.any_op):
    transform.include @tile_pair_weight failures(propagate) (%pack, %column_tile)
      : (!transform.any_op, !transform.param<i64>) -> ()
  }
  %weights = transform.structured.match ops{["linalg.pack"]} attributes{gpt.class = "weight"} in %module
    : (!transform.any_op) -> !transform.any_op
  transform.gpt.expect_inner_tile "column_tile" %column_tile of %weights : !transform.param<i64>, !transform.any_op
  transform.foreach %weights : !transform.any_op {
  ^bb0(%weight: !transform.any_op):
    transform.include @tile_weight failures(propagate) (%weight, %column_tile)
      : (!transform.any_op, !transform.param<i64>) -> ()
  }
  %epilogues = transform.structured.match ops{["linalg.generic"]} attributes{gpt.class = "epilogue"} in %module
    : (!transform.any_op) -> !transform.any_op
  transform.foreach %epilogues : !transform.any_op {
  ^bb0(%epilogue: !transform.any_op):
    transform.include @tile_epilogue failures(propagate) (%epilogue, %row_block, %row_tile, %column_tile, %depth_tile)
      : (!transform.any_op, !transform.param<i64>, !transform.param<i64>, !transform.param<i64>, !transform.param<i64>) -> ()
  }
  %joint = transform.structured.match ops{["linalg.generic"]} attributes{gpt.class = "joint_epilogue"} in %module
    : (!transform.any_op) -> !transform.any_op
  transform.foreach %joint : !transform.any_op {
  ^bb0(%epilogue: !transform.any_op):
    transform.include @tile_joint_epilogue failures(propagate) (%epilogue, %row_block, %row_tile, %column_tile, %depth_tile)
      : (!transform.any_op, !transform.param<i64>, !transform.param<i64>, !transform.param<i64>, !transform.param<i64>) -> ()
  }
  %row_epilogues = transform.structured.match ops{["linalg.generic"]} attributes{gpt.class = "row_epilogue"} in %module
    : (!transform.any_op) -> !transform.any_op
  transform.foreach %row_epilogues : !transform.any_op {
  ^bb0(%epilogue: !transform.any_op):
    transform.include @tile_row_epilogue failures(propagate) (%epilogue, %column_tile)
      : (!transform.any_op, !transform.param<i64>) -> ()
  }
  %joint_rows = transform.structured.match ops{["linalg.generic"]} attributes{gpt.class = "joint_row_epilogue"} in %module
    : (!transform.any_op) -> !transform.any_op
  transform.foreach %joint_rows : !transform.any_op {
  ^bb0(%epilogue: !transform.any_op):
    transform.include @tile_joint_row_epilogue failures(propagate) (%epilogue, %column_tile)
      : (!transform.any_op, !transform.param<i64>) -> ()
  }
  // A tail of rows or columns ends with its tensor.
  %tiled = transform.structured.match ops{["func.func"]} in %module
    : (!transform.any_op) -> !transform.any_op
  transform.apply_registered_pass "gpt-bound-masked-transfers" to %tiled
    : (!transform.any_op) -> !transform.any_op
  %panels = transform.structured.match ops{["scf.forall"]} attributes{gpt.class = "panels"} in %module
    : (!transform.any_op) -> !transform.any_op
  %row_panels = transform.structured.match ops{["scf.forall"]} attributes{gpt.class = "row_panels"} in %module
    : (!transform.any_op) -> !transform.any_op
  %all_panels = transform.merge_handles %panels, %row_panels : !transform.any_op
  // One at a time: a match searches a single op.
  transform.foreach %all_panels : !transform.any_op {
  ^bb0(%panel: !transform.any_op):
    transform.include @vectorize_panels failures(propagate) (%panel) : (!transform.any_op) -> ()
  }
  transform.yield
}

// Takes vectors of tiles apart into vectors of registers.
transform.named_sequence @lower_tiles(%module: !transform.any_op {transform.readonly}) {
  %functions = transform.structured.match ops{["func.func"]} in %module
    : (!transform.any_op) -> !transform.any_op
  // No canonicalization from here on: it would take vectors of vectors apart.
  transform.apply_patterns to %functions {
    transform.apply_patterns.vector.lower_contraction lowering_strategy = "outerproduct"
    transform.apply_patterns.vector.lower_outerproduct
  } : !transform.any_op
  transform.apply_patterns to %functions {
    transform.apply_patterns.vector.lower_transpose lowering_strategy = "shuffle_1d"
  } : !transform.any_op
  transform.apply_patterns to %functions {
    transform.apply_patterns.vector.lower_shape_cast
  } : !transform.any_op
  transform.apply_patterns to %functions {
    transform.apply_patterns.vector.lower_transfer max_transfer_rank = 1
    transform.apply_patterns.vector.transfer_to_scf max_transfer_rank = 1 full_unroll = true
  } : !transform.any_op
  transform.yield
}

// Makes loops over vectors of what is in no tile, on memory; `lanes` is the number of
// floats in a register.
transform.named_sequence @vectorize_rest(%module: !transform.any_op {transform.readonly},
    %lanes: !transform.param<i64> {transform.readonly}) {
  %functions = transform.structured.match ops{["func.func"]} in %module
    : (!transform.any_op) -> !transform.any_op
  %vectors = transform.apply_registered_pass "gpt-vectorize-linalg" with options = {"lanes" = %lanes} to %functions
    : (!transform.any_op, !transform.param<i64>) -> !transform.any_op
  transform.yield
}

}
