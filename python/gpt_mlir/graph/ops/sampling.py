"""The choice of the next token."""

from __future__ import annotations

from gpt_mlir.dialects import gpt
from gpt_mlir.graph.op_call import OpCall
from gpt_mlir.graph.tensor import Tensor

__all__ = ["argmax", "sample"]


def argmax(input: Tensor) -> Tensor:
    """Index of the largest element of the last dimension; the smallest index where several are.

    Args:
        input: `[..., N]`, f32, bf16 or f16.

    Returns:
        `[...]`, i64.

    Raises:
        GraphError: `input` is not a float tensor of rank 1 or more.
    """
    call = OpCall("argmax")
    return call.build(gpt.ArgmaxOp, input=call.tensor("input", input))


def sample(logits: Tensor, uniform: Tensor) -> Tensor:
    """Draw from the distribution `softmax(logits)` by inverse transform sampling.

    Args:
        logits: `[..., N]`, f32, bf16 or f16.
        uniform: `[...]`, f32, bf16 or f16: numbers drawn from `[0, 1)`.

    Returns:
        `[...]`, i64.

    Raises:
        GraphError: `uniform` has not the shape of `logits` without its last dimension.
    """
    call = OpCall("sample")
    return call.build(
        gpt.SampleOp,
        logits=call.tensor("logits", logits),
        uniform=call.tensor("uniform", uniform),
    )
