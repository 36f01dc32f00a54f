"""The program `gpt-mlir`: help, usage, `compile` and `inspect`, run as users run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from program import run

# Help and usage.


@pytest.mark.parametrize("command", [(), ("generate",), ("compile",), ("inspect",)])
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_teaches(command: tuple[str, ...], flag: str) -> None:
    done = run(*command, flag)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "Examples:\n    gpt-mlir" in done.stdout


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from gpt_mlir.cli import main; main(['generate', '--help']); "
        "heavy = {'numpy', 'torch', 'transformers', 'tokenizers', 'gpt_mlir.ir'}; "
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_generate_imports_no_torch(model: Path) -> None:
    code = (
        "import sys; from gpt_mlir.cli import main; "
        "assert main(['generate', '-m', sys.argv[1], '-n', '2', 'to']) == 0; "
        "sys.exit(str({'torch', 'transformers'} & set(sys.modules) or 0))"
    )
    done = subprocess.run([sys.executable, "-c", code, model], capture_output=True, text=True)
    assert "torch" not in done.stderr


def test_version() -> None:
    done = run("--version")
    assert done.returncode == 0
    assert re.fullmatch(r"gpt-mlir (\d+\.\d+.*|\(development tree\))\n", done.stdout)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Missing command."),
        (("frobnicate",), "No such command 'frobnicate'."),
        (("generate", "--frobnicate"), "No such option: --frobnicate"),
        (("generate", "-n", "many", "x"), "Invalid value for '--max-new-tokens' / '-n'"),
        (("generate", "-n", "0", "x"), "Invalid value for '--max-new-tokens' / '-n'"),
        (("generate", "one", "two"), "unexpected extra argument"),
        (("inspect", "--stage", "nonsense"), "Invalid value for '--stage'"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("gpt-mlir: error: ")
    assert message in done.stderr
    assert "--help'." in done.stderr


# Compile and inspect.


def test_compile(model: Path, tmp_path: Path) -> None:
    environment = os.environ | {"GPT_MLIR_CACHE": str(tmp_path)}
    first = run("compile", "-m", model, env=environment)
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    fields = dict(re.findall(r"(?m)^(\w+) +(.*)$", first.stdout))
    assert fields["functions"] == "prefill, decode"
    (entry,) = tmp_path.glob("*.so")
    assert fields["file"].startswith(f"{entry} (")
    assert fields["key"] == entry.stem
    assert fields["time"].endswith("s (compiled)")
    second = run("compile", "-m", model, env=environment)
    assert "s (found in the cache)" in second.stdout
    uncached = run("compile", "-m", model, "--no-cache", env=environment)
    assert "functions  forward\n" in uncached.stdout


def test_compile_reports_what_the_schedule_did(model: Path) -> None:
    done = run("compile", "-m", model, "--report")
    assert done.returncode == 0, done.stderr
    table = done.stdout.split("\n\n")[1].splitlines()
    assert table[0].split() == ["taken", "step", "op", "from", "ops", "details"]
    packed = [line.split() for line in table if "gpt-pack-projections" in line]
    assert any(line[0] == "yes" and ".py:" in line[2] for line in packed)


def test_compile_for_an_unknown_cpu(model: Path) -> None:
    done = run("compile", "-m", model, "--target-cpu", "z80")
    assert done.returncode == 1
    assert done.stderr.startswith("gpt-mlir: error: ")
    assert "z80" in done.stderr


def test_inspect(model: Path) -> None:
    done = run("inspect", "-m", model, "--batch", "2", "--tokens", "100")
    assert done.returncode == 0, done.stderr
    for line in (
        "architecture  gpt2",
        "heads         3, of dimension 16",
        "vocabulary    300; tokenizer: ",
        "embeddings    tied",
        "KV cache      150.0 KiB for 2 x 100 tokens, f32",
        "  transformer.h.0.attn.c_attn.weight  float32   [48, 144]",
    ):
        assert line in done.stdout


def test_inspect_beyond_the_context(model: Path) -> None:
    done = run("inspect", "-m", model, "--tokens", "4000000")
    assert done.returncode == 1
    assert "error: --tokens expected at most the context, " in done.stderr


def test_element_type_of_activations(model: Path) -> None:
    done = run("inspect", "-m", model, "--batch", "2", "--tokens", "100", "--dtype", "bf16")
    assert "KV cache      75.0 KiB for 2 x 100 tokens, bf16" in done.stdout
    done = run("inspect", "-m", model, "--dtype", "f16", "--stage", "gpt", "--function", "decode")
    assert re.search(r"tensor<\?x3x\?x16xf16> \{.*gpt\.cache = ", done.stdout)
    done = run("inspect", "-m", model, "--dtype", "i32")
    assert done.returncode == 2
    assert "Invalid value for '--dtype'" in done.stderr


@pytest.mark.parametrize(
    ("stage", "function", "expected"),
    [
        ("gpt", "block_decode", "gpt.cached_attention"),
        ("linalg", "block_decode", "linalg."),
        ("vector", "block_decode", "tensor<"),
        ("loops", "block_decode", "scf.for"),
        ("llvm", "block_decode", "llvm.func"),
        ("asm", "gpt_entry_decode", "ret"),
    ],
)
def test_inspect_stage(model: Path, stage: str, function: str, expected: str) -> None:
    done = run("inspect", "-m", model, "--stage", stage, "--function", function)
    assert done.returncode == 0, done.stderr
    assert function in done.stdout.splitlines()[0]
    assert expected in done.stdout
    if stage == "gpt":
        whole = run("inspect", "-m", model, "--stage", stage)
        assert whole.stdout.startswith("module {")
        assert "@prefill" in whole.stdout


def test_batch_invariant(model: Path) -> None:
    """A single token has no code of its own, which would sum in another order."""
    for flags, present in (((), True), (("--batch-invariant",), False)):
        done = run("inspect", "-m", model, "--stage", "linalg", *flags)
        assert done.returncode == 0, done.stderr
        assert ("@decode_1" in done.stdout) == present


def test_inspect_unknown_function(model: Path) -> None:
    done = run("inspect", "-m", model, "--stage", "gpt", "--function", "nonsense")
    assert done.returncode == 1
    assert "no function 'nonsense' at this stage; there are " in done.stderr
    assert "block_prefill" in done.stderr
    done = run("inspect", "-m", model, "--function", "decode")
    assert done.stderr == (
        "gpt-mlir: error: --function needs --stage: it picks a function of the IR\n"
    )
