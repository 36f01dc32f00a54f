// The plainest schedule: takes apart what another schedule has made, however far
// that one has come, and adds nothing.
//
// Stands in for the rest of a schedule that was cut off (see schedule_steps.py).
// @pack has nothing to do; @tile and @lower_vectors run where those of the other
// schedule would have.

module attributes {transform.with_named_sequence} {

transform.named_sequence @tile(%module: !transform.any_op {transform.readonly}) {
  // Packed layouts become padded, expanded and transposed copies.
  %packs = transform.structured.match ops{["linalg.pack"]} in %module
    : (!transform.any_op) -> !transform.op<"linalg.pack">
  transform.foreach %packs : !transform.op<"linalg.pack"> {
  ^bb0(%pack: !transform.op<"linalg.pack">):
    transform.structured.lower_pack %pack : (!transform.op<"linalg.pack">)
      -> (!transform.op<"tensor.pad">, !transform.op<"tensor.expand_shape">, !transform.op<"linalg.transpose">)
    transform.yield
  }
  %unpacks = transform.structured.match ops{["linalg.unpack"]} in %module
    : (!transform.any_op) -> !transform.op<"linalg.unpack">
  transform.foreach %unpacks : !transform.op<"linalg.unpack"> {
  ^bb0(%unpack: !transform.op<"linalg.unpack">):
    transform.structured.lower_unpack %unpack : (!transform.op<"linalg.unpack">)
      -> (!transform.op<"tensor.empty">, !transform.op<"linalg.transpose">,
          !transform.op<"tensor.collapse_shape">, !transform.op<"tensor.extract_slice">)
    transform.yield
  }
  %functions = transform.structured.match ops{["func.func"]} in %module
    : (!transform.any_op) -> !transform.any_op
  transform.apply_patterns to %functions {
    transform.apply_patterns.linalg.decompose_pad
    transform.apply_patterns.vector.lower_masked_transfers
  } : !transform.any_op
  transform.yield
}

transform.named_sequence @lower_vectors(%module: !transform.any_op {transform.readonly}) {
  %functions = transform.structured.match ops{["func.func"]} in %module
    : (!transform.any_op) -> !transform.any_op
  transform.apply_patterns to %functions {
    transform.apply_patterns.vector.lower_masked_transfers
  } : !transform.any_op
  transform.apply_patterns to %functions {
    transform.apply_patterns.vector.lower_contraction lowering_strategy = "outerproduct"
    transform.apply_patterns.vector.lower_outerproduct
    transform.apply_patterns.vector.lower_multi_reduction lowering_strategy = "innerreduction"
  } : !transform.any_op
  transform.apply_patterns to %functions {
    transform.apply_patterns.vector.lower_transpose lowering_strategy = "eltwise"
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
