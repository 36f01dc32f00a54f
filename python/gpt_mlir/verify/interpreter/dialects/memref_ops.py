"""The `memref` dialect: buffers and their elements."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gpt_mlir.verify.interpreter.dialects.tensor_ops import checked_index
from gpt_mlir.verify.interpreter.memory import Buffer
from gpt_mlir.verify.interpreter.translation import Frame, Step, Translate, Translation
from gpt_mlir.verify.interpreter.values import dtype_of, from_element, shape_of
from gpt_mlir.verify.isolation import CrashError

__all__ = ["HANDLERS", "allocated"]


def allocated(translation: Translation, op: Any) -> Step:
    """Translates the allocation of a buffer whose dynamic sizes are the operands."""
    kind, sizes, (result,) = op.results[0].type, translation.uses(op), translation.defines(op)
    dtype, memory = dtype_of(kind.element_type), translation.machine.memory
    alignment = op.attributes["alignment"].value if "alignment" in op.attributes else 1

    def step(frame: Frame) -> None:
        shape = shape_of(kind, [frame[size] for size in sizes])
        if min(shape, default=0) < 0:
            raise CrashError(f"allocates a buffer of the shape {shape}")
        allocation = memory.allocate(math.prod(shape) * dtype.itemsize, alignment)
        frame[result] = Buffer.contiguous(memory, dtype, allocation, shape)

    return step


def _dealloc(translation: Translation, op: Any) -> Step:
    (buffer,), memory = translation.uses(op), translation.machine.memory

    def step(frame: Frame) -> None:
        memory.free(frame[buffer].base)

    return step


def _global(translation: Translation, op: Any) -> Step:
    kind, (result,) = op.results[0].type, translation.defines(op)
    machine, name = translation.machine, op.attributes["name"].value
    dtype, shape = dtype_of(kind.element_type), shape_of(kind)

    def step(frame: Frame) -> None:
        frame[result] = Buffer.contiguous(machine.memory, dtype, machine.global_(name), shape)

    return step


def _dim(translation: Translation, op: Any) -> Step:
    (source, axis), (result,) = translation.uses(op), translation.defines(op)

    def step(frame: Frame) -> None:
        sizes = frame[source].sizes
        (position,) = checked_index((len(sizes),), (frame[axis],))
        frame[result] = sizes[position]

    return step


def _load(translation: Translation, op: Any) -> Step:
    (source, *indices), (result,) = translation.uses(op), translation.defines(op)
    convert = from_element(dtype_of(op.results[0].type))

    def step(frame: Frame) -> None:
        array = frame[source].array
        element = array[checked_index(array.shape, tuple([frame[index] for index in indices]))]
        frame[result] = element if convert is None else convert(element)

    return step


def _store(translation: Translation, op: Any) -> Step:
    scalar, target, *indices = translation.uses(op)

    def step(frame: Frame) -> None:
        array = frame[target].array_to_write
        place = checked_index(array.shape, tuple([frame[index] for index in indices]))
        array[place] = frame[scalar]

    return step


def _copy(translation: Translation, op: Any) -> Step:
    source, target = translation.uses(op)

    def step(frame: Frame) -> None:
        from_, to = frame[source].array, frame[target].array_to_write
        if from_.shape != to.shape:
            raise CrashError(f"copies {list(from_.shape)} to {list(to.shape)}")
        to[...] = from_.copy()

    return step


def _address(translation: Translation, op: Any) -> Step:
    (source,), (result,) = translation.uses(op), translation.defines(op)

    def step(frame: Frame) -> None:
        frame[result] = frame[source].aligned

    return step


HANDLERS: Mapping[str, Translate] = {
    "memref.alloc": allocated,
    "memref.alloca": allocated,
    "memref.copy": _copy,
    "memref.dealloc": _dealloc,
    "memref.dim": _dim,
    "memref.extract_aligned_pointer_as_index": _address,
    "memref.get_global": _global,
    "memref.load": _load,
    "memref.store": _store,
}
