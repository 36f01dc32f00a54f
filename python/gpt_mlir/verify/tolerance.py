"""How far a compiled result may be from the exact one.

Every tolerance is derived: from the precision of the result's dtype, and from the number of
roundings in f32 on the way, which follows from the lengths of the reductions. A value is right when

    |got - want| <= RESULT_ROUNDINGS * ROUNDOFF[dtype] * |want| + TINY[dtype] + F32_ROUNDOFF * error

where `error` is the bound of the computation in f32, in units of its roundoff, that
`gpt_mlir.verify.reference` gives for each op. What an op may round to a narrower type on the way is
part of it: the weights of attention where all operands are bf16.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpt_mlir.dtypes import DType

__all__ = [
    "F32_ROUNDOFF",
    "LARGEST",
    "LIBM",
    "RESULT_ROUNDINGS",
    "ROUNDOFF",
    "SAFETY",
    "TINY",
    "allowed",
]

# Half the distance from 1 to the next number: the relative error of one rounding to nearest.
ROUNDOFF = {DType.F32: 2.0**-24, DType.BF16: 2.0**-8, DType.F16: 2.0**-11}
F32_ROUNDOFF = ROUNDOFF[DType.F32]

# The smallest positive number: the absolute error of one rounding near zero. Code may also flush
# the denormal numbers of f32 and bf16 to zero, so these have the smallest normal one.
TINY = {DType.F32: 2.0**-126, DType.BF16: 2.0**-126, DType.F16: 2.0**-24}

# The largest finite number: beyond it a result may be an infinity.
LARGEST = {
    DType.F32: float(np.finfo(np.float32).max),
    DType.BF16: float(np.finfo(np.float32).max),
    DType.F16: 65504.0,
}

# Roundings within one call of exp, erf, tanh, sin or cos: libm is good to 1 unit in the last
# place, vectorized approximations to about 4, and one unit is two roundoffs.
LIBM = 8

# A result is computed in f32 and then rounded to its own type; where both roundings go the same
# way the error is a little more than one roundoff.
RESULT_ROUNDINGS = 1.01

# Standard deviations that a result of many ops may be away. The largest of a million normal
# deviates is at 5; the rounding of narrow types is as large as the noise that stands for it.
SAFETY = 8.0


def allowed(want: NDArray[Any], dtype: DType, error: NDArray[Any] | float) -> NDArray[np.float64]:
    """Returns the greatest error that each element of a result of `dtype` may have."""
    result: NDArray[np.float64] = (
        RESULT_ROUNDINGS * ROUNDOFF[dtype] * np.abs(want) + TINY[dtype] + F32_ROUNDOFF * error
    )
    return result
