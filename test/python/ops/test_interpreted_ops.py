"""The cases of all ops, interpreted at the end of each stage instead of compiled.

Tolerances are those of compiled code, which passes the same cases in the files beside this one.
"""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from cases import Array, Case, Sizes

from gpt_mlir.compiler import CompileOptions, lower
from gpt_mlir.compiler.manifest import read_signatures
from gpt_mlir.verify.interpreter import Machine, call_interpreted

FAMILIES = (
    "activation",
    "attention",
    "cached_attention",
    "elementwise",
    "embedding",
    "norm",
    "projection",
    "rope",
)
STAGES = ("linalg", "loops", "llvm")
# Elements of the operands: an element takes some microseconds per op.
LARGEST = 150
# By default one case of so many; all by `make test-slow`.
SHARE = 9


class InterpretedFunction:
    """Stands for a function of an executable."""

    def __init__(self, call: Callable[..., Sequence[Array]]) -> None:
        self._call = call

    def __call__(self, *arrays: Array) -> Array | dict[int, Array]:
        results = self._call(arrays)
        return results[0] if len(results) == 1 else dict(enumerate(results))

    def with_num_threads(self, count: int) -> InterpretedFunction:
        assert count == 1
        return self


class InterpretedCases:
    """Stands for an executable: functions that are called by position."""

    def __init__(self, cases: Sequence[Case], stage: Any) -> None:
        names = {name for case in cases for name, _ in case.runs()}
        graph = functools.reduce(lambda module, case: case.build(module, names), cases, None)
        assert graph is not None
        self._module = lower(graph.module, stage, CompileOptions(opt_level=0))
        signatures = {signature.name: signature for signature in read_signatures(graph.module)}
        self._call = call_interpreted(Machine(self._module), signatures)

    def function(self, name: str) -> Any:
        return InterpretedFunction(functools.partial(self._call, name))


def _cases(family: str) -> Sequence[Case]:
    cases: Sequence[Case] = importlib.import_module(f"test_{family}_ops").CASES
    return cases


def _elements(case: Case, sizes: Sizes) -> int:
    known = {**case.fixed, **sizes}
    shapes = ([known[d] if isinstance(d, str) else d for d in o.dims] for o in case.operands)
    return sum(math.prod(shape) for shape in shapes)


def _runs(case: Case) -> Iterator[tuple[str, Sizes]]:
    """Yields the functions of a case, each with the largest sizes that are not too large."""
    for function in dict(case.runs()):
        fitting = [sizes for name, sizes in case.runs() if name == function]
        fitting = [sizes for sizes in fitting if _elements(case, sizes) <= LARGEST]
        if fitting:
            yield function, max(fitting, key=functools.partial(_elements, case))


def check(family: str, stage: str, share: int) -> None:
    cases = [case for case in _cases(family) if any(True for _ in _runs(case))][::share]
    interpreted: Any = InterpretedCases(cases, stage)
    for case in cases:
        for function, sizes in _runs(case):
            case.check(interpreted.function(function), function, sizes, threads=(1,))


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("family", FAMILIES)
def test_some_cases(family: str, stage: str) -> None:
    check(family, stage, SHARE)


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("family", FAMILIES)
def test_all_cases(family: str, stage: str) -> None:
    check(family, stage, 1)
