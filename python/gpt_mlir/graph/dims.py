"""Which input dimension a dimension of a computed tensor equals.

Asked of the ops themselves, through their shape reification: Python knows no shape rule.
"""

from __future__ import annotations

from gpt_mlir import ir
from gpt_mlir._mlir_libs import _gpt

__all__ = ["source"]


def source(value: ir.Value, axis: int) -> tuple[ir.Value, int]:
    """Returns the value and axis, nearest to the function's arguments, of the same size."""
    found, found_axis = _gpt.find_dim_source(value, axis)
    return found, found_axis
