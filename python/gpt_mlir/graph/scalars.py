"""Which Python values are numbers and sequences of numbers to the graph builder."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["TEXT_TYPES", "float_of"]

TEXT_TYPES = (str, bytes, bytearray, memoryview)
"""Sequences to Python that are no shape, permutation or sizes."""


def float_of(value: Any) -> float | None:
    """Returns a real number of whatever type as a float; None if it is finite and too large."""
    try:
        number = float(value)
    except OverflowError:
        return None
    # The wider floats of NumPy become infinite silently.
    return None if math.isinf(number) and value != number else number
