"""The product with a weight and the product of two activations."""

from __future__ import annotations

from typing import Literal

from gpt_mlir.dialects import gpt
from gpt_mlir.graph.op_call import OpCall
from gpt_mlir.graph.tensor import Tensor

__all__ = ["linear", "matmul"]


def linear(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    weight_layout: Literal["out_in", "in_out"] = "out_in",
) -> Tensor:
    """Product with a weight matrix, plus a bias; sums are taken in f32.

    Args:
        input: `[..., K]`, f32, bf16 or f16.
        weight: `[N, K]` (`out_in`) or `[K, N]` (`in_out`), f32, bf16 or f16.
        bias: `[N]`, f32, bf16 or f16.
        weight_layout: How the checkpoint stores the matrix: `out_in` as PyTorch's `Linear` does,
            `in_out` as GPT-2's `Conv1D` does.

    Returns:
        `[..., N]`, of the dtype of `input`.

    Raises:
        GraphError: `weight` or `bias` does not fit, or `weight_layout` is none of these.
    """
    call = OpCall("linear")
    return call.build(
        gpt.LinearOp,
        input=call.tensor("input", input),
        weight=call.tensor("weight", weight),
        bias=call.optional_tensor("bias", bias),
        weight_layout=call.choice("weight_layout", weight_layout, gpt.WeightLayout),
    )


def matmul(lhs: Tensor, rhs: Tensor) -> Tensor:
    """Batched product of two tensors, sums taken in f32; also `lhs @ rhs`.

    Args:
        lhs: `[batch..., M, K]`, f32, bf16 or f16.
        rhs: `[batch..., K, N]` or `[K, N]`, of the dtype of `lhs`.

    Returns:
        `[batch..., M, N]`.

    Raises:
        GraphError: The shapes do not fit or the dtypes differ.
    """
    call = OpCall("matmul")
    return call.build(gpt.MatmulOp, lhs=call.tensor("lhs", lhs), rhs=call.tensor("rhs", rhs))
