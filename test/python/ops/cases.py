"""Executing ops against references: many small functions compiled as one module.

A `Case` is an op on operands with named dimensions. It is compiled once with all of them dynamic
and run with each of its `sizes`, and once more for each size that is to be `static`. All cases of a
test file go into one module for each way to compile them, when the first of them runs.
"""

from __future__ import annotations

import dataclasses
import functools
import zlib
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from combinations import ALL, DEFAULT, PLAIN, Combination, every_way, rotate
from numpy.typing import NDArray
from tolerance import assert_close, assert_equal

from gpt_mlir import DType, Graph, Tensor
from gpt_mlir.runtime import Executable, Function

Array = NDArray[Any]
Sizes = Mapping[str, int]

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

    def build(self, module: Graph | None, chosen: Container[str]) -> Graph | None:
        """Adds those functions of this case that are `chosen` to a module, or begins it."""
        for function, sizes in dict(self.runs()).items():
            if function not in chosen:
                continue
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
        return module

    def check(self, run: Function, name: str, sizes: Sizes, threads: Sequence[int]) -> None:
        """Runs one function with one choice of sizes and compares; on several numbers of threads.

        The results must be the same bits on each of them.
        """
        rng = np.random.default_rng(zlib.crc32(f"{name} {sizes}".encode()))
        arrays = [operand.array(rng, {**self.fixed, **sizes}) for operand in self.operands]
        kept = [array.copy() for array in arrays]
        got, *others = (_results(run.with_num_threads(count), arrays) for count in threads)
        for index, (array, before) in enumerate(zip(arrays, kept, strict=True)):
            assert array.tobytes() == before.tobytes(), f"{name} writes to operand {index}"
        for count, other in zip(threads[1:], others, strict=True):
            for index, (one, same) in enumerate(zip(other, got, strict=True)):
                assert one.tobytes() == same.tobytes(), (
                    f"{name} {dict(sizes)} result {index} differs with {count} threads"
                )
        want = self.reference(*arrays)
        want = list(want) if isinstance(want, (tuple, list)) else [want]
        assert len(got) == len(want)
        for index, (one, exact) in enumerate(zip(got, want, strict=True)):
            what = f"{name} {dict(sizes)} result {index}"
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
    """The cases of a test file, compiled as one module in each way."""

    def __init__(
        self, cases: Sequence[Case], options: Callable[[], Mapping[str, Any]] = dict
    ) -> None:
        """Takes the cases, and what returns options of the compiler beside those of each way."""
        self.cases = cases
        self._options = options
        names = dict.fromkeys(name for case in cases for name, _ in case.runs())
        self._turns = dict(zip(names, rotate(names), strict=False))

    @functools.cache  # noqa: B019 (lives as long as its test file)
    def _compile(self, combination: Combination, names: frozenset[str]) -> Executable | Exception:
        try:
            build = functools.partial(Case.build, chosen=names)
            module = functools.reduce(lambda module, case: build(case, module), self.cases, None)
            assert module is not None, f"no case has any of {sorted(names)}"
            return module.compile(**combination.options, **self._options())
        except Exception as error:
            return error

    def function(
        self, name: str, combination: Combination = PLAIN, among: Iterable[str] = ()
    ) -> Function:
        """Returns a compiled function.

        Args:
            name: Its name.
            combination: How to compile it.
            among: With which others it is in a module; if that cannot be compiled, it is alone. As
                users get it, it is among all others.

        Raises:
            CompileError: It cannot be compiled; the same error each time.
        """
        together = self._turns if combination == DEFAULT else {*among, name}
        for names in (together, {name}):
            result = self._compile(combination, frozenset(names))
            if isinstance(result, Executable):
                return result.function(name)
        raise result

    def test(self, *, in_turn: bool = True) -> Callable[..., None]:
        """Returns a test that runs every function with every size, as users do and in turn."""
        shares: dict[Combination, set[str]] = {}
        for name, turn in self._turns.items():
            shares.setdefault(turn, set()).add(name)

        @pytest.mark.parametrize(
            ("case", "name", "sizes", "combination"),
            [
                pytest.param(
                    *(case, name, sizes, combination),
                    id=f"{name}-{_text(sizes)}-{combination}",
                )
                for case in self.cases
                for name, sizes in case.runs()
                for combination in (DEFAULT, *([self._turns[name]] if in_turn else []))
            ],
        )
        def test_op(case: Case, name: str, sizes: Sizes, combination: Combination) -> None:
            run = self.function(name, combination, shares.get(combination, ()))
            case.check(run, name, sizes, combination.threads)

        return test_op

    def test_every_way(self) -> Callable[..., None]:
        """Returns a test that runs every function with every size in every way."""

        @pytest.mark.parametrize(
            ("combination", "case"),
            [
                pytest.param(
                    *(combination, case),
                    id=f"{combination}-{case.name}",
                    marks=every_way,
                )
                for combination in ALL
                for case in self.cases
            ],
        )
        def test_every_way(combination: Combination, case: Case) -> None:
            failures = []
            for name, sizes in case.runs():
                try:
                    run = self.function(name, combination, self._turns)
                    case.check(run, name, sizes, combination.threads)
                except Exception as error:
                    failures.append(f"{type(error).__name__}: {error}")
            assert not failures, "\n".join(failures)

        return test_every_way


def _results(run: Function, arrays: Sequence[Array]) -> list[Array]:
    returned = run(*arrays)
    results = list(returned.values()) if isinstance(returned, dict) else [returned]
    return [np.asarray(result) for result in results]


def _text(sizes: Sizes) -> str:
    return "x".join(map(str, sizes.values()))
