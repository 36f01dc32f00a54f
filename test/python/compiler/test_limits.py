"""What takes too long or fits no machine is refused with a message."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from gpt_mlir import CompileOptions, DType, Graph, compile_module, ir
from gpt_mlir._mlir_libs import _compiler
from gpt_mlir.compiler import driver
from gpt_mlir.compiler.driver import lower
from gpt_mlir.errors import CompileError
from gpt_mlir.graph import ops


def chain(length: int) -> ir.Module:
    """Returns a module of so many ops behind each other."""
    graph = Graph("forward")
    x = graph.input("x", (1, 16, 64), DType.F32)
    for _ in range(length):
        x = ops.silu(x)
    graph.output("y", x)
    return graph.module


@pytest.mark.parametrize("stage", ["linalg", "llvm"])
def test_too_many_ops_are_refused(stage: Any) -> None:
    module = chain(10)  # and the module, the function and its return
    lower(module, stage, CompileOptions(max_ops=13))
    with pytest.raises(CompileError, match="expected at most 12 ops, got 13"):
        lower(module, stage, CompileOptions(max_ops=12))


def test_a_hundred_thousand_ops_are_refused_at_once() -> None:
    text = str(chain(1))
    line = next(line for line in text.splitlines() if "gpt.silu" in line)
    result = line.split("=")[0].strip()
    lines = [line.replace(result, f"%a{i}") for i in range(100_000)]
    module = ir.Module.parse(text.replace(line, "\n".join([*lines, line])), ir.Context())
    with pytest.raises(CompileError, match="expected at most 100000 ops"):
        compile_module(module, CompileOptions(cache=False))


def test_functions_that_call_each_other_are_refused() -> None:
    text = """
    func.func @forward(%x: tensor<4xf32> {gpt.name = "x"}) -> (tensor<4xf32> {gpt.name = "y"}) {
      %0 = call @one(%x) : (tensor<4xf32>) -> tensor<4xf32>
      return %0 : tensor<4xf32>
    }
    func.func private @one(%x: tensor<4xf32>) -> tensor<4xf32> {
      %0 = call @two(%x) : (tensor<4xf32>) -> tensor<4xf32>
      return %0 : tensor<4xf32>
    }
    func.func private @two(%x: tensor<4xf32>) -> tensor<4xf32> {
      %0 = call @one(%x) : (tensor<4xf32>) -> tensor<4xf32>
      return %0 : tensor<4xf32>
    }"""
    module = ir.Module.parse(text, ir.Context())
    with pytest.raises(CompileError, match=r"calls itself\n.*through 'two'"):
        compile_module(module, CompileOptions(cache=False))


@pytest.mark.parametrize("extents", [(2**32, 2**32), (2**62, 64), (1, 2**63 - 1)])
def test_tensors_beyond_any_address_are_refused(extents: tuple[int, int]) -> None:
    graph = Graph("forward")
    x = graph.input("x", extents, DType.F32)
    graph.output("y", ops.silu(x))
    with pytest.raises(CompileError, match=r"expected tensors of at most 2\^47 bytes"):
        compile_module(graph.module, CompileOptions(cache=False))


def test_rank_30_is_refused() -> None:
    graph = Graph("forward")
    x = graph.input("x", (1,) * 30, DType.F32)
    graph.output("y", ops.silu(x))
    with pytest.raises(CompileError, match="expected tensors of at most 16 dimensions, got 30"):
        compile_module(graph.module, CompileOptions(cache=False))


def test_wrong_limits_are_refused() -> None:
    with pytest.raises(ValueError, match="expected max_ops of at least 1, got 0"):
        CompileOptions(max_ops=0)
    with pytest.raises(ValueError, match="expected a time_limit above 0 seconds, got 0"):
        CompileOptions(time_limit=0)
    with pytest.raises(ValueError, match="expected memory_limit of at least 1, got 0"):
        CompileOptions(memory_limit=0)


def test_time_that_is_up_is_one_error_and_leaves_nothing(tmp_path: Path) -> None:
    options = CompileOptions(time_limit=1e-6, cache_folder=tmp_path)
    with pytest.raises(CompileError) as caught:
        compile_module(chain(3), options)
    (text,) = caught.value.diagnostics
    assert text.startswith(
        "compilation takes longer than time_limit=1e-06 seconds, found in pass '"
    )
    assert "raise the limit" in text
    assert caught.value.reproducer is None
    assert list(tmp_path.iterdir()) == []
    # The limit is no part of what the code depends on.
    compile_module(chain(3), CompileOptions(time_limit=None, cache_folder=tmp_path))
    compile_module(chain(3), options)


def test_time_that_is_up_within_a_pass() -> None:
    """Patterns end as well, not only passes: one pass alone takes all the time."""
    module = driver.lower(chain(1000), "linalg")
    fuse = "linalg-fuse-elementwise-ops"
    begin = time.perf_counter()
    with pytest.raises(CompileError, match=f"found in pass '{fuse}'"):
        driver.run_pipeline(module, fuse, quiet=True, budget=_compiler.Budget(time_limit=0.05))
    until_stopped = time.perf_counter() - begin
    begin = time.perf_counter()
    driver.run_pipeline(driver.lower(chain(1000), "linalg"), fuse, quiet=True)
    assert until_stopped < (time.perf_counter() - begin) / 2


def test_time_that_is_up_in_llvm() -> None:
    level = CompileOptions(opt_level=0)
    module = driver.lower(chain(40), "llvm", level)
    begin = time.perf_counter()
    limit = "compilation takes longer than time_limit=0.3 seconds, found in LLVM"
    with pytest.raises(RuntimeError, match=f"^code generation ended early: {limit}"):
        _compiler.emit(module, "shared", budget=_compiler.Budget(time_limit=0.3))
    assert time.perf_counter() - begin < 30  # it takes 40 seconds of an idle processor
    module = driver.lower(chain(1), "llvm", level)
    assert _compiler.emit(module, "shared").startswith(b"\x7fELF")  # goes on working


def test_ctrl_c_ends_code_generation() -> None:
    class InterruptError(Exception):
        pass

    def interrupt(*_: object) -> None:
        raise InterruptError

    module = driver.lower(chain(40), "llvm", CompileOptions(opt_level=0))
    begin = time.perf_counter()
    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(InterruptError):
            _compiler.emit(module, "shared")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert time.perf_counter() - begin < 30  # it takes 40 seconds of an idle processor


def test_memory_that_is_up() -> None:
    with pytest.raises(CompileError, match=r"takes more memory than memory_limit=1 bytes"):
        compile_module(chain(300), CompileOptions(memory_limit=1, cache=False))
