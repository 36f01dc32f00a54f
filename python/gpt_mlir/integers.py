"""What counts as an integer argument: Python's int and NumPy's, but no truth value."""

from __future__ import annotations

import numbers
from typing import Any

__all__ = ["integer_of"]


def integer_of(value: Any) -> int | None:
    """Returns an integer of whatever type as an int; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        return None
    return int(value)
