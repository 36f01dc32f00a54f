"""Point-wise non-linearities, softmax and the causal mask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from gpt_mlir.dialects import gpt
from gpt_mlir.dtypes import DTypeLike
from gpt_mlir.graph.declarations import Declaration
from gpt_mlir.graph.op_call import OpCall
from gpt_mlir.graph.scalars import TEXT_TYPES
from gpt_mlir.graph.tensor import Dim, Tensor

if TYPE_CHECKING:
    from gpt_mlir.graph.graph import Graph

__all__ = ["causal_mask", "gelu", "masked_softmax", "silu", "softmax"]


def gelu(input: Tensor, *, approximate: Literal["none", "tanh"] = "none") -> Tensor:
    """Gaussian error linear unit.

    Args:
        input: Any shape, f32, bf16 or f16.
        approximate: `none` for the exact form with erf, `tanh` for the approximation of GPT-2.

    Returns:
        A tensor like `input`.

    Raises:
        GraphError: `input` is not a float tensor, or `approximate` is none of these.
    """
    call = OpCall("gelu")
    x = call.tensor("input", input)
    form = call.choice("approximate", approximate, gpt.GeluApproximation)
    return call.build(gpt.GeluOp, input=x, approximate=form)


def silu(input: Tensor) -> Tensor:
    """Sigmoid linear unit, `x / (1 + exp(-x))`.

    Args:
        input: Any shape, f32, bf16 or f16.

    Returns:
        A tensor like `input`.

    Raises:
        GraphError: `input` is not a float tensor.
    """
    call = OpCall("silu")
    return call.build(gpt.SiluOp, input=call.tensor("input", input))


def softmax(input: Tensor) -> Tensor:
    """Softmax over the last dimension, computed in f32.

    Args:
        input: `[..., N]`, f32, bf16 or f16.

    Returns:
        A tensor like `input`.

    Raises:
        GraphError: `input` is not a float tensor of rank 1 or more.
    """
    call = OpCall("softmax")
    return call.build(gpt.SoftmaxOp, input=call.tensor("input", input))


def masked_softmax(input: Tensor, mask: Tensor) -> Tensor:
    """Softmax of `input + mask` over the last dimension, computed in f32.

    Args:
        input: Scores, `[..., S, T]`, f32, bf16 or f16.
        mask: Broadcasts to `input`; `-inf` hides an entry.

    Returns:
        A tensor like `input`.

    Raises:
        GraphError: `mask` does not broadcast to `input`, or either is not a float tensor.
    """
    call = OpCall("masked_softmax")
    x, m = call.tensor("input", input), call.tensor("mask", mask)
    return call.build(gpt.MaskedSoftmaxOp, input=x, mask=m)


def causal_mask(
    sizes: Sequence[int | str | Dim],
    positions: Tensor | None = None,
    *,
    window: int | None = None,
    dtype: DTypeLike = "f32",
    graph: Graph | None = None,
) -> Tensor:
    """Additive mask that hides the future: 0 where a key is visible, `-inf` elsewhere.

    Args:
        sizes: The numbers of queries `S` and keys `T`: each an int, a `Dim` (`x.shape[1]`) or the
            name of a dynamic dimension of an input.
        positions: `[B]`, i64: query `i` of sequence `b` stands at `positions[b] + i`. Without it,
            query `i` stands at `i + T - S`.
        window: Hide keys at this distance or more, too.
        dtype: Element type of the mask.
        graph: The graph; only needed when neither `positions` nor a `Dim` of `sizes` tells it.

    Returns:
        `[S, T]`, or `[B, 1, S, T]` with `positions`.

    Raises:
        GraphError: `sizes` are not two, name an unknown dimension or are negative; `window` is not
            positive; no graph is known.
    """
    call = OpCall("causal_mask", graph)
    p = call.optional_tensor("positions", positions)
    if not isinstance(sizes, Sequence) or isinstance(sizes, TEXT_TYPES) or len(sizes) != 2:
        raise call.error(f"expected sizes to be (queries, keys), found {sizes!r}")
    extents: list[int | Dim] = []
    for size in sizes:
        if isinstance(size, Dim):
            call.tensor("sizes", size.tensor)
        if call.graph is None and isinstance(size, str):
            raise call.error(f"expected graph=... to find the dimension named {size!r} in")
        if isinstance(size, (Dim, str)):
            assert call.graph is not None
            extents.append(call.graph._dims.find(call.graph, size, call.site))
        else:
            extents.append(call.integer("sizes", size))
    if call.graph is None:
        raise call.error("expected graph=... because sizes are all static")
    if any(isinstance(extent, int) and extent < 0 for extent in extents):
        raise call.error(f"expected sizes not to be negative, found {sizes!r}")
    if positions is not None:
        batch = positions.shape[0] if positions.rank else 1
        extents = [batch, 1, *extents]
    location = call.site.location(call.graph.context)
    result = Declaration("causal_mask", extents, dtype, call.site).type(location)
    point = call.graph._before_terminator()
    indices = [
        call.graph._dims.build_size(extent, point, location)
        for extent in extents
        if isinstance(extent, Dim)
    ]
    return call.build(
        gpt.CausalMaskOp,
        result=result,
        sizes=indices,
        positions=p,
        window=call.optional_integer("window", window),
    )
