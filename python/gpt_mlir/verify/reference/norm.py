"""Normalisation over the last dimension."""

from __future__ import annotations

import numpy as np

from gpt_mlir.verify.reference.arrays import Array, widen

__all__ = [
    "layer_norm",
    "layer_norm_error",
    "rms_norm",
    "rms_norm_error",
]


def layer_norm(x: Array, weight: Array, bias: Array | None = None, *, epsilon: float) -> Array:
    """`gpt.layer_norm`, exactly."""
    x = widen(x)
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    result = (x - mean) / np.sqrt(variance + epsilon) * widen(weight)
    return result if bias is None else result + widen(bias)


def layer_norm_error(
    x: Array, weight: Array, bias: Array | None = None, *, epsilon: float
) -> Array:
    """Bound of the error of `gpt.layer_norm` in units of f32's roundoff."""
    # The mean of D terms is off by D units of the largest; so is each x - mean. The variance is a
    # sum of D squares of such differences.
    x = widen(x)
    deviation = np.sqrt(x.var(-1, keepdims=True) + epsilon)
    largest = np.abs(x).max(-1, keepdims=True, initial=0)
    error = 2 * (x.shape[-1] + 8) * largest / deviation * np.abs(widen(weight))
    return error if bias is None else error + 2 * np.abs(widen(bias))


def rms_norm(x: Array, weight: Array, *, epsilon: float, unit_offset: bool = False) -> Array:
    """`gpt.rms_norm`, exactly."""
    x = widen(x)
    scale = widen(weight) + (1 if unit_offset else 0)
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + epsilon) * scale


def rms_norm_error(x: Array, weight: Array, *, epsilon: float, unit_offset: bool = False) -> Array:
    """Bound of the error of `gpt.rms_norm` in units of f32's roundoff."""
    # A sum of D squares; 1 + weight is rounded relative to the larger of both.
    result = rms_norm(x, weight, epsilon=epsilon, unit_offset=unit_offset)
    rounding = rms_norm(x, np.abs(weight) + 1, epsilon=epsilon) if unit_offset else 0
    return (np.shape(x)[-1] + 8) * np.abs(result) + 2 * np.abs(rounding)
