"""Offsets, sizes and strides, and what reassociates dimensions: shared by `tensor` and `memref`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gpt_mlir import ir
from gpt_mlir.verify.interpreter.translation import Frame
from gpt_mlir.verify.isolation import CrashError

__all__ = ["Slice", "dropped_dims", "groups", "read_slice", "static_or_dynamic"]

_DYNAMIC = ir.ShapedType.get_dynamic_size()


@dataclass(frozen=True)
class Slice:
    """A part of an array.

    Attributes:
        offsets: One per dimension.
        sizes: One per dimension.
        strides: One per dimension.
    """

    offsets: Sequence[int]
    sizes: Sequence[int]
    strides: Sequence[int]

    def index(self, shape: Sequence[int]) -> tuple[slice, ...]:
        """Returns it as an index of an array of a shape.

        Raises:
            CrashError: It is not within the array.
        """
        parts = []
        for extent, offset, size, stride in zip(
            shape, self.offsets, self.sizes, self.strides, strict=True
        ):
            last = offset + (size - 1) * stride
            if size < 0 or (size > 0 and not (0 <= offset < extent and 0 <= last < extent)):
                raise CrashError(
                    f"takes the slice {list(self.offsets)} {list(self.sizes)} "
                    f"{list(self.strides)} of an array {list(shape)}"
                )
            end = offset + size * stride
            parts.append(slice(offset, end if end >= 0 else None, stride) if size else slice(0, 0))
        return tuple(parts)


def static_or_dynamic(
    op: Any, name: str, dynamic: Sequence[int]
) -> tuple[Callable[[Frame], list[int]], int]:
    """Returns what gives the numbers of an attribute, with those that are operands.

    Args:
        op: The op.
        name: The attribute.
        dynamic: The slots of the operands that are left.

    Returns:
        That, and how many operands it takes.
    """
    static = [int(value) for value in op.attributes[name]]
    count = static.count(_DYNAMIC)
    if count == 0:
        return lambda _: static, 0
    places = iter(dynamic)
    slots = [next(places) if value == _DYNAMIC else None for value in static]

    def read(frame: Frame) -> list[int]:
        return [
            value if slot is None else frame[slot]
            for value, slot in zip(static, slots, strict=True)
        ]

    return read, count


def read_slice(op: Any, dynamic: Sequence[int]) -> Callable[[Frame], Slice]:
    """Returns what gives the slice that an op takes or writes.

    Args:
        op: An op with offsets, sizes and strides.
        dynamic: The slots of those that are operands, in this order.
    """
    readers = []
    for name in ("static_offsets", "static_sizes", "static_strides"):
        reader, count = static_or_dynamic(op, name, dynamic)
        dynamic = dynamic[count:]
        readers.append(reader)
    offsets, sizes, strides = readers
    return lambda frame: Slice(offsets(frame), sizes(frame), strides(frame))


def dropped_dims(op: Any, kind: Any) -> tuple[int, ...]:
    """Returns the dimensions of extent 1 of a slice that its type `kind` does not have."""
    sizes = [int(size) for size in op.attributes["static_sizes"]]
    want = [_DYNAMIC if kind.is_dynamic_dim(i) else kind.get_dim_size(i) for i in range(kind.rank)]
    ones = [index for index, size in enumerate(sizes) if size == 1]
    candidates = [
        dropped
        for dropped in itertools.combinations(ones, len(sizes) - len(want))
        if [size for index, size in enumerate(sizes) if index not in dropped] == want
    ]
    if len(candidates) > 1 and isinstance(kind, ir.MemRefType):
        candidates = [d for d in candidates if _strides_fit(op, kind, d)] or candidates
    return candidates[0] if candidates else ()


def _strides_fit(op: Any, kind: Any, dropped: Sequence[int]) -> bool:
    """Whether the strides that are left are those of the type, as far as both are known."""
    source = ir.MemRefType(op.operands[0].type).get_strides_and_offset()[0]
    steps = [int(step) for step in op.attributes["static_strides"]]
    left = [
        _DYNAMIC if _DYNAMIC in (stride, step) else stride * step
        for index, (stride, step) in enumerate(zip(source, steps, strict=True))
        if index not in dropped
    ]
    want = kind.get_strides_and_offset()[0]
    return all(
        _DYNAMIC in (one, other) or one == other for one, other in zip(left, want, strict=True)
    )


def groups(op: Any) -> list[list[int]]:
    """Returns the dimensions that an op makes of one, or makes one of."""
    return [[int(i.value) for i in group] for group in op.attributes["reassociation"]]
