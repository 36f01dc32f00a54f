"""Values of interpreted code, by their types.

Floats are NumPy scalars of their own type, so that each result is rounded as the type says.
Integers are Python's, in two's complement: from -2^(w-1) to 2^(w-1) - 1 for a width of w bits, 0
and 1 for one bit. A tensor is an array that nobody changes, a memref a `Buffer`, a pointer an
integer, a struct or an array of the `llvm` dialect a tuple.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from gpt_mlir import ir
from gpt_mlir.errors import GptMlirError

__all__ = [
    "InterpretError",
    "dense",
    "dtype_of",
    "from_element",
    "is_float",
    "number",
    "shape_of",
    "unsigned",
    "width_of",
    "wrapper",
]


class InterpretError(GptMlirError):
    """The interpreter cannot run what it is given: an op or a type that it does not know."""


_FLOATS: tuple[tuple[Any, np.dtype[Any]], ...] = (
    (ir.F32Type, np.dtype(np.float32)),
    (ir.BF16Type, np.dtype(ml_dtypes.bfloat16)),
    (ir.F16Type, np.dtype(np.float16)),
    (ir.F64Type, np.dtype(np.float64)),
)
_INTEGERS = {1: np.bool_, 8: np.int8, 16: np.int16, 32: np.int32, 64: np.int64}


def is_float(kind: Any) -> bool:
    """Whether a type is one of floats."""
    return any(isinstance(kind, known) for known, _ in _FLOATS)


def width_of(kind: Any) -> int:
    """Returns the bits of an integer type; an index or a pointer has 64."""
    if isinstance(kind, ir.IntegerType):
        return int(kind.width)
    if isinstance(kind, ir.IndexType) or str(kind) == "!llvm.ptr":
        return 64
    raise InterpretError(f"type {kind} cannot be interpreted")


def dtype_of(kind: Any) -> np.dtype[Any]:
    """Returns the type of the elements of arrays of `kind`."""
    for known, dtype in _FLOATS:
        if isinstance(kind, known):
            return dtype
    width = width_of(kind)
    if width not in _INTEGERS:
        raise InterpretError(f"type {kind} cannot be interpreted")
    return np.dtype(_INTEGERS[width])


def wrapper(width: int) -> Callable[[int], int]:
    """Returns what brings an integer into the range of a width."""
    if width == 1:
        return lambda x: x & 1
    half, mask = 1 << (width - 1), (1 << width) - 1
    return lambda x: ((x + half) & mask) - half


def unsigned(width: int) -> Callable[[int], int]:
    """Returns what gives an integer of a width its unsigned value."""
    mask = (1 << width) - 1
    return lambda x: x & mask


def number(kind: Any) -> Callable[[Any], Any]:
    """Returns what makes a value of a scalar type from a Python number."""
    if is_float(kind):
        make: Callable[[Any], Any] = dtype_of(kind).type
        return make
    wrap = wrapper(width_of(kind))
    return lambda x: wrap(int(x))


def from_element(dtype: np.dtype[Any]) -> Callable[[Any], Any] | None:
    """Returns what makes a value of an array's element; None if it is one already."""
    return int if dtype.kind in "iub" else None


def dense(attribute: Any, kind: Any) -> NDArray[Any]:
    """Returns the elements of a dense attribute of a shaped type."""
    dtype, shape = dtype_of(kind.element_type), shape_of(kind)
    if attribute.is_splat:
        return np.full(shape, attribute.get_splat_value().value, dtype)
    values = [attribute[index] for index in range(len(attribute))]
    return np.array(values, dtype).reshape(shape)


def shape_of(kind: Any, dynamic: Sequence[int] = ()) -> list[int]:
    """Returns the shape of a shaped type, with the sizes of its dynamic dimensions."""
    left = iter(dynamic)
    return [
        next(left) if kind.is_dynamic_dim(i) else kind.get_dim_size(i) for i in range(kind.rank)
    ]
