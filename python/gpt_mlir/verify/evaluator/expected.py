"""What a compiled function should return, and how far from it it may be.

The bound of each op alone is worst case; carried through a model it would allow anything. How much
of it reaches a result depends on the values, so it is measured: the function is evaluated again a
few times with a random error in the result of every op, within the bound of that op (see
`Noise`). The spread of the results, times a safety factor, plus one rounding of the result itself,
is the tolerance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gpt_mlir.dtypes import DType
from gpt_mlir.verify.evaluator.interpreter import Interpreter, Noise
from gpt_mlir.verify.reference import Array
from gpt_mlir.verify.tolerance import LARGEST, SAFETY, allowed

__all__ = ["PROBES", "Expected", "expect", "expect_all"]

# Evaluations with noise. The spread of an element is taken over them and over its row.
PROBES = 6


@dataclass(frozen=True)
class Expected:
    """One result of a function.

    Attributes:
        value: The exact value, float64 or int64.
        dtype: The element type that compiled code returns it in.
        allowed: How far each element may be off; for integers 0, or infinity where noise changes
            the value.
    """

    value: Array
    dtype: DType
    allowed: Array

    def misses(self, got: Array) -> Array:
        """Returns for each element whether `got` is wrong.

        NaN must be matched by NaN and an infinity by the same one; a finite value at the end of the
        range of `dtype` may have overflowed.
        """
        want = self.value
        if not self.dtype.is_float:
            return np.asarray((got.astype(np.int64) != want) & (self.allowed == 0))
        values = got.astype(np.float64)
        finite = np.isfinite(want)
        with np.errstate(invalid="ignore"):
            near = np.abs(values - want) <= self.allowed
            overflow = np.isinf(values) & (np.abs(want) + self.allowed >= LARGEST[self.dtype])
            same = (values == want) | (np.isnan(values) & np.isnan(want))
        return np.asarray(np.where(finite, ~(near | overflow), ~same))


def expect(
    module: Any, function: str, arguments: Sequence[Array], *, seed: int = 0
) -> list[Expected]:
    """Evaluates a function of `module` and measures the tolerance of each result.

    Args:
        module: A module of the gpt dialect.
        function: The name of one of its functions.
        arguments: One array per argument, in order.
        seed: Seed of the noise.

    Raises:
        InputError: The function cannot be evaluated with these arguments.
    """
    return expect_all(
        lambda noise: Interpreter(module, noise=noise).call(function, arguments),
        _result_types(module, function),
        seed=seed,
    )


def expect_all(
    run: Callable[[Noise | None], Sequence[Array]], types: Sequence[DType], *, seed: int = 0
) -> list[Expected]:
    """Measures the tolerance of every value of a computation; see `expect`.

    Args:
        run: Evaluates, with noise if there is one.
        types: The element type of each value that it returns.
        seed: Seed of the noise.
    """
    exact = run(None)
    probes = [run(Noise(seed + probe)) for probe in range(PROBES)]
    return [
        _expected(value, dtype, [probe[index] for probe in probes])
        for index, (value, dtype) in enumerate(zip(exact, types, strict=True))
    ]


def _result_types(module: Any, function: str) -> list[DType]:
    for view in module.body.operations:
        attributes = view.operation.attributes
        if "sym_name" in attributes and attributes["sym_name"].value == function:
            return [DType.of(t.element_type) for t in attributes["function_type"].value.results]
    raise AssertionError(f"'{function}' was evaluated")


def _expected(value: Array, dtype: DType, probes: Sequence[Array]) -> Expected:
    if not dtype.is_float:
        unsure = np.any([probe != value for probe in probes], axis=0)
        return Expected(value, dtype, np.where(unsure, np.inf, 0.0))
    with np.errstate(invalid="ignore"):
        square = np.mean([np.nan_to_num(probe - value) ** 2 for probe in probes], axis=0)
    row = square.mean(-1, keepdims=True) if square.ndim and square.shape[-1] else square
    spread = np.sqrt(np.maximum(square, row))
    return Expected(value, dtype, allowed(value, dtype, 0.0) + SAFETY * spread)
