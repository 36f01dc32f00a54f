"""The `tensor` dialect: arrays that are never changed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from gpt_mlir.verify.interpreter.dialects.slices import (
    dropped_dims,
    groups,
    read_slice,
    static_or_dynamic,
)
from gpt_mlir.verify.interpreter.dialects.steps import moved
from gpt_mlir.verify.interpreter.translation import Frame, Step, Translate, Translation
from gpt_mlir.verify.interpreter.values import dtype_of, from_element, shape_of
from gpt_mlir.verify.isolation import CrashError

__all__ = ["HANDLERS", "checked_index"]

_UNWRITTEN = 0xFF


def checked_index(shape: tuple[int, ...], index: tuple[int, ...]) -> tuple[int, ...]:
    """Returns an index of an element.

    Raises:
        CrashError: The array has no such element.
    """
    for extent, position in zip(shape, index, strict=True):
        if not 0 <= position < extent:
            raise CrashError(f"uses the element {list(index)} of an array {list(shape)}")
    return index


def _empty(translation: Translation, op: Any) -> Step:
    kind, sizes, (result,) = op.results[0].type, translation.uses(op), translation.defines(op)
    dtype = dtype_of(kind.element_type)

    def step(frame: Frame) -> None:
        shape = shape_of(kind, [frame[size] for size in sizes])
        if min(shape, default=0) < 0:
            raise CrashError(f"makes a tensor of the shape {shape}")
        unwritten = np.full(math.prod(shape) * dtype.itemsize, _UNWRITTEN, np.uint8)
        frame[result] = unwritten.view(dtype).reshape(shape)

    return step


def _dim(translation: Translation, op: Any) -> Step:
    (source, axis), (result,) = translation.uses(op), translation.defines(op)

    def step(frame: Frame) -> None:
        (position,) = checked_index((frame[source].ndim,), (frame[axis],))
        frame[result] = int(frame[source].shape[position])

    return step


def _extract(translation: Translation, op: Any) -> Step:
    (source, *indices), (result,) = translation.uses(op), translation.defines(op)
    convert = from_element(dtype_of(op.results[0].type))

    def step(frame: Frame) -> None:
        array = frame[source]
        element = array[checked_index(array.shape, tuple([frame[index] for index in indices]))]
        frame[result] = element if convert is None else convert(element)

    return step


def _insert(translation: Translation, op: Any) -> Step:
    (scalar, target, *indices), (result,) = translation.uses(op), translation.defines(op)

    def step(frame: Frame) -> None:
        array = frame[target].copy()
        array[checked_index(array.shape, tuple([frame[index] for index in indices]))] = frame[
            scalar
        ]
        frame[result] = array

    return step


def _extract_slice(translation: Translation, op: Any) -> Step:
    (source, *dynamic), (result,) = translation.uses(op), translation.defines(op)
    read, kind = read_slice(op, dynamic), op.results[0].type
    dropped = dropped_dims(op, kind)

    def step(frame: Frame) -> None:
        array = frame[source]
        frame[result] = array[read(frame).index(array.shape)].squeeze(dropped)

    return step


def _insert_slice(translation: Translation, op: Any) -> Step:
    (source, target, *dynamic), (result,) = translation.uses(op), translation.defines(op)
    read = read_slice(op, dynamic)

    def step(frame: Frame) -> None:
        array = frame[target].copy()
        place = read(frame).index(array.shape)
        if array[place].size != frame[source].size:
            raise CrashError(
                f"writes {list(frame[source].shape)} to a slice {list(array[place].shape)}"
            )
        array[place] = frame[source].reshape(array[place].shape)
        frame[result] = array

    return step


def _expand_shape(translation: Translation, op: Any) -> Step:
    (source, *dynamic), (result,) = translation.uses(op), translation.defines(op)
    read, _ = static_or_dynamic(op, "static_output_shape", dynamic)

    def step(frame: Frame) -> None:
        shape, array = read(frame), frame[source]
        if math.prod(shape) != array.size:
            raise CrashError(f"expands {list(array.shape)} to {shape}")
        frame[result] = array.reshape(shape)

    return step


def _collapse_shape(translation: Translation, op: Any) -> Step:
    (source,), (result,) = translation.uses(op), translation.defines(op)
    together = groups(op)

    def step(frame: Frame) -> None:
        array = frame[source]
        shape = [math.prod(array.shape[axis] for axis in group) for group in together]
        frame[result] = array.reshape(shape)

    return step


def _from_elements(translation: Translation, op: Any) -> Step:
    elements, (result,) = translation.uses(op), translation.defines(op)
    kind = op.results[0].type
    dtype, shape = dtype_of(kind.element_type), shape_of(kind)

    def step(frame: Frame) -> None:
        frame[result] = np.array([frame[slot] for slot in elements], dtype).reshape(shape)

    return step


def _splat(translation: Translation, op: Any) -> Step:
    (scalar, *sizes), (result,) = translation.uses(op), translation.defines(op)
    kind = op.results[0].type
    dtype = dtype_of(kind.element_type)

    def step(frame: Frame) -> None:
        frame[result] = np.full(shape_of(kind, [frame[s] for s in sizes]), frame[scalar], dtype)

    return step


HANDLERS: Mapping[str, Translate] = {
    "tensor.cast": moved,
    "tensor.collapse_shape": _collapse_shape,
    "tensor.dim": _dim,
    "tensor.empty": _empty,
    "tensor.expand_shape": _expand_shape,
    "tensor.extract": _extract,
    "tensor.extract_slice": _extract_slice,
    "tensor.from_elements": _from_elements,
    "tensor.insert": _insert,
    "tensor.insert_slice": _insert_slice,
    "tensor.splat": _splat,
}
