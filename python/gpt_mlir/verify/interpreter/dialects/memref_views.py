"""The `memref` dialect: views of buffers, which share their memory."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from gpt_mlir.verify.interpreter.dialects.slices import (
    dropped_dims,
    groups,
    read_slice,
    static_or_dynamic,
)
from gpt_mlir.verify.interpreter.dialects.steps import moved
from gpt_mlir.verify.interpreter.memory import Buffer, row_major
from gpt_mlir.verify.interpreter.translation import Frame, Step, Translate, Translation
from gpt_mlir.verify.interpreter.values import dtype_of, shape_of
from gpt_mlir.verify.isolation import CrashError

__all__ = ["HANDLERS"]


def _subview(translation: Translation, op: Any) -> Step:
    (source, *dynamic), (result,) = translation.uses(op), translation.defines(op)
    read, dropped = read_slice(op, dynamic), dropped_dims(op, op.results[0].type)

    def step(frame: Frame) -> None:
        buffer, part = frame[source], read(frame)
        offset = buffer.offset + sum(
            position * stride for position, stride in zip(part.offsets, buffer.strides, strict=True)
        )
        strides = [a * b for a, b in zip(part.strides, buffer.strides, strict=True)]
        kept = [axis for axis in range(len(strides)) if axis not in dropped]
        frame[result] = buffer.view(
            offset, [part.sizes[axis] for axis in kept], [strides[axis] for axis in kept]
        )

    return step


def _expand_shape(translation: Translation, op: Any) -> Step:
    (source, *dynamic), (result,) = translation.uses(op), translation.defines(op)
    read, _ = static_or_dynamic(op, "static_output_shape", dynamic)
    apart = groups(op)

    def step(frame: Frame) -> None:
        buffer, shape = frame[source], read(frame)
        strides = [1] * len(shape)
        for group, size, stride in zip(apart, buffer.sizes, buffer.strides, strict=False):
            if math.prod(shape[axis] for axis in group) != size:
                raise CrashError(f"expands {list(buffer.sizes)} to {shape}")
            for axis in reversed(group):
                strides[axis] = stride
                stride *= shape[axis]
        frame[result] = buffer.view(buffer.offset, shape, strides)

    return step


def _collapse_shape(translation: Translation, op: Any) -> Step:
    (source,), (result,) = translation.uses(op), translation.defines(op)
    together = groups(op)

    def step(frame: Frame) -> None:
        buffer = frame[source]
        sizes, strides = buffer.sizes, buffer.strides
        frame[result] = buffer.view(
            buffer.offset,
            [math.prod(sizes[axis] for axis in group) for group in together],
            [_common_stride(sizes, strides, group) for group in together],
        )

    return step


def _common_stride(sizes: Sequence[int], strides: Sequence[int], group: Sequence[int]) -> int:
    """Returns the stride of the dimension that a group becomes.

    Raises:
        CrashError: Its elements do not have one.
    """
    axes = [axis for axis in group if sizes[axis] != 1]
    if not axes:
        return strides[group[-1]]
    for outer, inner in itertools.pairwise(axes):
        if strides[outer] != strides[inner] * sizes[inner] and 0 not in sizes:
            raise CrashError(
                f"collapses {list(sizes)} with strides {list(strides)}, which do not allow it"
            )
    return strides[axes[-1]]


def _reinterpret_cast(translation: Translation, op: Any) -> Step:
    (source, *dynamic), (result,) = translation.uses(op), translation.defines(op)
    read = read_slice(op, dynamic)

    def step(frame: Frame) -> None:
        part = read(frame)
        frame[result] = frame[source].view(part.offsets[0], part.sizes, part.strides)

    return step


def _view(translation: Translation, op: Any) -> Step:
    (source, shift, *dynamic), (result,) = translation.uses(op), translation.defines(op)
    kind, memory = op.results[0].type, translation.machine.memory
    dtype = dtype_of(kind.element_type)

    def step(frame: Frame) -> None:
        buffer = frame[source]
        shape = shape_of(kind, [frame[size] for size in dynamic])
        begin = buffer.aligned + buffer.offset + frame[shift]
        frame[result] = Buffer(memory, dtype, buffer.base, begin, 0, shape, row_major(shape))

    return step


def _metadata(translation: Translation, op: Any) -> Step:
    (source,), (base, offset, *rest) = translation.uses(op), translation.defines(op)

    def step(frame: Frame) -> None:
        buffer = frame[source]
        frame[base] = buffer.view(0, [], [])
        frame[offset] = buffer.offset
        for slot, value in zip(rest, [*buffer.sizes, *buffer.strides], strict=True):
            frame[slot] = value

    return step


HANDLERS: Mapping[str, Translate] = {
    "memref.cast": moved,
    "memref.collapse_shape": _collapse_shape,
    "memref.expand_shape": _expand_shape,
    "memref.extract_strided_metadata": _metadata,
    "memref.memory_space_cast": moved,
    "memref.reinterpret_cast": _reinterpret_cast,
    "memref.subview": _subview,
    "memref.view": _view,
}
