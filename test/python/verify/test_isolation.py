"""Work in a forked process: it ends, whatever it does and whatever was before it."""

from __future__ import annotations

import gc
import os
import time

import pytest

from gpt_mlir import ir
from gpt_mlir.compiler import run_pipeline
from gpt_mlir.verify.isolation import CrashError, run_isolated


def test_a_crash_a_hang_and_an_error_are_told_apart() -> None:
    assert run_isolated(lambda: {"x": 1}, seconds=60) == {"x": 1}
    with pytest.raises(CrashError, match="died by SIGABRT"):
        run_isolated(os.abort, seconds=60)
    with pytest.raises(CrashError, match=r"did not end within 0\.5 s"):
        run_isolated(lambda: time.sleep(60), seconds=0.5)
    with pytest.raises(CrashError, match="ZeroDivisionError"):
        run_isolated(lambda: 1 // 0, seconds=60)


class _Cycle:
    """Refers to itself, so that only a collection frees it and what it holds."""

    def __init__(self, module: ir.Module) -> None:
        self.module = module
        self.itself = self


def _leave_context_behind() -> None:
    """Makes garbage of a context whose pool of threads has begun to work."""
    functions = "".join(f"func.func @f{i}() {{ return }}\n" for i in range(8))
    with ir.Context():
        module = ir.Module.parse(functions)
    run_pipeline(module, "func.func(canonicalize)")
    _Cycle(module)


def test_contexts_of_the_parent_are_not_destroyed_in_the_child() -> None:
    enabled = gc.isenabled()
    gc.disable()
    try:
        _leave_context_behind()
        assert run_isolated(gc.collect, seconds=30) >= 0
    finally:
        if enabled:
            gc.enable()


def test_nor_by_what_libraries_run_at_a_fork() -> None:
    armed = [True]

    def collect_in_child() -> None:
        if armed:
            gc.set_threshold(100)
            assert [[] for _ in range(1000)]

    threshold = gc.get_threshold()
    gc.set_threshold(10**9)
    os.register_at_fork(after_in_child=collect_in_child)
    try:
        _leave_context_behind()
        assert run_isolated(lambda: 1, seconds=30) == 1
    finally:
        armed.clear()
        gc.set_threshold(*threshold)
