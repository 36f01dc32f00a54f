"""Rows of a table, and positions."""

from __future__ import annotations

import numpy as np

from gpt_mlir.verify.reference.arrays import Array

__all__ = [
    "embedding",
    "position_ids",
]


def embedding(table: Array, ids: Array) -> Array:
    """`gpt.embedding`, exactly."""
    return np.asarray(table)[np.clip(ids, 0, len(table) - 1)]


def position_ids(like: Array, positions: Array | None = None) -> Array:
    """`gpt.position_ids`, exactly."""
    batch, seq = np.shape(like)[:2]
    start = np.zeros(batch, np.int64) if positions is None else np.asarray(positions)
    return start[:, None] + np.arange(seq)
