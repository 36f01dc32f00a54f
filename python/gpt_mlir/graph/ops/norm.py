"""LayerNorm and RMSNorm over the last dimension."""

from __future__ import annotations

from gpt_mlir.dialects import gpt
from gpt_mlir.graph.op_call import OpCall
from gpt_mlir.graph.tensor import Tensor

__all__ = ["layer_norm", "rms_norm"]


def layer_norm(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, *, epsilon: float
) -> Tensor:
    """Layer normalisation over the last dimension, computed in f32.

    Args:
        input: `[..., D]`, f32, bf16 or f16.
        weight: `[D]`, f32, bf16 or f16.
        bias: `[D]`, f32, bf16 or f16.
        epsilon: Added to the variance.

    Returns:
        A tensor like `input`.

    Raises:
        GraphError: `weight` or `bias` does not fit `input`, or `epsilon` is negative.
    """
    call = OpCall("layer_norm")
    return call.build(
        gpt.LayerNormOp,
        input=call.tensor("input", input),
        weight=call.tensor("weight", weight),
        bias=call.optional_tensor("bias", bias),
        epsilon=call.real("epsilon", epsilon),
    )


def rms_norm(input: Tensor, weight: Tensor, *, epsilon: float, unit_offset: bool = False) -> Tensor:
    """Root-mean-square normalisation over the last dimension, computed in f32.

    Args:
        input: `[..., D]`, f32, bf16 or f16.
        weight: `[D]`, f32, bf16 or f16.
        epsilon: Added to the mean square.
        unit_offset: Multiply by `1 + weight` instead of `weight` (Gemma).

    Returns:
        A tensor like `input`.

    Raises:
        GraphError: `weight` does not fit `input`, or `epsilon` is negative.
    """
    call = OpCall("rms_norm")
    return call.build(
        gpt.RmsNormOp,
        input=call.tensor("input", input),
        weight=call.tensor("weight", weight),
        epsilon=call.real("epsilon", epsilon),
        unit_offset=call.flag("unit_offset", unit_offset),
    )
