"""What Python values become before compiled code sees them.

The extension module takes anything with DLPack or the buffer protocol and copies only what is not
contiguous. Three things are left to do here: NumPy has no bfloat16, so arrays of `ml_dtypes`
travel as uint16; plain numbers and lists become arrays; PyTorch tensors that record gradients are
detached.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from gpt_mlir.dtypes import DType
from gpt_mlir.errors import InputError
from gpt_mlir.runtime.signature import TensorSignature

__all__ = ["CARRIERS", "from_carrier", "to_carrier"]

_BF16 = DType.BF16.numpy
_CARRIER = np.dtype(np.uint16)

# Characters of the dtypes whose arrays have DLPack or the buffer protocol.
_EXPORTED = frozenset("?bBhHiIlLqQefdFD")

CARRIERS: Mapping[DType, np.dtype[Any]] = MappingProxyType({DType.BF16: _CARRIER})
"""The dtypes that arrays travel in, where that is not their own."""


def to_carrier(value: Any, argument: TensorSignature) -> Any:
    """Returns `value` in a form that the extension module takes.

    Args:
        value: An array, anything with DLPack, or numbers in lists.
        argument: What the function expects.

    Raises:
        InputError: `value` is no array and cannot become one of the expected dtype, or has a mask.
    """
    # Who has a masked array has loaded its module, which takes longer than many a call.
    masked = sys.modules.get("numpy.ma")
    if masked is not None and isinstance(value, masked.MaskedArray):
        raise InputError(
            f"argument '{argument.name}': expected an array without a mask, "
            f"got {type(value).__name__}; masked_array.filled(value) makes one"
        )
    if isinstance(value, np.ndarray):
        dtype = value.dtype
        # Those that the extension module would not see, would take for others, or has no name of.
        if dtype == _BF16:
            if argument.dtype is not DType.BF16:
                raise _wrong_dtype(argument, dtype)
            return value.view(_CARRIER)
        if dtype == _CARRIER or dtype.char not in _EXPORTED:
            raise _wrong_dtype(argument, dtype)
        if not dtype.isnative:
            raise InputError(
                f"argument '{argument.name}': expected native byte order, got dtype {dtype.str}"
            )
        return value
    if hasattr(value, "__dlpack__"):
        return value.detach() if getattr(value, "requires_grad", False) else value
    if argument.kind == "cache":
        raise InputError(
            f"argument '{argument.name}': expected a writable array, got {type(value).__name__}; "
            "it is updated in place"
        )
    return to_carrier(_convert(value, argument), argument)


def _wrong_dtype(argument: TensorSignature, dtype: np.dtype[Any]) -> InputError:
    return InputError(f"argument '{argument.name}': expected dtype {argument.dtype}, got {dtype}")


def _convert(value: Any, argument: TensorSignature) -> np.ndarray[Any, Any]:
    """Makes an array of numbers in lists, where that loses nothing but precision."""
    try:
        array = np.asarray(value)
    except ValueError as error:  # ragged lists
        raise InputError(f"argument '{argument.name}': {error}") from None
    expected = argument.dtype
    kinds = {"f": "fiu", "i": "iu", "b": "b"}["f" if expected.is_float else expected.numpy.kind]
    if array.dtype.kind not in kinds and array.size > 0:
        raise InputError(
            f"argument '{argument.name}': expected an array of dtype {expected}, "
            f"got {type(value).__name__} of dtype {array.dtype}"
        )
    with np.errstate(over="ignore"):
        converted = array.astype(expected.numpy)
    if expected.is_float:
        fits = np.array_equal(np.isfinite(converted), np.isfinite(array))
    else:
        fits = np.array_equal(converted, array)
    if not fits:
        raise InputError(f"argument '{argument.name}': a value is out of the range of {expected}")
    return converted


def from_carrier(array: Any, dtype: DType) -> np.ndarray[Any, Any]:
    """Returns a result array with its real dtype."""
    result: np.ndarray[Any, Any] = array
    return result.view(_BF16) if dtype is DType.BF16 else result
