"""What the ops of `linalg_rules.py` compute, in float64, and the errors that f32 may make.

A `linalg.generic` is evaluated at all points of its parallel dimensions at once, and at those of
its reductions one after the other.
"""

from __future__ import annotations

import dataclasses
import itertools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from programs import Array

from gpt_mlir import DType, ir
from gpt_mlir.verify.evaluator import Computed
from gpt_mlir.verify.tolerance import F32_ROUNDOFF, ROUNDOFF

__all__ = ["HANDLERS"]


@dataclasses.dataclass(frozen=True)
class Number:
    """The numbers of a value of a body, at all points.

    Attributes:
        value: The numbers.
        error: What arithmetic may have done to them, in units of f32's roundoff.
        mass: What a partial sum may be at most, whatever the order of its terms.
    """

    value: Array
    error: Array | float = 0.0
    mass: Array | float | None = None

    @property
    def bound(self) -> Array:
        return np.abs(self.value) if self.mass is None else np.asarray(self.mass)


def _rounded(value: Array, error: Any, mass: Any, kind: Any) -> Number:
    unit = ROUNDOFF[DType.of(kind)] / F32_ROUNDOFF
    return Number(value, error + unit * mass, mass)


def _add(kind: Any, x: Number, y: Number) -> Number:
    return _rounded(x.value + y.value, x.error + y.error, x.bound + y.bound, kind)


def _mul(kind: Any, x: Number, y: Number) -> Number:
    error = x.bound * y.error + y.bound * x.error
    return _rounded(x.value * y.value, error, x.bound * y.bound, kind)


def _maximum(_: Any, x: Number, y: Number) -> Number:
    error = np.maximum(x.error, y.error)
    return Number(np.maximum(x.value, y.value), error, np.maximum(x.bound, y.bound))


def _negate(_: Any, x: Number) -> Number:
    return Number(-x.value, x.error, x.mass)


def _convert(kind: Any, x: Number) -> Number:
    return _rounded(x.value, x.error, x.bound, kind)


def _divide(x: Array, y: Array) -> Array:
    """Divides integers towards zero."""
    quotient = np.abs(x) // np.abs(y)
    return np.where((x < 0) != (y < 0), -quotient, quotient)


def _integer(compute: Callable[..., Any]) -> Callable[..., Number]:
    return lambda _, *operands: Number(compute(*(operand.value for operand in operands)))


_BODY_OPS: Mapping[str, Callable[..., Number]] = {
    "arith.addf": _add,
    "arith.addi": _integer(operator.add),
    "arith.divsi": _integer(_divide),
    "arith.divui": _integer(operator.floordiv),
    "arith.extf": lambda _, x: x,
    "arith.index_cast": _integer(np.asarray),
    "arith.maximumf": _maximum,
    "arith.minsi": _integer(np.minimum),
    "arith.mulf": _mul,
    "arith.muli": _integer(operator.mul),
    "arith.negf": _negate,
    "arith.remsi": _integer(np.fmod),
    "arith.remui": _integer(operator.mod),
    "arith.select": _integer(np.where),
    "arith.sitofp": _integer(lambda x: x.astype(np.float64)),
    "arith.subi": _integer(operator.sub),
    "arith.truncf": _convert,
}


def _evaluate_body(block: Any, arguments: Sequence[Number], point: Sequence[Array]) -> list[Number]:
    known: dict[Any, Number] = dict(zip(block.arguments, arguments, strict=True))
    operations = [view.operation for view in block.operations]
    for op in operations[:-1]:
        operands = [known[operand] for operand in op.operands]
        if op.name == "linalg.index":
            number = Number(point[int(op.attributes["dim"])])
        elif op.name == "arith.constant":
            number = Number(np.asarray(op.attributes["value"].value))
        elif op.name == "arith.cmpi":
            assert op.attributes["predicate"].value == 6, "unsigned less than"
            number = Number(operands[0].value < operands[1].value)
        else:
            number = _BODY_OPS[op.name](op.results[0].type, *operands)
        known[op.results[0]] = number
    return [known[operand] for operand in operations[-1].operands]


def _generic(_: Any, op: Any, operands: Sequence[Array]) -> list[Computed]:
    dims = [
        [ir.AffineDimExpr(result).position for result in entry.value.results]
        for entry in op.attributes["indexing_maps"]
    ]
    extents: dict[int, int] = {}
    for operand, positions in zip(operands, dims, strict=True):
        extents.update(zip(positions, operand.shape, strict=True))
    iterators = [str(each) for each in op.attributes["iterator_types"]]
    parallel = [d for d, each in enumerate(iterators) if "parallel" in each]
    reduced = [d for d, each in enumerate(iterators) if "reduction" in each]
    num_outputs = len(op.results)
    shape = [extents[d] for d in parallel]
    grids = dict(zip(parallel, np.indices(shape), strict=True))

    def read(number: Number, positions: Sequence[int], point: Sequence[Any]) -> Number:
        place = tuple(np.broadcast_to(point[d], shape) for d in positions)
        error, mass = (
            np.broadcast_to(0.0 if each is None else each, number.value.shape)
            for each in (number.error, number.mass)
        )
        return Number(
            number.value[place], error[place], None if number.mass is None else mass[place]
        )

    inputs = [Number(operand) for operand in operands[:-num_outputs]]
    # Outputs have parallel dimensions only: in the order of the space until they are returned.
    everywhere = [grids.get(d, np.asarray(0)) for d in range(len(iterators))]
    sums = [
        read(Number(operand), positions, everywhere)
        for operand, positions in zip(operands[-num_outputs:], dims[-num_outputs:], strict=True)
    ]
    block = op.regions[0].blocks[0]
    for steps in itertools.product(*(range(extents[d]) for d in reduced)):
        point = [*everywhere]
        for d, step in zip(reduced, steps, strict=True):
            point[d] = np.asarray(step)
        elements = [read(each, dims[i], point) for i, each in enumerate(inputs)]
        sums = _evaluate_body(block, [*elements, *sums], point)
    results = []
    for number, positions in zip(sums, dims[-num_outputs:], strict=True):
        order = [parallel.index(d) for d in positions]
        value, error = (
            np.broadcast_to(each, shape).transpose(order) for each in (number.value, number.error)
        )
        results.append(Computed(np.array(value), np.array(error)))
    return results


def _fill(_: Any, __: Any, operands: Sequence[Array]) -> list[Computed]:
    return [Computed(np.full(operands[1].shape, operands[0], np.float64))]


HANDLERS = {"linalg.fill": _fill, "linalg.generic": _generic}
