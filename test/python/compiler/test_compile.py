"""Compiling modules: the cache in use, the ways to fail, the forms of output."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiler_modules import DOUBLE, parse

from gpt_mlir import CompileOptions, compile_module, ir
from gpt_mlir._mlir_libs import _compiler
from gpt_mlir.compiler import emit, llvm_pipeline, lower, run_pipeline
from gpt_mlir.compiler.driver import module_key
from gpt_mlir.compiler.fingerprint import compiler_fingerprint
from gpt_mlir.errors import CacheWarning, CompileError, InputError

X = np.arange(12, dtype=np.float32).reshape(3, 4)


def entries(options: CompileOptions) -> list[Path]:
    assert options.cache_folder is not None
    return sorted(options.cache_folder.iterdir())


def test_second_compilation_comes_from_the_cache(
    double: ir.Module, options: CompileOptions
) -> None:
    steps: list[str] = []
    run = compile_module(double, options, progress=steps.append)
    assert steps == ["lowering", "generating code"]
    np.testing.assert_array_equal(run(X), 2 * X)
    assert [path.stem for path in entries(options)] == [run.key]

    again = compile_module(parse(DOUBLE), options, progress=steps.append)
    assert len(steps) == 2
    assert again.key == run.key
    np.testing.assert_array_equal(again(X), 2 * X)


def test_module_is_not_changed(double: ir.Module, options: CompileOptions) -> None:
    before = str(double)
    compile_module(double, options)
    assert str(double) == before


def test_without_a_cache(double: ir.Module, options: CompileOptions) -> None:
    run = compile_module(double, dataclasses.replace(options, cache=False))
    np.testing.assert_array_equal(run(X), 2 * X)
    assert options.cache_folder is not None
    assert not options.cache_folder.exists()


def test_unusable_cache_folder(double: ir.Module, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    options = CompileOptions(cache_folder=tmp_path / "file" / "cache")
    with pytest.warns(CacheWarning, match="cannot write to the object cache"):
        run = compile_module(double, options)
    np.testing.assert_array_equal(run(X), 2 * X)


def test_damaged_entry_is_replaced(double: ir.Module, options: CompileOptions) -> None:
    compile_module(double, options)
    (entry,) = entries(options)
    good = entry.read_bytes()
    for bad in (good[: len(good) // 2], good[:2000] + b"\0" * 16 + good[2016:]):
        entry.unlink()  # the running process has the old file mapped
        entry.write_bytes(bad)
        with pytest.warns(CacheWarning, match="is damaged"):
            run = compile_module(double, options)
        np.testing.assert_array_equal(run(X), 2 * X)
        assert entry.read_bytes() == good
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compile_module(double, options)


def test_key_depends_on_what_decides_the_code(double: ir.Module) -> None:
    key = module_key(double)
    assert module_key(parse(DOUBLE)) == key
    located = DOUBLE.replace("return %y : tensor<?x4xf32>", 'return %y : tensor<?x4xf32> loc("a")')
    assert module_key(parse(located)) == key, "locations do not change the code"
    others = [
        module_key(parse(DOUBLE.replace('"x"', '"input"'))),
        module_key(parse(DOUBLE.replace("linalg.add", "linalg.mul"))),
        module_key(double, CompileOptions(opt_level=2)),
        module_key(double, CompileOptions(llvm_opt_level=0)),
        module_key(double, CompileOptions(target_cpu="x86-64-v3")),
        module_key(double, CompileOptions(target_features="-fma")),
        module_key(double, CompileOptions(pipeline="canonicalize")),
    ]
    assert len({key, *others}) == len(others) + 1


def test_key_depends_on_the_build_of_the_compiler(
    double: ir.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = module_key(double)
    build = compiler_fingerprint()
    monkeypatch.setattr("gpt_mlir.compiler.driver.compiler_fingerprint", lambda: build + "x")
    assert module_key(double) != key


RACE = """
import sys, numpy as np
from pathlib import Path
from gpt_mlir import CompileOptions, compile_module, ir
text, folder = Path(sys.argv[1]).read_text(), Path(sys.argv[2])
module = ir.Module.parse(text, ir.Context())
sys.stdin.readline()
run = compile_module(module, CompileOptions(cache_folder=folder))
assert run(np.ones((2, 4), np.float32)).sum() == 16
"""


def test_processes_share_a_cache(tmp_path: Path) -> None:
    (tmp_path / "double.mlir").write_text(DOUBLE)
    folder = tmp_path / "cache"
    command = [sys.executable, "-W", "error", "-c", RACE, tmp_path / "double.mlir", folder]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, text=True) for _ in range(4)]
    for process in processes:  # all are past their imports, or soon will be
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0] * 4
    (entry,) = folder.iterdir()
    assert entry.suffix == ".so"


def test_threads_compile_at_once(options: CompileOptions) -> None:
    texts = [DOUBLE.replace("@double", f"@double{i}") for i in range(8)]
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda text: compile_module(parse(text), options), texts))
    for run in runs:
        np.testing.assert_array_equal(run(X), 2 * X)


def test_code_does_not_depend_on_the_run(double: ir.Module, options: CompileOptions) -> None:
    assert emit(double, "shared", options) == emit(parse(DOUBLE), "shared", options)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target_cpu": "znver"}, r"unknown target cpu 'znver' for .*; did you mean 'znver\d'\?"),
        ({"target_cpu": "help"}, r"unknown target cpu 'help' for '[^']*'$"),
        ({"target_features": "avx2"}, r"expected target feature 'avx2' to begin with '\+' or '-'"),
        ({"target_features": "+avx512q"}, r"unknown target feature 'avx512q' .*did you mean"),
        ({"target_triple": "pdp11-dec-unix"}, "no code generator for target triple 'pdp11"),
    ],
)
def test_unknown_targets(
    double: ir.Module, options: CompileOptions, changes: dict[str, str], message: str
) -> None:
    with pytest.raises(CompileError, match=message):
        compile_module(double, dataclasses.replace(options, **changes))


def test_opt_level_is_checked() -> None:
    with pytest.raises(ValueError, match="expected opt_level 0 to 3, got 4"):
        CompileOptions(opt_level=4)
    with pytest.raises(ValueError, match="expected llvm_opt_level 0 to 3, got -1"):
        CompileOptions(llvm_opt_level=-1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"opt_level": "3"}, "expected opt_level 0 to 3, got '3'"),
        ({"opt_level": True}, "expected opt_level 0 to 3, got True"),
        (
            {"max_ops": 2**63},
            "expected max_ops of at most 9223372036854775807, got 9223372036854775808",
        ),
        ({"time_limit": "x"}, "expected a time_limit above 0 seconds, got 'x'"),
        ({"target_cpu": None}, "expected target_cpu to be a str, got None"),
        ({"schedule": 3}, "expected schedule to be a str or None, got 3"),
        ({"cache_folder": 3}, "expected cache_folder to be a path or None, got 3"),
    ],
)
def test_options_are_errors_of_this_package(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        CompileOptions(**options)


def test_options_that_are_none(double: ir.Module) -> None:
    with pytest.raises(InputError, match="expected options to be CompileOptions or None"):
        compile_module(double, {})  # type: ignore[arg-type]


def test_integers_of_numpy_are_the_same_options() -> None:
    options = CompileOptions(opt_level=np.int64(2))
    assert options.identity() == CompileOptions(opt_level=2).identity()


@pytest.mark.parametrize("opt_level", range(4))
def test_opt_levels(double: ir.Module, options: CompileOptions, opt_level: int) -> None:
    run = compile_module(double, dataclasses.replace(options, opt_level=opt_level))
    np.testing.assert_array_equal(run(X), 2 * X)


def test_invalid_module(options: CompileOptions) -> None:
    module = parse("func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> { return %x : tensor<4xf32> }")
    (function,) = module.body.operations
    function.regions[0].blocks[0].operations[0].operation.erase()
    with pytest.raises(CompileError, match="the module is not valid") as caught:
        compile_module(module, options)
    assert caught.value.diagnostics
    assert caught.value.reproducer is None


def test_failure_leaves_a_reproducer(options: CompileOptions) -> None:
    module = parse("func.func @f(%x: tensor<4xf32>, %n: tensor<index>) { return }")
    with pytest.raises(CompileError) as caught:
        emit(module, "object", dataclasses.replace(options, pipeline="gpt-prepare-exports"))
    error = caught.value
    (diagnostic,) = error.diagnostics
    assert diagnostic.startswith("-:1:1: 'func.func' op cannot be exported: argument 1")
    assert "see current operation" not in diagnostic
    assert error.reproducer is not None
    assert f"gpt-opt --run-reproducer {error.reproducer}" in str(error)
    text = error.reproducer.read_text()
    assert "gpt-prepare-exports" in text
    parse(text)
    error.reproducer.unlink()


def test_reproducer_fails_in_gpt_opt(tmp_path: Path, options: CompileOptions) -> None:
    import gpt_mlir

    tool = Path(gpt_mlir.__file__).parents[2] / "bin" / "gpt-opt"
    if not tool.is_file():
        pytest.skip("the package is not in a build tree with gpt-opt")
    module = parse("func.func @f(%x: tensor<4xindex>) { return }")
    with pytest.raises(CompileError) as caught:
        run_pipeline(module, "canonicalize,gpt-prepare-exports")
    reproducer = caught.value.reproducer
    assert reproducer is not None
    done = subprocess.run(
        [tool, "--run-reproducer", reproducer], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "cannot be exported: argument 0" in done.stderr
    reproducer.unlink()


def test_remarks_of_passes_are_logged(double: ir.Module, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="gpt_mlir.compiler")
    module = parse("""module attributes {transform.with_named_sequence} {
      func.func private @f() { return }
      transform.named_sequence @__transform_main(%root: !transform.any_op {transform.readonly}) {
        %f = transform.structured.match ops{["func.func"]} in %root
            : (!transform.any_op) -> !transform.any_op
        transform.debug.emit_remark_at %f, "found it" : !transform.any_op
        transform.yield
      }
    }""")
    run_pipeline(module, "transform-interpreter")
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert "remark: -:2:7: found it" in caplog.text


def test_unknown_pass(double: ir.Module, options: CompileOptions) -> None:
    with pytest.raises(CompileError, match="'no-such-pass' does not refer to a registered pass"):
        compile_module(double, dataclasses.replace(options, pipeline="no-such-pass"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("func.func private @f() { return }", "no public function with a body"),
        ("func.func @f(%x: f32) { return }", "argument 0: expected a ranked tensor, got f32"),
        ("func.func @f(%x: tensor<2xf64>) { return }", "argument 0: dtype .* is not supported"),
        (
            'func.func @f(%x: tensor<2xf32> {gpt.name = "x"}, %y: tensor<2xf32> {gpt.name = "x"}) '
            "{ return }",
            "two arguments named 'x'",
        ),
        (
            "func.func @f(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32> {gpt.name = "
            '"result0"}) { return %x, %x : tensor<2xf32>, tensor<2xf32> }',
            "two results named 'result0'",
        ),
        (
            'func.func @f(%x: tensor<1x1x2x4xf32> {gpt.cache = "key"}) { return }',
            r"expected as many 'gpt.cache' results as arguments \(1\), got 0",
        ),
    ],
)
def test_functions_that_cannot_be_called(options: CompileOptions, text: str, message: str) -> None:
    with pytest.raises(CompileError, match=message):
        compile_module(parse(text), options)


def test_forms_of_output(double: ir.Module) -> None:
    assert b"define" in emit(double, "llvmir")
    assert b"gpt_entry_double:" in emit(double, "asm")
    assert emit(double, "object").startswith(b"\x7fELF")
    shared = emit(double, "shared")
    assert shared.startswith(b"\x7fELF")
    assert shared[16] == 3  # ET_DYN


def test_features_that_this_machine_lacks(double: ir.Module, options: CompileOptions) -> None:
    if "-xop" not in _compiler.host_features():
        pytest.skip("this machine is no x86 or has them all")
    with pytest.raises(CompileError, match=r"cannot run on this machine .*lacks .*xop.*'-.*xop'"):
        compile_module(double, dataclasses.replace(options, target_features="+xop"))
    # Of another processor, what only operating systems use is not needed.
    assert _compiler.missing_features(cpu="x86-64", features="+wbnoinvd,+pku") == ""
    emit(double, "object", CompileOptions(target_features="+xop"))


def test_ctrl_c_ends_passes_that_run(double: ir.Module) -> None:
    class InterruptError(Exception):
        pass

    def interrupt(*_: object) -> None:
        raise InterruptError

    names = [f"f{number}" for number in range(400)]
    text = "\n".join(DOUBLE.replace("@double", f"@{name}") for name in names)
    module = ir.Module.parse(text, ir.Context())
    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(InterruptError):
            run_pipeline(module, llvm_pipeline(CompileOptions(opt_level=1)), quiet=True)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert "llvm.func" not in str(module)  # what is left of the pipeline did not run
    assert "llvm.func" in str(lower(double))  # the compiler goes on working


def test_other_machines(double: ir.Module) -> None:
    arm = CompileOptions(target_triple="aarch64-linux-gnu", target_cpu="generic")
    assert b".globl\tgpt_entry_double" in emit(double, "asm", arm)
    assert emit(double, "object", arm)[18] == 183  # EM_AARCH64
    with pytest.raises(CompileError, match=r"target cpu 'native' is a .*; name a cpu"):
        emit(double, "object", dataclasses.replace(arm, target_cpu="native"))


def test_named_cpu_brings_no_features_of_the_host(double: ir.Module) -> None:
    assembly = emit(double, "asm", CompileOptions(target_cpu="x86-64-v3")).decode()
    assert "zmm" not in assembly


def test_stages(double: ir.Module) -> None:
    before = str(double)
    assert str(lower(double, "gpt")) == before
    llvm = str(lower(double, "llvm"))
    assert "llvm.func @gpt_entry_double" in llvm
    assert "func.func" not in llvm
    assert str(double) == before
    with pytest.raises(ValueError, match="unknown stage 'asm'; expected one of gpt, linalg"):
        lower(double, "asm")  # type: ignore[arg-type]


FATAL = """
from gpt_mlir import CompileOptions, ir
from gpt_mlir.compiler import emit
from gpt_mlir.errors import CompileError
module = ir.Module.parse('''
  llvm.func @f(%x: vector<16xi8>, %a: vector<4xi32>) -> vector<4xi32> {
    %r = llvm.call_intrinsic "llvm.aarch64.neon.sdot.v4i32.v16i8"(%a, %x, %x)
        : (vector<4xi32>, vector<16xi8>, vector<16xi8>) -> vector<4xi32>
    llvm.return %r : vector<4xi32>
  }''', ir.Context())
for _ in range(3):
    try:
        emit(module, "object", CompileOptions(pipeline="", target_cpu="x86-64-v3"))
    except CompileError as error:
        print(error)
"""


def test_fatal_errors_of_llvm_do_not_end_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FATAL], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("code generation failed: Cannot select: intrinsic") == 3
