"""Steps of ops that compute a scalar from scalars."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gpt_mlir.verify.interpreter.translation import Frame, Step, Translate, Translation
from gpt_mlir.verify.interpreter.values import unsigned, width_of, wrapper

__all__ = ["computed", "float_op", "integer_op", "moved", "unsigned_op"]


def computed(translation: Translation, op: Any, compute: Callable[..., Any]) -> Step:
    """Returns the step that gives the only result of `op` what `compute` makes of its operands."""
    operands = translation.uses(op)
    (result,) = translation.defines(op)
    if len(operands) == 1:
        (only,) = operands

        def unary(frame: Frame) -> None:
            frame[result] = compute(frame[only])

        return unary
    if len(operands) == 2:
        left, right = operands

        def binary(frame: Frame) -> None:
            frame[result] = compute(frame[left], frame[right])

        return binary

    def any_number(frame: Frame) -> None:
        frame[result] = compute(*[frame[operand] for operand in operands])

    return any_number


def moved(translation: Translation, op: Any) -> Step:
    """Returns the step of an op whose result is its first operand."""
    operand, result = translation.use(op.operands[0]), translation.define(op.results[0])

    def step(frame: Frame) -> None:
        frame[result] = frame[operand]

    return step


def float_op(compute: Callable[..., Any]) -> Translate:
    """Returns the handler of an op on floats: NumPy rounds to their type."""
    return lambda translation, op: computed(translation, op, compute)


def integer_op(compute: Callable[..., int]) -> Translate:
    """Returns the handler of an op on signed integers, whose result is wrapped to its width."""

    def translate(translation: Translation, op: Any) -> Step:
        wrap = wrapper(width_of(op.results[0].type))
        return computed(translation, op, lambda *values: wrap(compute(*values)))

    return translate


def unsigned_op(compute: Callable[..., int]) -> Translate:
    """Returns the handler of an op on unsigned integers."""

    def translate(translation: Translation, op: Any) -> Step:
        mask = unsigned(width_of(op.operands[0].type))
        wrap = wrapper(width_of(op.results[0].type))
        return computed(
            translation, op, lambda *values: wrap(compute(*[mask(value) for value in values]))
        )

    return translate
