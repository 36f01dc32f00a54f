"""Walks a function of a `gpt` module and computes its values.

Values of float types are float64 and are **not** rounded between ops, whatever their element type:
the result is what the descriptions of the ops say, as exactly as float64 can say it. Where rounding
is part of the meaning (`gpt.cast`, an updated cache, any result in bf16 or f16) it is part of the
tolerance instead, which `Noise` measures: it disturbs the result of each op at random, within the
bound that arithmetic in f32 and the rounding to the result's element type allow. Integers are
exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gpt_mlir import ir
from gpt_mlir.dtypes import DType
from gpt_mlir.errors import InputError
from gpt_mlir.verify.reference import Array, widen
from gpt_mlir.verify.tolerance import F32_ROUNDOFF, RESULT_ROUNDINGS, ROUNDOFF, SAFETY

__all__ = ["Computed", "Frame", "Handler", "Interpreter", "Noise", "Observer", "evaluate"]


@dataclass(frozen=True)
class Computed:
    """One result of an op.

    Attributes:
        value: The exact value.
        error: Bound of the error of a computation in f32, in units of f32's roundoff; None where
            data is only moved, so that the result is that of the operand, bit by bit.
    """

    value: Array
    error: Array | float | None = None


class Noise:
    """Disturbs results by what rounding may do to them.

    The bound of the arithmetic in f32 is for the worst case, in which all roundings of a sum go the
    same way: it is taken as `SAFETY` standard deviations, so that the tolerance of a single op is
    its bound. The rounding to the element type is uniform, as it is in fact.
    """

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def disturb(self, computed: Computed, dtype: DType) -> Array:
        """Returns the value as other ops read it: with random errors of arithmetic and rounding."""
        value = self.unrounded(computed, dtype)
        if computed.error is None or not dtype.is_float:
            return value
        with np.errstate(invalid="ignore", over="ignore"):
            size = RESULT_ROUNDINGS * ROUNDOFF[dtype] / F32_ROUNDOFF * np.abs(value)
            return self._move(value, size)

    def unrounded(self, computed: Computed, dtype: DType) -> Array:
        """Returns the value as a function returns it: with a random error of the arithmetic only.

        The tolerance that it is compared with has the rounding to `dtype` already.
        """
        if computed.error is None or not dtype.is_float:
            return computed.value
        with np.errstate(invalid="ignore", over="ignore"):
            return self._move(computed.value, 3**0.5 / SAFETY * np.asarray(computed.error))

    def _move(self, value: Array, size: Array) -> Array:
        """Moves each element by at most `size` units of f32's roundoff."""
        bound = np.where(np.isfinite(size), F32_ROUNDOFF * size, 0.0)
        moved: Array = value + self._rng.uniform(-1.0, 1.0, value.shape) * bound
        return moved


# Computes the results of an op from its operands.
Handler = Callable[["Frame", Any, Sequence[Array]], Sequence[Computed]]

# Ops whose operands stay as they are stored: weights would take a multiple of their memory.
_ANY_DTYPE = ("func.call", "gpt.embedding", "gpt.linear")

# Called with each op of the gpt dialect, its operands and its results, before noise.
Observer = Callable[[Any, Sequence[Array], Sequence[Computed]], None]


class Frame:
    """The values of one call of a function.

    Attributes:
        interpreter: What runs it.
    """

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self._values: dict[Any, Array] = {}
        # With noise, results as they are before they are rounded to their element type: what is
        # returned is compared with a tolerance that has this rounding already.
        self._unrounded: dict[Any, Array] = {}

    def value(self, value: Any) -> Array:
        """Returns what a value of the IR is, as it is stored: weights are not widened."""
        return self._values[value]

    def run(self, block: Any, arguments: Sequence[Array]) -> list[Array]:
        """Runs a block; returns the operands of its terminator."""
        for argument, value in zip(block.arguments, arguments, strict=True):
            self._values[argument] = value
        operations = list(block.operations)
        for view in operations[:-1]:
            self._execute(view.operation)
        results = operations[-1].operation.operands
        return [self._unrounded.get(operand, self._values[operand]) for operand in results]

    def _execute(self, op: Any) -> None:
        handler = self.interpreter.handlers.get(op.name)
        if handler is None:
            raise InputError(f"op '{op.name}' cannot be evaluated")
        operands = [self._values[operand] for operand in op.operands]
        if op.name not in _ANY_DTYPE:
            operands = [_widen(operand) for operand in operands]
        with np.errstate(invalid="ignore", over="ignore", divide="ignore", under="ignore"):
            computed = handler(self, op, operands)
        observer, noise = self.interpreter.observer, self.interpreter.noise
        if observer is not None and op.name.startswith("gpt."):
            observer(op, operands, computed)
        for result, value in zip(op.results, computed, strict=True):
            self._values[result] = value.value
            if noise is not None and isinstance(result.type, ir.RankedTensorType):
                dtype = DType.of(result.type.element_type)
                self._values[result] = noise.disturb(value, dtype)
                self._unrounded[result] = noise.unrounded(value, dtype)


class Interpreter:
    """Evaluates the functions of one module.

    Attributes:
        handlers: How each op is computed, by name.
        noise: Disturbs every result; None for exact ones.
        observer: Called with every gpt op.
    """

    def __init__(
        self, module: Any, *, noise: Noise | None = None, observer: Observer | None = None
    ) -> None:
        """Prepares `module`, an `ir.Module`, for evaluation; it is not changed."""
        from gpt_mlir.verify.evaluator.builtin_ops import HANDLERS as BUILTIN
        from gpt_mlir.verify.evaluator.gpt_ops import HANDLERS as GPT

        self.handlers: Mapping[str, Handler] = {**BUILTIN, **GPT}
        self.noise = noise
        self.observer = observer
        self._module = module
        self._functions = {
            view.operation.attributes["sym_name"].value: view.operation
            for view in module.body.operations
            if view.operation.name == "func.func"
        }

    def call(self, name: str, arguments: Sequence[Array]) -> list[Array]:
        """Evaluates function `name`.

        Args:
            name: A function with a body.
            arguments: One array per argument, in order; caches are not changed, their updated form
                is among the results.

        Returns:
            One array per result: float64 for float types, int64 for integers.

        Raises:
            InputError: There is no such function, the arguments do not fit it, or it holds an op
                that cannot be evaluated.
        """
        function = self._functions.get(name)
        if function is None or not function.regions[0].blocks:
            raise InputError(f"no function '{name}' with a body in the module")
        block = function.regions[0].blocks[0]
        if len(arguments) != len(block.arguments):
            raise InputError(
                f"function '{name}' expected {len(block.arguments)} arguments, got {len(arguments)}"
            )
        return [_widen(result) for result in Frame(self).run(block, arguments)]


def _widen(array: Array) -> Array:
    array = np.asarray(array)
    return array.astype(np.int64) if array.dtype.kind in "iub" else widen(array)


def evaluate(
    module: Any, function: str, arguments: Sequence[Array], *, noise: Noise | None = None
) -> list[Array]:
    """Evaluates one function of `module`; see `Interpreter.call`."""
    return Interpreter(module, noise=noise).call(function, arguments)
