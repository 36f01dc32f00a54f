"""Assertions that a compiled result is as near to the exact one as its arithmetic allows.

The tolerance is that of `gpt_mlir.verify.tolerance`; it is derived, not chosen.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpt_mlir import DType
from gpt_mlir.verify.tolerance import LARGEST, allowed


def assert_close(
    got: NDArray[Any],
    want: NDArray[Any],
    error: NDArray[Any] | float = 4.0,
    *,
    what: str = "result",
) -> None:
    """Asserts that a compiled result is as near to the exact one as its arithmetic allows.

    Args:
        got: The compiled result; its dtype decides how it was rounded.
        want: The exact result, float64. NaN and infinities must be matched.
        error: Bound of the computation's error in units of f32's roundoff.
        what: Names the result in the message.
    """
    assert got.shape == want.shape, f"{what}: shape {got.shape}, expected {want.shape}"
    dtype = DType.of(got.dtype)
    values = got.astype(np.float64)
    finite = np.isfinite(want)
    with np.errstate(invalid="ignore"):
        off = np.abs(values - want)
        limit = allowed(want, dtype, error)
        overflow = np.isinf(values) & (np.abs(want) + limit >= LARGEST[dtype])
        wrong = np.where(finite, ~(off <= limit) & ~overflow, False)
        wrong |= ~finite & ~((values == want) | (np.isnan(values) & np.isnan(want)))
    if wrong.any():
        ratio = np.where(finite, off / limit, np.inf)
        at = np.unravel_index(
            np.argmax(np.where(wrong, np.nan_to_num(ratio, nan=np.inf), -1)), want.shape
        )
        raise AssertionError(
            f"{what} {dtype}{list(want.shape)}: {wrong.sum()} of {want.size} elements are wrong; "
            f"the worst at {[int(i) for i in at]}: {values[at]!r}, expected {want[at]!r} "
            f"within {np.broadcast_to(limit, want.shape)[at]:.3g}"
        )


def assert_equal(got: NDArray[Any], want: NDArray[Any], *, what: str = "result") -> None:
    """Asserts that a result is exact: data movement, indices, comparisons."""
    np.testing.assert_array_equal(got.astype(np.float64), np.asarray(want, np.float64), what)
    assert got.shape == want.shape, f"{what}: shape {got.shape}, expected {want.shape}"
