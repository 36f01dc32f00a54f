"""The `linalg` dialect: loops over a space of points, one element at a time.

Named ops have a body, too, and maps: they run as `linalg.generic` does.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gpt_mlir.dialects import linalg
from gpt_mlir.verify.interpreter.dialects.affine_ops import dimension_of, expression
from gpt_mlir.verify.interpreter.memory import Buffer
from gpt_mlir.verify.interpreter.translation import Frame, Step, Translate, Translation
from gpt_mlir.verify.interpreter.values import InterpretError, from_element, is_float
from gpt_mlir.verify.isolation import CrashError

__all__ = ["HANDLERS"]

Point = tuple[int, ...]
# Gives the indices of an operand's element at a point.
_Place = Callable[[Point], Point]


def _place(results: Sequence[Any], num_dims: int) -> _Place:
    positions = [dimension_of(result) for result in results]
    if positions == list(range(num_dims)):
        return lambda point: point
    if all(position is not None for position in positions):
        chosen = [position for position in positions if position is not None]
        return lambda point: tuple([point[position] for position in chosen])
    computed = [expression(result, num_dims) for result in results]
    return lambda point: tuple([compute(point) for compute in computed])


class _Operand:
    """An operand of a structured op.

    Attributes:
        slot: Its slot.
        argument: The slot of the element in the body.
        place: Where the element is at a point; None if the operand is a scalar.
        convert: Makes a value of an element; None if it is one.
    """

    def __init__(self, slot: int, argument: int, value: Any, map_: Any) -> None:
        self.slot = slot
        self.argument = argument
        shaped = hasattr(value.type, "element_type")
        self.place = _place(map_.results, map_.n_dims) if shaped else None
        kind = value.type.element_type if shaped else value.type
        self.convert = None if is_float(kind) else from_element(np.dtype(np.int64))


def _structured(translation: Translation, op: Any) -> Step:
    attribute = linalg.get_indexing_maps(op)
    if attribute is None:
        raise InterpretError(f"op '{op.name}' cannot be interpreted")
    maps = [entry.value for entry in attribute]
    with translation.point() as point_slot:
        region = translation.region(op.regions[0].blocks[0])
    slots, results = translation.uses(op), translation.defines(op)
    operands = [
        _Operand(slot, argument, value, map_)
        for slot, argument, value, map_ in zip(
            slots, region.arguments, op.operands, maps, strict=True
        )
    ]
    first_output = len(operands) - len(region.yields)
    # An element that the body does not use is not read: it may never have been written.
    used = [any(True for _ in argument.uses) for argument in op.regions[0].blocks[0].arguments]
    bounds = _bounds(op, maps)
    run, tick = region.run, translation.machine.tick

    def step(frame: Frame) -> None:
        arrays = []
        for index, operand in enumerate(operands):
            if operand.place is None:
                frame[operand.argument] = frame[operand.slot]
            is_output = index >= first_output
            arrays.append(_array(frame[operand.slot], is_output))
        sources = [
            (operand.argument, array, operand.place, operand.convert)
            for operand, array, is_used in zip(operands, arrays, used, strict=True)
            if is_used and operand.place is not None
        ]
        targets = [
            (yielded, array, operand.place)
            for yielded, operand, array in zip(
                region.yields, operands[first_output:], arrays[first_output:], strict=True
            )
            if operand.place is not None
        ]
        extents = [arrays[index].shape[axis] for index, axis in bounds]
        for point in itertools.product(*map(range, extents)):
            tick()
            frame[point_slot] = point
            for argument, array, place, convert in sources:
                element = array[place(point)]
                frame[argument] = element if convert is None else convert(element)
            run(frame)
            for yielded, array, place in targets:
                array[place(point)] = frame[yielded]
        for result, array in zip(results, arrays[first_output:], strict=False):
            frame[result] = array

    return step


def _array(value: Any, is_output: bool) -> Any:
    """Returns the elements of an operand; a tensor that is written to is copied."""
    if isinstance(value, Buffer):
        return value.array_to_write if is_output else value.array
    return value.copy() if is_output else value


def _bounds(op: Any, maps: Sequence[Any]) -> list[tuple[int, int]]:
    """Returns for each dimension an operand and its axis, which have its extent."""
    found: dict[int, tuple[int, int]] = {}
    for index, map_ in enumerate(maps):
        for axis, result in enumerate(map_.results):
            position = dimension_of(result)
            if position is not None:
                found.setdefault(position, (index, axis))
    if len(found) < maps[0].n_dims:
        raise InterpretError(f"op '{op.name}' has a dimension whose extent no operand has")
    return [found[dimension] for dimension in range(maps[0].n_dims)]


def _index(translation: Translation, op: Any) -> Step:
    point, dimension = translation.innermost_point, int(op.attributes["dim"])
    (result,) = translation.defines(op)

    def step(frame: Frame) -> None:
        frame[result] = frame[point][dimension]

    return step


def _softmax(translation: Translation, op: Any) -> Step:
    source, target = translation.uses(op)
    axis, results = int(op.attributes["dimension"]), translation.defines(op)

    def step(frame: Frame) -> None:
        value, into = frame[source], frame[target]
        array = value.array if isinstance(value, Buffer) else value
        if into is not value and _shape(into) != array.shape:
            raise CrashError(f"takes the softmax of {list(array.shape)} to {list(_shape(into))}")
        computed = _softmax_of(array, axis)
        if isinstance(into, Buffer):
            into.array_to_write[...] = computed
        for result in results:
            frame[result] = computed

    return step


def _shape(value: Any) -> tuple[int, ...]:
    return value.sizes if isinstance(value, Buffer) else tuple(value.shape)


def _softmax_of(array: Any, axis: int) -> Any:
    """Computes it as the op is decomposed: maximum, exponentials, sum, division."""
    if array.size == 0:
        return array.copy()
    rows = np.moveaxis(array, axis, -1)
    greatest = np.fmax.reduce(rows, axis=-1, keepdims=True)
    powers = np.exp((rows - greatest).astype(np.float64)).astype(array.dtype)
    total = np.zeros(greatest.shape, array.dtype)
    for index in range(rows.shape[-1]):
        total = total + powers[..., index : index + 1]
    return np.moveaxis(powers / total, -1, axis).copy()


HANDLERS: Mapping[str, Translate] = {
    "linalg.index": _index,
    "linalg.softmax": _softmax,
    **{
        f"linalg.{name}": _structured
        for name in (
            "abs",
            "add",
            "batch_matmul",
            "broadcast",
            "contract",
            "copy",
            "div",
            "dot",
            "elementwise",
            "exp",
            "fill",
            "generic",
            "matmul",
            "matvec",
            "max",
            "min",
            "mul",
            "negf",
            "reduce",
            "select",
            "sub",
            "tanh",
            "transpose",
            "vecmat",
        )
    },
}
