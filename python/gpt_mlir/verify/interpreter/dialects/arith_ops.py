"""The `arith` dialect."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gpt_mlir import ir
from gpt_mlir.verify.interpreter.dialects.steps import (
    computed,
    float_op,
    integer_op,
    unsigned_op,
)
from gpt_mlir.verify.interpreter.translation import Step, Translate, Translation
from gpt_mlir.verify.interpreter.values import (
    InterpretError,
    dense,
    dtype_of,
    from_element,
    is_float,
    number,
    unsigned,
    width_of,
    wrapper,
)
from gpt_mlir.verify.isolation import CrashError

__all__ = ["HANDLERS", "checked_division"]


def _constant(translation: Translation, op: Any) -> None:
    value, kind = op.attributes["value"], op.results[0].type
    if isinstance(value, ir.DenseElementsAttr):
        translation.set_constant(op.results[0], dense(value, kind))
    else:
        translation.set_constant(op.results[0], number(kind)(value.value))


def checked_division(compute: Callable[[int, int], int]) -> Callable[[int, int], int]:
    """Returns a division that ends the call where it has no meaning."""

    def divide(x: int, y: int) -> int:
        if y == 0:
            raise CrashError("divides an integer by zero")
        return compute(x, y)

    return divide


def _truncated(x: int, y: int) -> int:
    quotient = abs(x) // abs(y)
    return quotient if (x < 0) == (y < 0) else -quotient


def _signed_rest(x: int, y: int) -> int:
    return x - _truncated(x, y) * y


DIVISIONS: Mapping[str, Callable[[int, int], int]] = {
    "divs": checked_division(_truncated),
    "rems": checked_division(_signed_rest),
    "divu": checked_division(operator.floordiv),
    "remu": checked_division(operator.mod),
    "ceildiv": checked_division(lambda x, y: -(-x // y)),
    "floordiv": checked_division(operator.floordiv),
}


def shift_left(x: int, y: int) -> int:
    """Shifts; a shift by more than the width has no meaning, and 64 is the greatest."""
    return x << (y & 63)


def shift_right(x: int, y: int) -> int:
    """Shifts, with the sign of the operand or without, as that is given."""
    return x >> (y & 63)


def _unordered(x: Any, y: Any) -> bool:
    return bool(x != x or y != y)


def maximum(x: Any, y: Any) -> Any:
    """The greater one; NaN if one is."""
    return x if x != x or (x > y) else (y if y != y or y > x else _greater_zero(x, y))


def minimum(x: Any, y: Any) -> Any:
    """The smaller one; NaN if one is."""
    return -maximum(-x, -y) if not _unordered(x, y) else (x if x != x else y)


def _greater_zero(x: Any, y: Any) -> Any:
    return y if np.signbit(x) else x


def maximum_number(x: Any, y: Any) -> Any:
    """The greater one; the other one if one is NaN."""
    return y if x != x else (x if y != y else maximum(x, y))


def minimum_number(x: Any, y: Any) -> Any:
    """The smaller one; the other one if one is NaN."""
    return y if x != x else (x if y != y else minimum(x, y))


# By their numbers, in `arith` as in `llvm`.
INTEGER_PREDICATES: Sequence[Callable[[int, int], bool]] = (
    operator.eq,
    operator.ne,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
)
_FIRST_UNSIGNED = 6
FLOAT_PREDICATES: Sequence[Callable[[Any, Any], bool]] = (
    lambda x, y: False,
    operator.eq,
    operator.gt,
    operator.ge,
    operator.lt,
    operator.le,
    lambda x, y: x != y and not _unordered(x, y),
    lambda x, y: not _unordered(x, y),
    lambda x, y: x == y or _unordered(x, y),
    lambda x, y: not x <= y,
    lambda x, y: not x < y,
    lambda x, y: not x >= y,
    lambda x, y: not x > y,
    operator.ne,
    _unordered,
    lambda x, y: True,
)


def compare_integers(translation: Translation, op: Any) -> Step:
    """Translates a comparison of integers or pointers."""
    predicate = op.attributes["predicate"].value
    compare = INTEGER_PREDICATES[predicate]
    width = width_of(op.operands[0].type)
    # One bit is 0 or 1 here, and true is -1 as a signed number.
    if predicate >= _FIRST_UNSIGNED:
        mask = unsigned(width)
        return computed(translation, op, lambda x, y: int(compare(mask(x), mask(y))))
    if width == 1:
        return computed(translation, op, lambda x, y: int(compare(-x, -y)))
    return computed(translation, op, lambda x, y: int(compare(x, y)))


def compare_floats(translation: Translation, op: Any) -> Step:
    """Translates a comparison of floats."""
    compare = FLOAT_PREDICATES[op.attributes["predicate"].value]
    return computed(translation, op, lambda x, y: int(bool(compare(x, y))))


def _select(translation: Translation, op: Any) -> Step:
    return computed(translation, op, lambda condition, x, y: x if condition else y)


def to_float(translation: Translation, op: Any) -> Step:
    """Translates a conversion of a float to another type of floats."""
    return computed(translation, op, dtype_of(op.results[0].type).type)


def from_signed(translation: Translation, op: Any) -> Step:
    """Translates a conversion of a signed integer to a float, which is rounded once."""
    sign = -1 if width_of(op.operands[0].type) == 1 else 1
    dtype = dtype_of(op.results[0].type)
    return computed(translation, op, lambda x: np.int64(sign * x).astype(dtype))


def from_unsigned(translation: Translation, op: Any) -> Step:
    """Translates a conversion of an unsigned integer to a float, which is rounded once."""
    mask, dtype = unsigned(width_of(op.operands[0].type)), dtype_of(op.results[0].type)
    return computed(translation, op, lambda x: np.uint64(mask(x)).astype(dtype))


def to_integer(signed: bool) -> Translate:
    """Returns the handler of a conversion of a float to an integer."""

    def translate(translation: Translation, op: Any) -> Step:
        width = width_of(op.results[0].type)
        wrap = wrapper(width)
        low, high = (-(1 << (width - 1)), 1 << (width - 1)) if signed else (0, 1 << width)

        def convert(x: Any) -> int:
            if not low - 1 < float(x) < high:
                raise CrashError(f"converts {x} to an integer of {width} bits")
            return wrap(int(x))

        return computed(translation, op, convert)

    return translate


def _extended(op: Any) -> Callable[[int], int]:
    if width_of(op.operands[0].type) == 1:
        return lambda x: -x
    return lambda x: x


def sign_extended(translation: Translation, op: Any) -> Step:
    """Translates an extension by the sign, or a conversion from or to an index."""
    extend, wrap = _extended(op), wrapper(width_of(op.results[0].type))
    return computed(translation, op, lambda x: wrap(extend(x)))


def bitcast(translation: Translation, op: Any) -> Step:
    """Translates the reading of the same bits as another type."""
    source, target = (dtype_of(value.type) for value in (op.operands[0], op.results[0]))
    if source.itemsize != target.itemsize:
        raise InterpretError(f"op '{op.name}' cannot be interpreted with {op.operands[0].type}")
    convert = from_element(target)

    def cast(x: Any) -> Any:
        value = np.array([x], source).view(target)[0]
        return value if convert is None else convert(value)

    return computed(translation, op, cast)


def _float_or_integer(
    on_floats: Callable[[Any, Any], Any], on_integers: Callable[[int, int], int]
) -> Translate:
    def translate(translation: Translation, op: Any) -> Step | None:
        chosen = float_op(on_floats) if is_float(op.results[0].type) else integer_op(on_integers)
        return chosen(translation, op)

    return translate


HANDLERS: Mapping[str, Translate] = {
    "arith.addf": float_op(operator.add),
    "arith.addi": integer_op(operator.add),
    "arith.andi": integer_op(operator.and_),
    "arith.bitcast": bitcast,
    "arith.ceildivsi": integer_op(DIVISIONS["ceildiv"]),
    "arith.ceildivui": unsigned_op(DIVISIONS["ceildiv"]),
    "arith.cmpf": compare_floats,
    "arith.cmpi": compare_integers,
    "arith.constant": _constant,
    "arith.divf": float_op(operator.truediv),
    "arith.divsi": integer_op(DIVISIONS["divs"]),
    "arith.divui": unsigned_op(DIVISIONS["divu"]),
    "arith.extf": to_float,
    "arith.extsi": sign_extended,
    "arith.extui": unsigned_op(lambda x: x),
    "arith.floordivsi": integer_op(DIVISIONS["floordiv"]),
    "arith.fptosi": to_integer(signed=True),
    "arith.fptoui": to_integer(signed=False),
    "arith.index_cast": sign_extended,
    "arith.index_castui": unsigned_op(lambda x: x),
    "arith.maximumf": float_op(maximum),
    "arith.maxnumf": float_op(maximum_number),
    "arith.maxsi": integer_op(max),
    "arith.maxui": unsigned_op(max),
    "arith.minimumf": float_op(minimum),
    "arith.minnumf": float_op(minimum_number),
    "arith.minsi": integer_op(min),
    "arith.minui": unsigned_op(min),
    "arith.mulf": float_op(operator.mul),
    "arith.muli": integer_op(operator.mul),
    "arith.negf": float_op(operator.neg),
    "arith.ori": integer_op(operator.or_),
    "arith.remf": float_op(np.fmod),
    "arith.remsi": integer_op(DIVISIONS["rems"]),
    "arith.remui": unsigned_op(DIVISIONS["remu"]),
    "arith.select": _select,
    "arith.shli": integer_op(shift_left),
    "arith.shrsi": integer_op(shift_right),
    "arith.shrui": unsigned_op(shift_right),
    "arith.sitofp": from_signed,
    "arith.subf": float_op(operator.sub),
    "arith.subi": integer_op(operator.sub),
    "arith.truncf": to_float,
    "arith.trunci": integer_op(lambda x: x),
    "arith.uitofp": from_unsigned,
    "arith.xori": integer_op(operator.xor),
}
