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

// Packs one tile of 4 rows by 16 features at a time; the last rows are masked.
transform.named_sequence @tile_rows(%pack: !transform.any_op {transform.consumed}) {
  %rows, %forall = transform.structured.tile_using_forall %pack tile_sizes [1]
    : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
  %tile, %loop = transform.structured.tile_using_for %rows tile_sizes [0, 16]
    : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
  transform.structured.vectorize %tile vector_sizes [1, 16, 4] : !transform.any_op
  transform.yield
}

// Vectorises the packing of one panel of a weight.
transform.named_sequence @vectorize_panel(%panel: !transform.any_op {transform.consumed}) {
  // 16 features of 16 outputs, transposed in registers where the weight is stored [n, k].
  %block, %blocks = transform.structured.tile_using_for %panel tile_sizes [0, 16]
    : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
  transform.structured.vectorize %block vector_sizes [1, 16, 16] : !transform.any_op
  transform.yield
}

// Packs a weight panel by panel.
transform.named_sequence @tile_weight(%pack: !transform.any_op {transform.consumed})
    -> !transform.any_op {
  %panel, %panels = transform.structured.tile_using_forall %pack tile_sizes [1]
    : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
  transform.include @vectorize_panel failures(propagate) (%panel) : (!transform.any_op) -> ()
  transform.yield %panels : !transform.any_op
}

// Returns what packs the weight of a projection, nothing if it comes packed.
transform.named_sequence @find_pack(%projection: !transform.any_op {transform.readonly})
    -> !transform.any_op {
  %weight = transform.get_producer_of_operand %projection[1] : (!transform.any_op) -> !transform.any_op
  %packs = transform.foreach %weight : !transform.any_op -> !transform.any_op {
  ^bb0(%producer: !transform.any_op):
    %pack = transform.structured.match ops{["linalg.pack"]} in %producer
      : (!transform.any_op) -> !transform.any_op
    transform.yield %pack : !transform.any_op
  }
  transform.yield %packs : !transform.any_op
}

// One iteration of the outer loop multiplies all rows by one panel of the weight.
// If the weight has to be packed, that is done there, too: the panel stays in the
// cache.
transform.named_sequence @tile_projection(%projection: !transform.any_op {transform.consumed})
    -> !transform.any_op {
  %weight = transform.include @find_pack failures(suppress) (%projection)
    : (!transform.any_op) -> !transform.any_op
  %zeros = transform.get_producer_of_operand %projection[2] : (!transform.any_op) -> !transform.any_op
  // (n1, m1, m0, n0, k)
  %panel, %panels = transform.structured.tile_using_forall %projection tile_sizes [1]
    : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
  %weight_panel, %panels_1 = transform.structured.fuse_into_containing_op %weight into %panels
    : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
  %zero_panel, %panels_2 = transform.structured.fuse_into_containing_op %zeros into %panels_1
    : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
  %tile, %tiles = transform.structured.tile_using_forall %panel tile_sizes [0, 1]
    : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
  %zero_tile, %tiles_1 = transform.structured.fuse_into_containing_op %zero_panel into %tiles
    : (!transform.any_op, !transform.any_op) -> (!transform.any_op, !transform.any_op)
  %step, %steps = transform.structured.tile_using_for %tile tile_sizes [0, 0, 0, 0, 4]
    : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
  %step_1 = transform.structured.generalize %step : (!transform.any_op) -> !transform.any_op
  %zero_tile_1 = transform.structured.generalize %zero_tile : (!transform.any_op) -> !transform.any_op
  transform.foreach %weight_panel : !transform.any_op {
  ^bb0(%packed_panel: !transform.any_op):
    transform.include @vectorize_panel failures(propagate) (%packed_panel) : (!transform.any_op) -> ()
  }
  transform.yield %panels_2 : !transform.any_op
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
    transform.apply_patterns.vector.transfer_permutation_patterns
  } : !transform.any_op
  transform.apply_patterns to %panel { transform.apply_patterns.canonicalization } : !transform.any_op
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

transform.named_sequence @pack(%module: !transform.any_op {transform.readonly}) {
  %sources = transform.structured.match ops{["func.func"]} in %module
    : (!transform.any_op) -> !transform.any_op
  %packed = transform.apply_registered_pass "gpt-pack-projections"
    with options = {"row-tile" = 4, "column-tile" = 16, "depth-multiple" = 16} to %sources
    : (!transform.any_op) -> !transform.any_op
  // Projections of the same rows share one packed copy.
  transform.apply_cse to %packed : !transform.any_op
  transform.yield
}

transform.named_sequence @tile(%module: !transform.any_op {transform.readonly}) {
  %packs = transform.structured.match ops{["linalg.pack"]} attributes{gpt.class = "rows"} in %module
    : (!transform.any_op) -> !transform.any_op
  transform.foreach %packs : !transform.any_op {
  ^bb0(%pack: !transform.any_op):
    transform.include @tile_rows failures(propagate) (%pack) : (!transform.any_op) -> ()
  }
  %projections = transform.structured.match ops{["linalg.contract"]} attributes{gpt.class = "projection"} in %module
    : (!transform.any_op) -> !transform.any_op
  %panels = transform.foreach %projections : !transform.any_op -> !transform.any_op {
  ^bb0(%projection: !transform.any_op):
    %forall = transform.include @tile_projection failures(propagate) (%projection)
      : (!transform.any_op) -> !transform.any_op
    transform.yield %forall : !transform.any_op
  }
  // What is left packs a weight once and for all.
  %weights = transform.structured.match ops{["linalg.pack"]} attributes{gpt.class = "weight"} in %module
    : (!transform.any_op) -> !transform.any_op
  %packed_weights = transform.foreach %weights : !transform.any_op -> !transform.any_op {
  ^bb0(%weight: !transform.any_op):
    %forall = transform.include @tile_weight failures(propagate) (%weight)
      : (!transform.any_op) -> !transform.any_op
    transform.yield %forall : !transform.any_op
  }
  // One at a time: a match searches a single op.
  %loops = transform.merge_handles %panels, %packed_weights : !transform.any_op
  transform.foreach %loops : !transform.any_op {
  ^bb0(%panel: !transform.any_op):
    transform.include @vectorize_panels failures(propagate) (%panel) : (!transform.any_op) -> ()
  }
  // Masks become operands of the transfers: nothing may come between them.
  %functions = transform.structured.match ops{["func.func"]} in %module
    : (!transform.any_op) -> !transform.any_op
  transform.apply_patterns to %functions {
    transform.apply_patterns.vector.lower_masked_transfers
  } : !transform.any_op
  transform.yield
}

transform.named_sequence @lower_vectors(%module: !transform.any_op {transform.readonly}) {
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

}
