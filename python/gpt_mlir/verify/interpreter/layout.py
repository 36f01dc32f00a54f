"""How values of the `llvm` dialect lie in memory."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np

from gpt_mlir.verify.interpreter.memory import Memory
from gpt_mlir.verify.interpreter.values import InterpretError
from gpt_mlir.verify.isolation import CrashError

__all__ = ["Aggregate", "Layout", "Scalar", "read_layout"]

_SCALARS: dict[str, Any] = {
    "i1": np.bool_,
    "i8": np.int8,
    "i16": np.int16,
    "i32": np.int32,
    "i64": np.int64,
    "ptr": np.int64,
    "f32": np.float32,
    "f64": np.float64,
    "f16": np.float16,
    "bf16": ml_dtypes.bfloat16,
}


class Layout:
    """The layout of a type.

    Attributes:
        size: Bytes, with those that keep the next one aligned.
        alignment: What its address is a multiple of.
    """

    size: int
    alignment: int

    def read(self, memory: Memory, address: int) -> Any:
        """Returns the value at an address."""
        raise NotImplementedError

    def write(self, memory: Memory, address: int, value: Any) -> None:
        """Writes a value to an address; what is poison is not written."""
        raise NotImplementedError

    def poison(self) -> Any:
        """Returns a value that has no meaning."""
        raise NotImplementedError

    def zero(self) -> Any:
        """Returns the value of zeros."""
        raise NotImplementedError


class Scalar(Layout):
    """A number or a pointer.

    Attributes:
        dtype: Its type.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.size = self.alignment = dtype.itemsize
        self._is_integer = dtype.kind in "ib"

    def read(self, memory: Memory, address: int) -> Any:
        """See `Layout.read`."""
        allocation = memory.find(address, self.size)
        index, rest = divmod(address - allocation.base, self.size)
        if rest:
            raise CrashError(f"reads {self.dtype} from an address that is not aligned")
        value = allocation.typed(self.dtype)[index]
        return int(value) if self._is_integer else value

    def write(self, memory: Memory, address: int, value: Any) -> None:
        """See `Layout.write`."""
        if value is None:
            return
        allocation = memory.find_to_write(address, self.size)
        index, rest = divmod(address - allocation.base, self.size)
        if rest:
            raise CrashError(f"writes {self.dtype} to an address that is not aligned")
        allocation.typed(self.dtype)[index] = value

    def poison(self) -> Any:
        """See `Layout.poison`."""
        return None

    def zero(self) -> Any:
        """See `Layout.zero`."""
        return 0 if self._is_integer else self.dtype.type(0)


class Aggregate(Layout):
    """A struct or an array.

    Attributes:
        fields: The layouts of its elements.
        offsets: Where they lie.
    """

    def __init__(self, fields: Sequence[Layout]) -> None:
        self.fields = list(fields)
        self.offsets: list[int] = []
        end = 0
        self.alignment = max((field.alignment for field in fields), default=1)
        for field in fields:
            end = -(-end // field.alignment) * field.alignment
            self.offsets.append(end)
            end += field.size
        self.size = -(-end // self.alignment) * self.alignment

    def read(self, memory: Memory, address: int) -> Any:
        """See `Layout.read`."""
        return tuple(
            field.read(memory, address + offset)
            for field, offset in zip(self.fields, self.offsets, strict=True)
        )

    def write(self, memory: Memory, address: int, value: Any) -> None:
        """See `Layout.write`."""
        for field, offset, part in zip(self.fields, self.offsets, value, strict=True):
            field.write(memory, address + offset, part)

    def poison(self) -> Any:
        """See `Layout.poison`."""
        return tuple(field.poison() for field in self.fields)

    def zero(self) -> Any:
        """See `Layout.zero`."""
        return tuple(field.zero() for field in self.fields)


@functools.cache
def read_layout(text: str) -> Layout:
    """Returns the layout of a type, which the bindings give as text only.

    Args:
        text: The type: "f32", "!llvm.ptr", "!llvm.struct<(ptr, array<2 x i64>)>".

    Raises:
        InterpretError: It is not known.
    """
    text = text.removeprefix("!llvm.")
    if text == "index":
        text = "i64"
    if text in _SCALARS:
        return Scalar(np.dtype(_SCALARS[text]))
    if text.startswith("struct<(") and text.endswith(")>"):
        return Aggregate([read_layout(part) for part in _split(text[len("struct<(") : -2])])
    if text.startswith("array<") and text.endswith(">"):
        count, _, element = text[len("array<") : -1].partition(" x ")
        if count.isdecimal():
            return Aggregate([read_layout(element)] * int(count))
    raise InterpretError(f"type !llvm.{text} cannot be interpreted")


def _split(text: str) -> list[str]:
    parts, depth, begin = [], 0, 0
    for index, character in enumerate(text):
        depth += (character in "(<") - (character in ")>")
        if character == "," and depth == 0:
            parts.append(text[begin:index].strip())
            begin = index + 1
    last = text[begin:].strip()
    return [*parts, last] if last else parts
