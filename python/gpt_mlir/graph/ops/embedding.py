"""Table look-up and the positions that learned position embeddings look up."""

from __future__ import annotations

from gpt_mlir.dialects import gpt
from gpt_mlir.graph.op_call import OpCall
from gpt_mlir.graph.tensor import Tensor

__all__ = ["embedding", "position_ids"]


def embedding(table: Tensor, ids: Tensor) -> Tensor:
    """Rows of a table. Ids outside the table are clamped.

    Args:
        table: `[V, D]`, f32, bf16 or f16.
        ids: Any shape, i32 or i64.

    Returns:
        `[ids..., D]`, of the dtype of `table`.

    Raises:
        GraphError: `table` is not a float matrix or `ids` not integers.
    """
    call = OpCall("embedding")
    return call.build(
        gpt.EmbeddingOp, table=call.tensor("table", table), ids=call.tensor("ids", ids)
    )


def position_ids(like: Tensor, positions: Tensor | None = None) -> Tensor:
    """Absolute positions of tokens: `s`, or `positions[b] + s`.

    Args:
        like: `[B, S, ...]`, any dtype; only its shape is used.
        positions: `[B]`, i64: the position of the first token of each sequence; 0 if None.

    Returns:
        `[B, S]`, i64.

    Raises:
        GraphError: `like` has a rank below 2, or `positions` does not fit it.
    """
    call = OpCall("position_ids")
    return call.build(
        gpt.PositionIdsOp,
        like=call.tensor("like", like),
        positions=call.optional_tensor("positions", positions),
    )
