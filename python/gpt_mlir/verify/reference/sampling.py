"""Choice of the next token."""

from __future__ import annotations

import numpy as np

from gpt_mlir.verify.reference.activation import softmax
from gpt_mlir.verify.reference.arrays import Array, widen

__all__ = [
    "argmax",
    "sample",
]


def argmax(x: Array) -> Array:
    """`gpt.argmax`, exactly."""
    x = widen(x)
    return np.argmax(np.where(np.isnan(x), -np.inf, x), -1)


def sample(logits: Array, uniform: Array) -> Array:
    """`gpt.sample`, exactly."""
    p = softmax(logits)
    above = np.cumsum(p, -1) > widen(uniform)[..., None]
    last = logits.shape[-1] - 1 - np.argmax(p[..., ::-1] > 0, -1)
    return np.where(above.any(-1), np.argmax(above, -1), last)
