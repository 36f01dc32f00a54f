"""`gpt-mlir verify`: what it prints, its exit codes, and what it refuses."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from program import run

from gpt_mlir.verify.checker import Outcome
from gpt_mlir.verify.report import table_row

MODULE = """
func.func @main(%x: tensor<?x?x16xf32> {gpt.dims = ["batch", "seq", ""]}, %w: tensor<8x16xf32>)
    -> tensor<?x?x8xf32> {
  %y = gpt.linear %x, %w : (tensor<?x?x16xf32>, tensor<8x16xf32>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}
"""


@pytest.fixture(name="module")
def _write_module(tmp_path: Path) -> Path:
    file = tmp_path / "module.mlir"
    file.write_text(MODULE, encoding="utf-8")
    return file


def write_op(folder: Path, op: str, x: str, w: str) -> Path:
    """Writes a module of one op on `x` and `w`, whose result has the type of `x`."""
    file = folder / "module.mlir"
    file.write_text(
        f"func.func @main(%x: {x}, %w: {w}) -> {x} {{\n"
        f"  %y = {op} %x, %w : ({x}, {w}) -> {x}\n  return %y : {x}\n}}\n",
        encoding="utf-8",
    )
    return file


def test_a_module(module: Path) -> None:
    result = run("verify", module, "--size", "seq=5", "--opt-level", "1")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].split()[:2] == ["stage", "max"]
    assert lines[1].startswith("gpt, op by op ")
    assert lines[2].startswith("plainest lowering ")
    for line in lines[1:-1]:
        assert re.search(r" equal +\d+% gpt\.linear \[\d, \d+, 16\] x \[8, 16\]$", line)
    assert lines[-1].endswith("stages are within the tolerance")


def test_steps_of_a_schedule_are_only_checked_if_asked_for(tmp_path: Path) -> None:
    file = write_op(tmp_path, "gpt.linear", "tensor<4x64xf32>", "tensor<64x64xf32>")
    result = run("verify", file, "--opt-level", "2", "--trials", "1", "--ops", "none")
    assert result.returncode == 0, result.stdout
    assert "\ngpt-apply-schedule tile " in result.stdout
    assert "\n  gpt-apply-schedule tile: " not in result.stdout


def test_rows_of_steps_can_be_told_apart() -> None:
    def row(line: int, *, cut: bool) -> str:
        step = f"library line {line}: structured.tile_using_forall"
        outcome = Outcome(name="gpt-apply-schedule lower_vectors", step=step, status="equal")
        return table_row(outcome, tokens=False, cut=cut)

    assert row(7, cut=True) != row(8, cut=True)
    assert "…" in row(7, cut=True)
    assert "line 7: structured.tile_using_forall" in row(7, cut=False)


def test_every_op_gets_a_line(module: Path) -> None:
    for ops, per_stage in (("all", 3), ("none", 0)):
        result = run("verify", module, "--opt-level", "0", "--ops", ops)
        lines = result.stdout.splitlines()
        stages = sum(" equal" in line for line in lines)
        assert stages == (3 if per_stage else 2)
        assert sum(line.startswith("    gpt.linear ") for line in lines) == stages * per_stage


def test_passes_of_the_plainest_lowering_are_interpreted(module: Path) -> None:
    small = ("--size", "batch=1", "--size", "seq=2", "--trials", "1", "--opt-level", "0")
    result = run("verify", module, "--ops", "none", "--interpret", *small)
    assert result.returncode == 0, result.stdout
    lines = [line for line in result.stdout.splitlines() if line.startswith("interpreted: ")]
    assert all(" equal" in line for line in lines)
    names = [line.split()[1] for line in lines]
    assert names[0] == "convert-gpt-to-linalg"
    assert names[-1] == "gpt-emit-packed-entry"
    assert "one-shot-bufferize" in names


def test_a_model_as_json(model: Path) -> None:
    result = run("verify", model, "--json", "--opt-level", "0", "-n", "2")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["succeeded"]
    assert report["subject"] == str(model)
    for stage in report["stages"]:
        assert stage["status"] == "equal"
        assert stage["difference"]["first_token"] is None
        assert stage["difference"]["relative"] < 1e-4
        names = {op["op"].split()[0] for op in stage["ops"]}
        assert {"gpt.embedding", "gpt.linear", "gpt.cached_attention"} <= names
        assert all(op["difference"]["misses"] == 0 for op in stage["ops"])


def test_a_model_in_bf16(model: Path) -> None:
    result = run("verify", model, "--json", "--opt-level", "0", "-n", "1", "--dtype", "bf16")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    # As far from float64 as roundings of bf16 make it, and no further.
    errors = [stage["difference"]["relative"] for stage in report["stages"]]
    assert min(errors) > 1e-4
    assert max(errors) < 1e-1


def test_transformers_as_the_reference(model: Path) -> None:
    result = run("verify", model, "--reference", "transformers", "--opt-level", "0", "-n", "1")
    assert result.returncode == 0, result.stderr + result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("{module}", "--prompt", "x"), "--prompt is for models"),
        (("{module}", "--dtype", "bf16"), "--dtype bf16 is for models"),
        (("{module}", "--reference", "transformers"), "--reference transformers is for models"),
        (("{module}", "--size", "seq"), "--size expected NAME=NUMBER, got 'seq'"),
        (("{module}", "--size", "foo=3"), "no dynamic dimension 'foo'; there are batch, seq"),
        (
            ("{module}", "--size", "seq=99999999999"),
            "; the largest is argument 'argument0' of function 'main': [3, 99999999999, 16], f32",
        ),
        (("{module}", "--size", "seq=" + 5000 * "9"), "--size expected NAME=NUMBER, got 'seq=99"),
        (("{module}", "--load-pass-plugin", "/none.so"), "/none.so: not a pass plugin"),
        (("{module}", "--pipeline", "no-such-pass"), "the pipeline is not valid"),
        (("/none",), "/none: expected a model folder or an .mlir file"),
        (("/none.mlir",), "/none.mlir: cannot be read"),
    ],
)
def test_wrong_use(module: Path, arguments: tuple[str, ...], message: str) -> None:
    result = run("verify", *(argument.format(module=module) for argument in arguments))
    assert result.returncode == 1
    assert result.stderr.startswith("gpt-mlir: error: ")
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_sizes_that_do_not_fit(tmp_path: Path) -> None:
    file = write_op(tmp_path, "gpt.add", "tensor<2x?xf32>", "tensor<?xf32>")
    result = run("verify", file)
    assert result.returncode == 1
    assert "function 'main' cannot be computed for inputs of shapes [2, 11], [2]" in result.stderr
    assert "Traceback" not in result.stderr
    fitting = run("verify", file, "--size", "dim0=5", "--size", "dim1=5", "--ops", "none")
    assert fitting.returncode == 0, fitting.stderr


def test_a_file_that_is_not_there_has_no_table() -> None:
    result = run("verify", "none.mlir")
    assert result.stdout == ""
    assert result.stderr == (
        "gpt-mlir: error: none.mlir: cannot be read: No such file or directory\n"
    )


@pytest.mark.parametrize(
    ("extents", "message"),
    [
        ("4611686018427387904", "the module cannot be verified\n  {file}:1:1: 'func.func' op "),
        ("0x9223372036854775807", "expected inputs of at most "),
    ],
)
def test_what_fits_no_machine(tmp_path: Path, extents: str, message: str) -> None:
    file = tmp_path / "huge.mlir"
    kind = f"tensor<{extents}xf32>"
    file.write_text(f"func.func @f(%x: {kind}) -> {kind} {{ return %x : {kind} }}")
    result = run("verify", file)
    assert result.returncode == 1
    assert result.stderr.startswith(f"gpt-mlir: error: {message.format(file=file)}")


def test_too_little_memory() -> None:
    code = (
        "import sys\n"
        "from gpt_mlir.cli import entry\n"
        "from gpt_mlir.cli import verify\n"
        "def run(*_, **__):\n"
        "    raise MemoryError(*sys.argv[1:])\n"
        "verify.run = run\n"
        "sys.exit(entry.main(['verify', 'x']))\n"
    )
    for text, shown in (((), ""), (("Unable to allocate 2 GiB",), ": Unable to allocate 2 GiB")):
        done = subprocess.run([sys.executable, "-c", code, *text], capture_output=True, text=True)
        assert done.returncode == 1
        assert done.stderr == f"gpt-mlir: error: not enough memory{shown}\n"


def test_what_is_no_module(tmp_path: Path) -> None:
    file = tmp_path / "broken.mlir"
    file.write_text("\nfunc.func @f(", encoding="utf-8")
    result = run("verify", file)
    assert result.returncode == 1
    assert f"{file}: not a module\n  {file}:2:13: expected" in result.stderr


def test_what_is_nested_too_deeply(tmp_path: Path) -> None:
    file = tmp_path / "deep.mlir"
    file.write_text("\n" + "module {" * 6000 + "}" * 6000, encoding="utf-8")
    result = run("verify", file)
    assert result.returncode == 1
    assert result.stderr == (
        f"gpt-mlir: error: {file}: line 2: expected brackets at most 1000 deep\n"
    )


def test_a_file_whose_name_is_not_utf8(tmp_path: Path) -> None:
    file = os.fsencode(tmp_path) + b"/\xff.mlir"
    Path(os.fsdecode(file)).write_text("module {}", encoding="utf-8")
    result = run("verify", os.fsdecode(file))
    assert "the module has no public function" in result.stderr


def test_what_can_be_read_only_once(tmp_path: Path) -> None:
    file = tmp_path / "pipe.mlir"
    os.mkfifo(file)
    with subprocess.Popen(["/bin/sh", "-c", f"printf 'module {{}}' > {file}"]):
        result = run("verify", file)
    assert "the module has no public function" in result.stderr
