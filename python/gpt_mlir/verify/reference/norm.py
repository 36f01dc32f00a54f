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


def _mean(x: Array) -> Array:
    """Returns the mean of each row, NaN for one without elements."""
    count = x.shape[-1]
    result: Array = x.sum(-1, keepdims=True) / (count or np.nan)
    return result


def layer_norm(x: Array, weight: Array, bias: Array | None = None, *, epsilon: float) -> Array:
    """`gpt.layer_norm`, exactly."""
    x = widen(x)
    x = x - _mean(x)
    result = x / np.sqrt(_mean(x**2) + epsilon) * widen(weight)
    return result if bias is None else result + widen(bias)


def layer_norm_error(
    x: Array, weight: Array, bias: Array | None = None, *, epsilon: float
) -> Array:
    """Bound of the error of `gpt.layer_norm` in units of f32's roundoff."""
    # The mean of D terms is off by D units of the largest; so is each x - mean. The variance is a
    # sum of D squares of such differences.
    x = widen(x)
    deviation = np.sqrt(_mean((x - _mean(x)) ** 2) + epsilon)
    largest = np.abs(x).max(-1, keepdims=True, initial=0)
    error = 2 * (x.shape[-1] + 8) * largest / deviation * np.abs(widen(weight))
    return error if bias is None else error + 2 * np.abs(widen(bias))


def rms_norm(x: Array, weight: Array, *, epsilon: float, unit_offset: bool = False) -> Array:
    """`gpt.rms_norm`, exactly."""
    x = widen(x)
    scale = widen(weight) + (1 if unit_offset else 0)
    return x / np.sqrt(_mean(x**2) + epsilon) * scale


def rms_norm_error(x: Array, weight: Array, *, epsilon: float, unit_offset: bool = False) -> Array:
    """Bound of the error of `gpt.rms_norm` in units of f32's roundoff."""
    # A sum of D squares; 1 + weight is rounded relative to the larger of both.
    result = rms_norm(x, weight, epsilon=epsilon, unit_offset=unit_offset)
    rounding = rms_norm(x, np.abs(weight) + 1, epsilon=epsilon) if unit_offset else 0
    return (np.shape(x)[-1] + 8) * np.abs(result) + 2 * np.abs(rounding)
