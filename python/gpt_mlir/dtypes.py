"""The element types of tensors, and their names in NumPy and MLIR.

`DType` is a string enum, so `"bf16"` and `DType.BF16` compare and hash alike and either can be
passed wherever a dtype is wanted. bfloat16 is not a NumPy type: `ml_dtypes.bfloat16` stands for it.
MLIR is imported only by the two functions that deal with MLIR types, so that a process that runs
already compiled code never loads it.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

if TYPE_CHECKING:
    from gpt_mlir import ir

__all__ = ["DType", "DTypeLike"]


class DType(enum.StrEnum):
    """An element type, spelled as in MLIR."""

    F32 = "f32"
    BF16 = "bf16"
    F16 = "f16"
    I1 = "i1"
    I32 = "i32"
    I64 = "i64"

    @classmethod
    def of(cls, value: DTypeLike) -> DType:
        """Returns the dtype that `value` names.

        Args:
            value: A `DType`, one of its names, a NumPy dtype, scalar type (also of `ml_dtypes`) or
                name such as "float32", or an MLIR element type.

        Raises:
            TypeError: `value` names no supported dtype; the message lists those there are.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, str) and value in cls._value2member_map_:
            return cls(value)
        if isinstance(value, (np.dtype, type, str)):
            try:
                dtype = np.dtype(value)
            except TypeError:
                dtype = None
            # Not by NumPy's short codes: its "i8" has 8 bytes, MLIR's 8 bits.
            if dtype in _FROM_NUMPY and (not isinstance(value, str) or value == dtype.name):
                return _FROM_NUMPY[dtype]
        elif str(value) in cls._value2member_map_ and hasattr(value, "context"):  # an ir.Type
            return cls(str(value))
        raise TypeError(f"dtype {value!r} is not supported; expected one of {', '.join(cls)}")

    @property
    def numpy(self) -> np.dtype[Any]:
        """The NumPy dtype of arrays of this element type."""
        return _TO_NUMPY[self]

    @property
    def itemsize(self) -> int:
        """Bytes per element in memory; an `i1` takes one."""
        return self.numpy.itemsize

    @property
    def is_float(self) -> bool:
        """Whether this is one of f32, bf16, f16."""
        return self in (DType.F32, DType.BF16, DType.F16)

    @property
    def is_integer(self) -> bool:
        """Whether this is one of i1, i32, i64."""
        return not self.is_float

    def mlir(self, context: ir.Context | None = None) -> ir.Type:
        """Returns the MLIR type, in `context` or the current one."""
        from gpt_mlir import ir

        return ir.Type.parse(self.value, context)


DTypeLike = DType | str | np.dtype[Any] | type | Any

_TO_NUMPY: dict[DType, np.dtype[Any]] = {
    DType.F32: np.dtype(np.float32),
    DType.BF16: np.dtype(ml_dtypes.bfloat16),
    DType.F16: np.dtype(np.float16),
    DType.I1: np.dtype(np.bool_),
    DType.I32: np.dtype(np.int32),
    DType.I64: np.dtype(np.int64),
}
_FROM_NUMPY: dict[np.dtype[Any], DType] = {dtype: name for name, dtype in _TO_NUMPY.items()}
