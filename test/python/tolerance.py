"""How far a compiled result may be from the exact one.

Every tolerance is derived: from the precision of the result's dtype, and from the number of
roundings in f32 on the way. A value is right when

    |got - want| <= roundoff(dtype) * |want| + tiny(dtype) + F32_ROUNDOFF * error

where `error` is the bound of the computation in f32, in units of its roundoff, that `reference.py`
gives for each op.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpt_mlir import DType

# Half the distance from 1 to the next number: the relative error of one rounding to nearest.
ROUNDOFF = {DType.F32: 2.0**-24, DType.BF16: 2.0**-8, DType.F16: 2.0**-11}
F32_ROUNDOFF = ROUNDOFF[DType.F32]

# The smallest positive number: the absolute error of one rounding near zero. Code may also flush
# the denormal numbers of f32 and bf16 to zero, so these have the smallest normal one.
TINY = {DType.F32: 2.0**-126, DType.BF16: 2.0**-126, DType.F16: 2.0**-24}

# Roundings within one call of exp, erf, tanh, sin or cos: libm is good to 1 unit in the last
# place, vectorized approximations to about 4, and one unit is two roundoffs.
LIBM = 8

# A result is computed in f32 and then rounded to its own type; where both roundings go the same
# way the error is a little more than one roundoff.
RESULT_ROUNDINGS = 1.01


def allowed(want: NDArray[Any], dtype: DType, error: NDArray[Any] | float) -> NDArray[np.float64]:
    """Returns the greatest error that each element of a result of `dtype` may have."""
    result: NDArray[np.float64] = (
        RESULT_ROUNDINGS * ROUNDOFF[dtype] * np.abs(want) + TINY[dtype] + F32_ROUNDOFF * error
    )
    return result


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
    largest = {DType.F16: 65504.0}.get(dtype, float(np.finfo(np.float32).max))
    with np.errstate(invalid="ignore"):
        off = np.abs(values - want)
        limit = allowed(want, dtype, error)
        overflow = np.isinf(values) & (np.abs(want) + limit >= largest)
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
