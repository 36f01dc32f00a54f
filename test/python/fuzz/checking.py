"""Compiles and runs a program, and compares it with its value in float64."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence

import numpy as np
from exact import Exact
from merging import function_name, merge, weight_name
from misfits import check_misfit, misfit
from programs import Array

from gpt_mlir import CompileOptions, Executable, compile_module
from gpt_mlir.verify.evaluator import Expected


@dataclasses.dataclass(frozen=True)
class Variant:
    """One way to compile and run a program.

    Attributes:
        opt_level: As in `CompileOptions`.
        llvm_opt_level: As in `CompileOptions`; at 0 LLVM takes a tenth of the time.
        threads: The numbers of threads to run with.
    """

    opt_level: int
    llvm_opt_level: int | None = 0
    threads: Sequence[int] = (1, 2)


def check(exact: Exact, variant: Variant) -> None:
    """Compiles a program and compares its results for each number of threads.

    Raises:
        AssertionError: A result is wrong, differs from run to run or between numbers of threads, or
            an argument was written to.
        CompileError: The program cannot be compiled.
    """
    executable = compile_module(exact.module, _options(variant))
    weights = _weights(exact)
    _compare(exact, variant, executable.bind(weights), str)


def check_together(exacts: Sequence[Exact], variant: Variant) -> None:
    """Does with several programs in one module what `check` does with each.

    Raises:
        AssertionError: As `check` does, for the first program that is wrong.
        CompileError: The module of all cannot be compiled.
    """
    module = merge([exact.program for exact in exacts])
    executable = compile_module(module, _options(variant))
    weights = {
        weight_name(index, name): array
        for index, exact in enumerate(exacts)
        for name, array in _weights(exact).items()
    }
    bound = executable.bind(weights)
    for index, exact in enumerate(exacts):
        _compare(exact, variant, bound, functools.partial(function_name, index))


def _options(variant: Variant) -> CompileOptions:
    return CompileOptions(
        opt_level=variant.opt_level, llvm_opt_level=variant.llvm_opt_level, cache=False
    )


def _weights(exact: Exact) -> dict[str, Array]:
    return {w.name: exact.arrays[w.name] for w in exact.signatures["forward"].weights}


def _compare(
    exact: Exact, variant: Variant, bound: Executable, name_of: Callable[[str], str]
) -> None:
    """Runs a program with each number of threads.

    Args:
        exact: The program.
        variant: How it was compiled.
        bound: The compiled code, with its weights.
        name_of: What its functions are called there.
    """
    first = _execute(exact, bound.with_num_threads(variant.threads[0]), name_of)
    assert [*first] == [*exact.expected]
    for name, expected in exact.expected.items():
        assert_expected(first[name], expected, f"{variant}: '{name}'")
    if exact.program.generation is None and (wrong := misfit(exact)):
        check_misfit(wrong, bound.function(name_of("forward")))
    for threads in variant.threads:
        again = _execute(exact, bound.with_num_threads(threads), name_of)
        for name, array in again.items():
            assert array.tobytes() == first[name].tobytes(), (
                f"{variant}: '{name}' differs from run to run, or with {threads} threads"
            )


def _execute(exact: Exact, bound: Executable, name_of: Callable[[str], str]) -> dict[str, Array]:
    """Plays the program with compiled code; checks that arguments are left alone."""
    kept = {name: array.tobytes() for name, array in exact.arrays.items()}

    def run(function: str, arrays: dict[str, Array]) -> dict[str, Array]:
        signature = exact.signatures[function]
        names = [a.name for a in signature.arguments if a.kind != "weight"]
        returned = bound.function(name_of(function))(**{name: arrays[name] for name in names})
        if isinstance(returned, dict):
            return returned
        assert returned is not None
        return {signature.results[0].name: returned}

    results = exact.play(run)
    for name, before in kept.items():
        assert exact.arrays[name].tobytes() == before, f"argument '{name}' was written to"
    return results


def assert_expected(got: Array, expected: Expected, what: str) -> None:
    want = expected.value
    assert got.shape == want.shape, f"{what}: shape {got.shape}, expected {want.shape}"
    wrong = expected.misses(got)
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise AssertionError(
            f"{what} {got.dtype}{list(got.shape)}: {wrong.sum()} of {wrong.size} elements are "
            f"wrong; the first at {list(at)}: {got[at]!r}, expected {want[at]!r} within "
            f"{expected.allowed[at]:.3g}"
        )
