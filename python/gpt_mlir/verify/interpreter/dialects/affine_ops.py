"""Affine maps, and the ops of `affine` that compute indices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gpt_mlir import ir
from gpt_mlir.verify.interpreter.dialects.arith_ops import checked_division
from gpt_mlir.verify.interpreter.translation import Frame, Step, Translate, Translation
from gpt_mlir.verify.interpreter.values import InterpretError

__all__ = ["HANDLERS", "Expression", "dimension_of", "expression"]

# Computes an expression from the values of dimensions, then of symbols.
Expression = Callable[[Sequence[int]], int]

_BINARY: Sequence[tuple[Any, Callable[[int, int], int]]] = (
    (ir.AffineAddExpr, lambda x, y: x + y),
    (ir.AffineMulExpr, lambda x, y: x * y),
    (ir.AffineModExpr, checked_division(lambda x, y: x % y)),
    (ir.AffineFloorDivExpr, checked_division(lambda x, y: x // y)),
    (ir.AffineCeilDivExpr, checked_division(lambda x, y: -(-x // y))),
)


def dimension_of(source: Any) -> int | None:
    """Returns which dimension an expression is; None if it is something else."""
    if isinstance(source, ir.AffineDimExpr):
        return int(source.position)
    return None


def expression(source: Any, num_dims: int) -> Expression:
    """Returns what computes an `ir.AffineExpr`."""
    if isinstance(source, ir.AffineConstantExpr):
        constant = int(source.value)
        return lambda _: constant
    if isinstance(source, ir.AffineDimExpr):
        position = int(source.position)
        return lambda values: values[position]
    if isinstance(source, ir.AffineSymbolExpr):
        position = num_dims + int(source.position)
        return lambda values: values[position]
    for kind, compute in _BINARY:
        if isinstance(source, kind):
            left, right = expression(source.lhs, num_dims), expression(source.rhs, num_dims)
            return _combined(compute, left, right)
    raise InterpretError(f"affine expression {source} cannot be interpreted")


def _combined(
    compute: Callable[[int, int], int], left: Expression, right: Expression
) -> Expression:
    return lambda values: compute(left(values), right(values))


def _mapped(choose: Callable[[list[int]], int]) -> Translate:
    def translate(translation: Translation, op: Any) -> Step:
        map_ = op.attributes["map"].value
        results = [expression(result, map_.n_dims) for result in map_.results]
        operands, (target,) = translation.uses(op), translation.defines(op)

        def step(frame: Frame) -> None:
            values = [frame[operand] for operand in operands]
            frame[target] = choose([result(values) for result in results])

        return step

    return translate


def _basis(op: Any, dynamic: Sequence[int]) -> Callable[[Frame], list[int]]:
    """Returns what gives the extents of `static_basis`, with those that are operands."""
    marker = ir.ShapedType.get_dynamic_size()
    static = [int(value) for value in op.attributes["static_basis"]]

    def read(frame: Frame) -> list[int]:
        left = iter(dynamic)
        return [frame[next(left)] if value == marker else value for value in static]

    return read


def _delinearize(translation: Translation, op: Any) -> Step:
    index, *dynamic = translation.uses(op)
    results, basis = translation.defines(op), _basis(op, dynamic)

    def step(frame: Frame) -> None:
        extents = basis(frame)
        # Without an outer bound the first result is whatever is left.
        inner = extents[len(extents) + 1 - len(results) :]
        left, found = frame[index], []
        for extent in reversed(inner):
            left, rest = divmod(left, extent)
            found.append(rest)
        for result, value in zip(results, [left, *reversed(found)], strict=True):
            frame[result] = value

    return step


def _linearize(translation: Translation, op: Any) -> Step:
    operands, (target,) = translation.uses(op), translation.defines(op)
    count = int(op.attributes["operandSegmentSizes"][0])
    basis = _basis(op, operands[count:])

    def step(frame: Frame) -> None:
        extents = basis(frame)
        inner = extents[len(extents) + 1 - count :]
        linear = 0
        for position, operand in enumerate(operands[:count]):
            extent = inner[position - 1] if position else 1
            linear = linear * extent + frame[operand]
        frame[target] = linear

    return step


HANDLERS: Mapping[str, Translate] = {
    "affine.apply": _mapped(lambda values: values[0]),
    "affine.delinearize_index": _delinearize,
    "affine.linearize_index": _linearize,
    "affine.max": _mapped(max),
    "affine.min": _mapped(min),
}
