"""What each op does, one module per dialect."""

from __future__ import annotations

from collections.abc import Mapping

from gpt_mlir.verify.interpreter.dialects import (
    affine_ops,
    arith_ops,
    bufferization_ops,
    builtin_ops,
    control_flow,
    linalg_ops,
    llvm_arith,
    llvm_memory,
    math_ops,
    memref_ops,
    memref_views,
    scf_ops,
    tensor_ops,
)
from gpt_mlir.verify.interpreter.translation import Translate, TranslateEnd

__all__ = ["ENDS", "HANDLERS"]

HANDLERS: Mapping[str, Translate] = {
    **affine_ops.HANDLERS,
    **arith_ops.HANDLERS,
    **bufferization_ops.HANDLERS,
    **builtin_ops.HANDLERS,
    **control_flow.HANDLERS,
    **linalg_ops.HANDLERS,
    **llvm_arith.HANDLERS,
    **llvm_memory.HANDLERS,
    **math_ops.HANDLERS,
    **memref_ops.HANDLERS,
    **memref_views.HANDLERS,
    **scf_ops.HANDLERS,
    **tensor_ops.HANDLERS,
}
ENDS: Mapping[str, TranslateEnd] = control_flow.ENDS
