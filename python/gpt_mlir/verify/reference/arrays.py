"""What the references work on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "widen"]

Array = NDArray[Any]


def widen(x: Array) -> Array:
    """Returns `x` as float64, without rounding."""
    return np.asarray(x).astype(np.float64)
