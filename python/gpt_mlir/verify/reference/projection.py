"""Products with a weight and of two activations."""

from __future__ import annotations

import numpy as np

from gpt_mlir.verify.reference.arrays import Array, widen

__all__ = [
    "linear",
    "linear_error",
    "matmul",
    "matmul_error",
]


def linear(
    x: Array, weight: Array, bias: Array | None = None, *, weight_layout: str = "out_in"
) -> Array:
    """`gpt.linear`, exactly."""
    w = widen(weight).T if weight_layout == "out_in" else widen(weight)
    result = widen(x) @ w
    return result if bias is None else result + widen(bias)


def linear_error(
    x: Array, weight: Array, bias: Array | None = None, *, weight_layout: str = "out_in"
) -> Array:
    """Bound of the error of `gpt.linear` in units of f32's roundoff."""
    # A sum of K products, in any order, is off by at most K units of the sum of their magnitudes.
    terms = np.shape(x)[-1] + 2
    return terms * linear(
        np.abs(x),
        np.abs(weight),
        None if bias is None else np.abs(bias),
        weight_layout=weight_layout,
    )


def matmul(lhs: Array, rhs: Array) -> Array:
    """`gpt.matmul`, exactly."""
    return widen(lhs) @ widen(rhs)


def matmul_error(lhs: Array, rhs: Array) -> Array:
    """Bound of the error of `gpt.matmul` in units of f32's roundoff."""
    return (np.shape(lhs)[-1] + 1) * matmul(np.abs(lhs), np.abs(rhs))
