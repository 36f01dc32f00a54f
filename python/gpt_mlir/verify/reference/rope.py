"""Rotary position embedding."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpt_mlir.verify.reference.arrays import Array, widen
from gpt_mlir.verify.tolerance import LIBM

__all__ = [
    "rope",
    "rope_error",
    "rope_frequencies",
]


def rope_frequencies(
    dims: int,
    *,
    theta: float = 10000.0,
    scaling: str = "none",
    scaling_factor: float = 1.0,
    low_freq_factor: float = 1.0,
    high_freq_factor: float = 4.0,
    original_context_length: int = 8192,
) -> Array:
    """Returns the angle per position of each of the `dims / 2` pairs."""
    f = theta ** (-2.0 * np.arange(dims // 2) / dims)
    if scaling == "linear":
        return f / scaling_factor
    if scaling == "llama3":
        wavelength = 2 * np.pi / f
        t = (original_context_length / wavelength - low_freq_factor) / (
            high_freq_factor - low_freq_factor
        )
        between = (1 - t) * f / scaling_factor + t * f
        low = np.where(
            wavelength > original_context_length / low_freq_factor, f / scaling_factor, between
        )
        return np.where(wavelength < original_context_length / high_freq_factor, f, low)
    return f


def rope(
    x: Array,
    positions: Array | None = None,
    *,
    num_heads: int,
    rotary_dims: int | None = None,
    style: str = "half_split",
    **frequencies: Any,
) -> Array:
    """`gpt.rope`, exactly."""
    x = widen(x)
    batch, seq, features = x.shape
    heads = x.reshape(batch, seq, num_heads, features // num_heads).copy()
    dims = rotary_dims or heads.shape[-1]
    start = np.zeros(batch) if positions is None else np.asarray(positions)
    angle = (start[:, None] + np.arange(seq))[:, :, None] * rope_frequencies(dims, **frequencies)
    cos, sin = np.cos(angle)[:, :, None], np.sin(angle)[:, :, None]
    if style == "half_split":
        first, second = slice(0, dims // 2), slice(dims // 2, dims)
    else:
        first, second = slice(0, dims, 2), slice(1, dims, 2)
    a, b = heads[..., first].copy(), heads[..., second].copy()
    heads[..., first] = a * cos - b * sin
    heads[..., second] = b * cos + a * sin
    return heads.reshape(x.shape)


def rope_error(x: Array, positions: Array | None = None, **attributes: Any) -> Array:
    """Bound of the error of `gpt.rope` in units of f32's roundoff."""
    # The angle, at most the position, is rounded: the position times the roundings of the
    # frequency and of the product. The magnitude of a pair does not grow.
    x = np.abs(widen(x))
    last = (0 if positions is None else np.max(positions, initial=0)) + x.shape[1]
    largest = 2 * x.max(-1, keepdims=True, initial=0)
    return np.broadcast_to((3 * last + 2 * LIBM + 4) * largest, x.shape)
