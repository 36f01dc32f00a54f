"""The ops of other dialects that appear beside those of `gpt`: calls, control flow, sizes."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gpt_mlir import ir
from gpt_mlir.verify.evaluator.interpreter import Computed, Frame, Handler
from gpt_mlir.verify.interpreter.dialects.affine_ops import expression
from gpt_mlir.verify.reference import Array

__all__ = ["HANDLERS"]


def _call(frame: Frame, op: Any, operands: Sequence[Array]) -> list[Computed]:
    name = op.attributes["callee"].value
    # What a function returns is rounded to its element type.
    return [Computed(value, 0.0) for value in frame.interpreter.call(name, operands)]


def _constant(_: Frame, op: Any, __: Sequence[Array]) -> list[Computed]:
    value: Any = op.attributes["value"]
    if isinstance(value, ir.DenseElementsAttr):
        kind = op.results[0].type
        shape = [kind.get_dim_size(i) for i in range(kind.rank)]
        if value.is_splat:
            splat: Any = value.get_splat_value()
            return [Computed(np.full(shape, splat.value))]
        return [Computed(np.array(value).reshape(shape))]
    return [Computed(np.asarray(value.value))]


def _scalar(compute: Callable[..., Any]) -> Handler:
    return lambda _, __, operands: [Computed(np.asarray(compute(*operands)))]


# By the number that arith.cmpi keeps of its predicate; values here are signed.
_PREDICATES: tuple[Callable[[Any, Any], Any], ...] = (
    operator.eq,
    operator.ne,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
)


def _compare(_: Frame, op: Any, operands: Sequence[Array]) -> list[Computed]:
    predicate = op.attributes["predicate"].value
    if predicate < len(_PREDICATES):
        return [Computed(np.asarray(_PREDICATES[predicate](*operands)))]
    unsigned = [np.asarray(operand).astype(np.uint64) for operand in operands]
    return [Computed(np.asarray(_PREDICATES[predicate - 4](*unsigned)))]


def _assert(_: Frame, op: Any, operands: Sequence[Array]) -> list[Computed]:
    if not bool(operands[0]):
        raise ValueError(f"an assertion does not hold: {op.attributes['msg'].value}")
    return []


def _apply(_: Frame, op: Any, operands: Sequence[Array]) -> list[Computed]:
    map_ = op.attributes["map"].value
    compute = expression(map_.results[0], map_.n_dims)
    return [Computed(np.asarray(compute([int(operand) for operand in operands])))]


def _if(frame: Frame, op: Any, operands: Sequence[Array]) -> list[Computed]:
    region = op.regions[0 if bool(operands[0]) else 1]
    if not region.blocks:
        return []
    return [Computed(value) for value in frame.run(region.blocks[0], [])]


def _for(frame: Frame, op: Any, operands: Sequence[Array]) -> list[Computed]:
    lower, upper, step = (int(operand) for operand in operands[:3])
    carried = list(operands[3:])
    for index in range(lower, upper, step):
        carried = frame.run(op.regions[0].blocks[0], [np.asarray(index), *carried])
    return [Computed(value) for value in carried]


def _dim(_: Frame, __: Any, operands: Sequence[Array]) -> list[Computed]:
    return [Computed(np.asarray(operands[0].shape[int(operands[1])]))]


def _empty(_: Frame, op: Any, operands: Sequence[Array]) -> list[Computed]:
    kind, sizes = op.results[0].type, [int(size) for size in operands]
    shape = [
        sizes.pop(0) if kind.is_dynamic_dim(i) else kind.get_dim_size(i) for i in range(kind.rank)
    ]
    return [Computed(np.full(shape, np.nan))]  # reading it has no meaning


def _from_elements(_: Frame, op: Any, operands: Sequence[Array]) -> list[Computed]:
    kind = op.results[0].type
    shape = [kind.get_dim_size(i) for i in range(kind.rank)]
    return [Computed(np.array(operands).reshape(shape))]


def _slice_of(op: Any, rank: int, dynamic: Sequence[Array]) -> tuple[slice, ...]:
    """Returns offsets, sizes and strides of a slice op as Python slices."""
    values = [int(value) for value in dynamic]
    marker = ir.ShapedType.get_dynamic_size()
    parts = []
    for name in ("static_offsets", "static_sizes", "static_strides"):
        # A dynamic offset or stride has the same mark as a dynamic size.
        static = [int(value) for value in op.attributes[name]]
        parts.append([values.pop(0) if value == marker else value for value in static])
    offsets, sizes, strides = parts
    return tuple(
        slice(offsets[i], offsets[i] + sizes[i] * strides[i], strides[i]) for i in range(rank)
    )


def _extract_slice(_: Frame, op: Any, operands: Sequence[Array]) -> list[Computed]:
    part = operands[0][_slice_of(op, operands[0].ndim, operands[1:])]
    kept = op.results[0].type.rank
    drop = [i for i, size in enumerate(part.shape) if size == 1][: part.ndim - kept]
    return [Computed(part.squeeze(tuple(drop)) if part.ndim > kept else part)]


def _insert_slice(_: Frame, op: Any, operands: Sequence[Array]) -> list[Computed]:
    result = operands[1].copy()
    place = _slice_of(op, result.ndim, operands[2:])
    result[place] = operands[0].reshape(result[place].shape)
    return [Computed(result)]


HANDLERS: Mapping[str, Handler] = {
    "affine.apply": _apply,
    "arith.addf": _scalar(operator.add),
    "arith.addi": _scalar(operator.add),
    "arith.andi": _scalar(operator.and_),
    "arith.ceildivsi": _scalar(lambda x, y: -(-x // y)),
    "arith.cmpi": _compare,
    "arith.constant": _constant,
    "arith.divsi": _scalar(lambda x, y: np.trunc(x / y).astype(np.int64)),
    "arith.extsi": _scalar(np.asarray),
    "arith.index_cast": _scalar(np.asarray),
    "arith.maxsi": _scalar(np.maximum),
    "arith.minsi": _scalar(np.minimum),
    "arith.mulf": _scalar(operator.mul),
    "arith.muli": _scalar(operator.mul),
    "arith.ori": _scalar(operator.or_),
    "arith.remsi": _scalar(np.fmod),
    "arith.select": _scalar(np.where),
    "arith.subf": _scalar(operator.sub),
    "arith.subi": _scalar(operator.sub),
    "arith.trunci": _scalar(np.asarray),
    "cf.assert": _assert,
    "func.call": _call,
    "scf.for": _for,
    "scf.if": _if,
    "tensor.cast": _scalar(np.asarray),
    "tensor.dim": _dim,
    "tensor.empty": _empty,
    "tensor.extract": lambda _, __, operands: [
        Computed(np.asarray(operands[0][tuple(int(i) for i in operands[1:])]))
    ],
    "tensor.extract_slice": _extract_slice,
    "tensor.from_elements": _from_elements,
    "tensor.insert_slice": _insert_slice,
}
