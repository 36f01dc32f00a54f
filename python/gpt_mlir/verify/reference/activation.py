"""Activations, softmax and the causal mask."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gpt_mlir.verify.reference.arrays import Array, widen
from gpt_mlir.verify.tolerance import LIBM

__all__ = [
    "causal_mask",
    "gelu",
    "gelu_error",
    "masked_softmax",
    "masked_softmax_error",
    "silu",
    "silu_error",
    "softmax",
    "softmax_error",
]

_erf = np.vectorize(math.erf, otypes=[np.float64])


def gelu(x: Array, *, approximate: str = "none") -> Array:
    """`gpt.gelu`, exactly."""
    x = widen(x)
    if approximate == "tanh":
        return x * 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return x * 0.5 * (1 + _erf(x / np.sqrt(2)))


def gelu_error(x: Array, **_: Any) -> Array:
    """Bound of the error of `gpt.gelu` in units of f32's roundoff."""
    # 1 + erf and 1 + tanh cancel for negative x: their error is absolute, and multiplied by x. The
    # argument of tanh, about x + x^3 / 20, is itself rounded a few times.
    x = np.abs(widen(x))
    return x * (2 * LIBM + 4)


def silu(x: Array) -> Array:
    """`gpt.silu`, exactly."""
    with np.errstate(over="ignore"):
        return widen(x) / (1 + np.exp(-widen(x)))


def silu_error(x: Array) -> Array:
    """Bound of the error of `gpt.silu` in units of f32's roundoff."""
    # Rounding of the argument of exp changes it by |x| units.
    return np.abs(silu(x)) * (np.abs(widen(x)) + LIBM + 4)


def softmax(x: Array) -> Array:
    """`gpt.softmax`, exactly."""
    x = widen(x)
    with np.errstate(invalid="ignore"):
        e = np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
        return e / e.sum(-1, keepdims=True)


def softmax_error(x: Array) -> Array:
    """Bound of the error of `gpt.softmax` in units of f32's roundoff."""
    # x - m is rounded, which changes exp by |x - m| units; the sum of N positive terms by N units.
    x = widen(x)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = softmax(x)
        spread = np.where(p > 0, -np.log(np.where(p > 0, p, 1)), 0)
    return p * (spread + spread.max(initial=0) + x.shape[-1] + 2 * LIBM + 4)


def masked_softmax(x: Array, mask: Array) -> Array:
    """`gpt.masked_softmax`, exactly."""
    return softmax(widen(x) + widen(mask))


def masked_softmax_error(x: Array, mask: Array) -> Array:
    """Bound of the error of `gpt.masked_softmax` in units of f32's roundoff."""
    # The sum of score and mask is rounded, too.
    x, mask = np.broadcast_arrays(widen(x), widen(mask))
    largest = np.abs(np.where(np.isfinite(mask), x + mask, 0)).max(initial=0)
    return softmax_error(x + mask) + 2 * largest * softmax(x + mask)


def causal_mask(
    queries: int, keys: int, positions: Array | None = None, *, window: int | None = None
) -> Array:
    """The additive mask: 0 where visible, -inf elsewhere."""
    if positions is None:
        position = np.arange(queries)[:, None] + keys - queries
    else:
        position = (np.asarray(positions)[:, None] + np.arange(queries))[:, None, :, None]
    key = np.arange(keys)
    visible = key <= position
    if window is not None:
        visible = visible & (key > position - window)
    return np.where(visible, 0.0, -np.inf)
