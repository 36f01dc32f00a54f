"""Arithmetic with broadcasting, casts, and the few shape ops that graphs need."""

from __future__ import annotations

from collections.abc import Sequence

from gpt_mlir import ir
from gpt_mlir.dialects import gpt
from gpt_mlir.dtypes import DTypeLike
from gpt_mlir.graph.op_call import OpCall
from gpt_mlir.graph.tensor import Tensor

__all__ = ["add", "cast", "last_token", "mul", "scale", "split", "transpose"]


def add(lhs: Tensor, rhs: Tensor) -> Tensor:
    """Sum with broadcasting; also `lhs + rhs`.

    Args:
        lhs: Any shape, f32, bf16 or f16.
        rhs: A shape that broadcasts against that of `lhs`, of the same dtype. A dynamic dimension
            is never broadcast, only a static 1.

    Returns:
        A tensor of the common shape.

    Raises:
        GraphError: The shapes do not broadcast or the dtypes differ.
    """
    call = OpCall("add")
    return call.build(gpt.AddOp, lhs=call.tensor("lhs", lhs), rhs=call.tensor("rhs", rhs))


def mul(lhs: Tensor, rhs: Tensor) -> Tensor:
    """Element-wise product with broadcasting; also `lhs * rhs`.

    Args:
        lhs: Any shape, f32, bf16 or f16.
        rhs: A shape that broadcasts against that of `lhs`, of the same dtype.

    Returns:
        A tensor of the common shape.

    Raises:
        GraphError: The shapes do not broadcast or the dtypes differ.
    """
    call = OpCall("mul")
    return call.build(gpt.MulOp, lhs=call.tensor("lhs", lhs), rhs=call.tensor("rhs", rhs))


def scale(input: Tensor, *, factor: float) -> Tensor:
    """Product with a constant; also `input * factor`.

    Args:
        input: Any shape, f32, bf16 or f16.
        factor: Rounded to f32.

    Returns:
        A tensor like `input`.

    Raises:
        GraphError: `input` is not a float tensor or `factor` not a number.
    """
    call = OpCall("scale")
    return call.build(
        gpt.ScaleOp, input=call.tensor("input", input), factor=call.real("factor", factor)
    )


def cast(input: Tensor, *, dtype: DTypeLike) -> Tensor:
    """Conversion between float types, rounding to nearest even.

    Args:
        input: Any shape, f32, bf16 or f16.
        dtype: f32, bf16 or f16.

    Returns:
        A tensor of `dtype` with the shape of `input`.

    Raises:
        GraphError: `input` or `dtype` is not of a float type.
    """
    call = OpCall("cast")
    x = call.tensor("input", input)
    kind = input.type
    result = ir.RankedTensorType.get(
        kind.shape,
        call.dtype("dtype", dtype).mlir(input.graph.context),
        loc=call.site.location(input.graph.context),
    )
    return call.build(gpt.CastOp, result=result, input=x)


def transpose(input: Tensor, *, permutation: Sequence[int]) -> Tensor:
    """Permutation of dimensions; also `input.transpose(permutation)` and `input.T`.

    Args:
        input: Any shape, f32, bf16 or f16.
        permutation: Dimension `i` of the result is dimension `permutation[i]` of `input`.

    Returns:
        A tensor of the permuted shape.

    Raises:
        GraphError: `permutation` is not a permutation of the dimensions of `input`.
    """
    call = OpCall("transpose")
    x = call.tensor("input", input)
    return call.build(
        gpt.TransposeOp, input=x, permutation=call.integers("permutation", permutation)
    )


def split(input: Tensor, num_parts: int, *, num_groups: int = 1) -> tuple[Tensor, ...]:
    """Equal parts of the last dimension.

    Args:
        input: `[..., num_parts * num_groups * size]`, f32, bf16 or f16.
        num_parts: Number of parts.
        num_groups: The last dimension is seen as `[num_groups, num_parts, size]`: with the number
            of heads, queries, keys and values that stand side by side per head (GPT-NeoX) are cut.

    Returns:
        `num_parts` tensors `[..., num_groups * size]`.

    Raises:
        GraphError: The last extent is dynamic or `num_parts * num_groups` does not divide it.
    """
    call = OpCall("split")
    return call.build_all(
        gpt.SplitOp,
        input=call.tensor("input", input),
        num_parts=call.integer("num_parts", num_parts),
        num_groups=call.integer("num_groups", num_groups),
    )


def last_token(input: Tensor) -> Tensor:
    """The last position of each sequence.

    Args:
        input: `[B, S, ...]`, f32, bf16, f16, i32 or i64.

    Returns:
        `[B, 1, ...]`, of the dtype of `input`.

    Raises:
        GraphError: `input` has a rank below 2 or no position.
    """
    call = OpCall("last_token")
    return call.build(gpt.LastTokenOp, input=call.tensor("input", input))
