"""Executing ops against references: many small functions compiled as one module.

A `Case` is an op on operands with named dimensions. It is compiled once with all of them dynamic
and run with each of its `sizes`, and once more for each size that is to be `static`. All cases of a
test file go into one module, which is compiled when the first of them runs.
"""

from __future__ import annotations

import dataclasses
import functools
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tolerance import assert_close, assert_equal

from gpt_mlir import DType, Graph, Tensor
from gpt_mlir.runtime import Executable

Array = NDArray[Any]
Sizes = Mapping[str, int]

# Plain loops, and what users get: tiled, vectorised, on threads.
LEVELS = (0, 3)

# Shapes in which remainders of vectors and tiles differ: one, below, at and above a power of two.
ODD = (1, 2, 3, 15, 17, 31, 33)


@dataclasses.dataclass(frozen=True)
class Operand:
    """An operand of a case.

    Attributes:
        dims: Its dimensions: names, and ints that are always static.
        dtype: Its element type.
        make: Makes its data from a generator and the shape; standard normal numbers if None.
    """

    dims: tuple[str | int, ...]
    dtype: str = "f32"
    make: Callable[[np.random.Generator, tuple[int, ...]], Array] | None = None

    def array(self, rng: np.random.Generator, sizes: Sizes) -> Array:
        shape = tuple(sizes[d] if isinstance(d, str) else d for d in self.dims)
        data = rng.standard_normal(shape) if self.make is None else self.make(rng, shape)
        return np.asarray(data).astype(DType(self.dtype).numpy)


@dataclasses.dataclass(frozen=True)
class Case:
    """One op with attributes, element types and operands.

    Attributes:
        name: Its name; an identifier.
        op: Builds the op from tensors.
        reference: Computes the results from arrays.
        operands: The operands.
        sizes: The sizes of the named dimensions, one mapping per run.
        error: Bound of the error in units of f32's roundoff, or computes one, or one per result,
            from arrays; None when the results must be exact.
        static: For which of `sizes` a function with static shapes is compiled as well.
        fixed: Names whose size must be static in every function, with it.
    """

    name: str
    op: Callable[..., Any]
    reference: Callable[..., Any]
    operands: Sequence[Operand]
    sizes: Sequence[Sizes]
    error: Callable[..., Any] | float | None = None
    static: Sequence[int] = (-1,)
    fixed: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def runs(self) -> list[tuple[str, Sizes]]:
        """Returns the functions of this case and the sizes that each is run with."""
        runs = [(self.name, sizes) for sizes in self.sizes]
        return [
            *runs,
            *((f"{self.name}_static{i}", self.sizes[s]) for i, s in enumerate(self.static)),
        ]

    def build(self, module: Graph | None) -> Graph:
        """Adds the functions of this case to a module, or begins it."""
        functions = dict(self.runs())
        for function, sizes in functions.items():
            known = self.fixed if function == self.name else {**self.fixed, **sizes}
            module = graph = Graph(function) if module is None else module.function(function)
            tensors = [
                graph.input(
                    f"x{i}", [known.get(d, d) if isinstance(d, str) else d for d in o.dims], o.dtype
                )
                for i, o in enumerate(self.operands)
            ]
            results = self.op(*tensors)
            for i, result in enumerate((results,) if isinstance(results, Tensor) else results):
                graph.output(f"y{i}", result)
        assert module is not None
        return module

    def check(self, executable: Executable, function: str, sizes: Sizes) -> None:
        """Runs one function with one choice of sizes and compares."""
        rng = np.random.default_rng(zlib.crc32(f"{function} {sizes}".encode()))
        arrays = [operand.array(rng, {**self.fixed, **sizes}) for operand in self.operands]
        kept = [array.copy() for array in arrays]
        returned = executable.function(function)(*arrays)
        for index, (array, before) in enumerate(zip(arrays, kept, strict=True)):
            assert array.tobytes() == before.tobytes(), f"{function} writes to operand {index}"
        got = list(returned.values()) if isinstance(returned, dict) else [returned]
        want = self.reference(*arrays)
        want = list(want) if isinstance(want, (tuple, list)) else [want]
        assert len(got) == len(want)
        for index, (one, exact) in enumerate(zip(got, want, strict=True)):
            what = f"{function} {dict(sizes)} result {index}"
            if self.error is None:
                assert_equal(one, exact, what=what)
            else:
                error = self.error(*arrays) if callable(self.error) else self.error
                error = error[index] if isinstance(error, tuple) else error
                assert_close(one, exact, error, what=what)


def integers(low: int, high: int) -> Callable[[np.random.Generator, tuple[int, ...]], Array]:
    """Returns the `make` of an operand of integers from `low` to below `high`."""
    return lambda rng, shape: rng.integers(low, high, shape)


def label(attributes: Mapping[str, object]) -> str:
    """Returns attributes as part of an identifier."""
    text = "_".join(f"{key}_{value}" for key, value in attributes.items())
    return "".join(c if c.isalnum() else "_" for c in text)


class CompiledCases:
    """The cases of a test file, compiled as one module for each optimization level."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self.cases = cases

    @functools.cache  # noqa: B019 (lives as long as its test file)
    def _compile(self, level: int) -> Executable | Exception:
        try:
            module = functools.reduce(lambda module, case: case.build(module), self.cases, None)
            assert module is not None
            return module.compile(opt_level=level)
        except Exception as error:
            return error

    def __call__(self, level: int = LEVELS[0]) -> Executable:
        """Returns the executable; if it cannot be compiled, raises the same error each time."""
        result = self._compile(level)
        if isinstance(result, Exception):
            raise result
        return result

    def test(self) -> Callable[..., None]:
        """Returns a test that runs every function with every size at every level."""

        @pytest.mark.parametrize("level", LEVELS)
        @pytest.mark.parametrize(
            ("case", "function", "sizes"),
            [
                pytest.param(case, function, sizes, id=f"{function}-{_text(sizes)}")
                for case in self.cases
                for function, sizes in case.runs()
            ],
        )
        def test_op(level: int, case: Case, function: str, sizes: Sizes) -> None:
            case.check(self(level), function, sizes)

        return test_op


def _text(sizes: Sizes) -> str:
    return "x".join(map(str, sizes.values()))
