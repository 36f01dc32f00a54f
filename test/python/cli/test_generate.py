"""`gpt-mlir generate`: its text, its options, and what may happen to a process."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from program import PROGRAM, run, start

from gpt_mlir import LLM

TIMING = re.compile(
    r"\[load \d+\.\d+ s \| compile \d+\.\d+ s \| prefill \d+ tokens \d+\.\d+ s \(\d+\.\d/s\) \| "
    r"decode \d+ tokens \d+\.\d+ s \(\d+\.\d/s\) \| (stop|length|interrupted)\]\n"
)


def test_generate(model: Path) -> None:
    done = run("generate", "-m", model, "-n", "20", "to be")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("\n")
    assert TIMING.fullmatch(done.stderr)
    assert "decode 19 tokens" in done.stderr


def test_quiet_and_echo(model: Path) -> None:
    plain = run("generate", "-m", model, "-n", "5", "-q", "to be")
    echo = run("generate", "-m", model, "-n", "5", "-q", "--echo", "to be")
    assert plain.stderr == echo.stderr == ""
    assert echo.stdout == "to be" + plain.stdout


@pytest.mark.parametrize("dtype", ["bf16", "f16"])
def test_dtype(model: Path, dtype: str) -> None:
    done = run("generate", "-m", model, "-n", "8", "-q", "--dtype", dtype, "to be")
    assert done.returncode == 0, done.stderr
    result = LLM.from_pretrained(model, dtype=dtype).generate("to be", max_new_tokens=8)
    assert done.stdout == f"{result.text}\n"


def test_without_cache_is_the_same_text(model: Path) -> None:
    cached = run("generate", "-m", model, "-n", "8", "-q", "to be")
    uncached = run("generate", "-m", model, "-n", "8", "-q", "--no-cache", "to be")
    assert uncached.stdout == cached.stdout


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_prompt_from_stdin(model: Path, arguments: tuple[str, ...]) -> None:
    expected = run("generate", "-m", model, "-n", "5", "-q", "to be")
    done = run("generate", "-m", model, "-n", "5", "-q", *arguments, input="to be\n")
    assert done.stdout == expected.stdout


def test_sampling_options(model: Path) -> None:
    options = ("-t", "0.9", "--top-k", "20", "--top-p", "0.9", "--min-p", "0.01", "--seed")
    arguments = ("generate", "-m", model, "-n", "20", "-q", "--repetition-penalty", "1.1", *options)
    first, second, other = (run(*arguments, seed, "to be") for seed in ("1", "1", "2"))
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout != other.stdout


def test_stop(model: Path) -> None:
    whole = run("generate", "-m", model, "-n", "40", "-q", "to be").stdout
    stop = whole[10:12]
    done = run("generate", "-m", model, "-n", "40", "--stop", "zzzz", "--stop", stop, "to be")
    assert done.stdout == whole[: whole.index(stop)] + "\n"
    assert done.stderr.endswith("| stop]\n")


def test_value_the_library_refuses(model: Path) -> None:
    done = run("generate", "-m", model, "--top-p", "0", "to be")
    assert done.returncode == 1
    assert done.stderr == ("gpt-mlir: error: top_p expected more than 0 and at most 1, found 0.0\n")


def test_missing_model(tmp_path: Path) -> None:
    done = run("generate", "-m", tmp_path / "gone", "to be")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"gpt-mlir: error: {tmp_path / 'gone'}: no such model folder\n"


def test_unknown_architecture(model: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "mamba"}))
    for command in ("generate", "compile", "inspect"):
        done = run(command, "-m", tmp_path, input="to be")
        assert done.returncode == 1
        assert done.stderr == (
            f"gpt-mlir: error: {tmp_path}/config.json: unknown architecture 'mamba'; "
            "known: gpt2, gpt_neox, llama\n"
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-t", "inf"), "temperature expected 0 or more, found inf"),
        (("--top-p", "0"), "top_p expected more than 0 and at most 1, found 0.0"),
        (("--stop", ""), "stop expected strings that are not empty, found ''"),
    ],
)
def test_values_out_of_range(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    """They are found before the model is looked for."""
    done = run("generate", "-m", tmp_path / "gone", *arguments, "to be")
    assert done.returncode == 1
    assert done.stderr == f"gpt-mlir: error: {message}\n"


def test_prompt_that_is_not_utf8(model: Path) -> None:
    process = subprocess.run(
        [*PROGRAM, "generate", "-m", model], input=b"ab\xff", capture_output=True, check=False
    )
    assert process.returncode == 2
    assert b"stdin is not UTF-8 at byte 2" in process.stderr


# What may happen to a process.


def test_reader_of_the_pipe_goes_away(model: Path) -> None:
    process = subprocess.Popen(
        [*PROGRAM, "generate", "-m", str(model), "-n", "150", "to be"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 141


def test_interrupt(model: Path, tmp_path: Path) -> None:
    """Ctrl-C while text is streamed: what there was stays, the timing is told, the code is 130."""
    # The model is slowed down, so that the signal surely comes while it generates.
    code = (
        "import sys, time\n"
        "from gpt_mlir.cli import main\n"
        "from gpt_mlir.generation.compiled_model import CompiledModel\n"
        "prepare = CompiledModel.prepare_decode\n"
        "def slow(*arguments):\n"
        "    step = prepare(*arguments)\n"
        "    return lambda: (time.sleep(0.05), step())[1]\n"
        "CompiledModel.prepare_decode = slow\n"
        "sys.exit(main())\n"
    )
    process = start(
        [sys.executable, "-c", code, "generate", "-m", str(model), "-n", "150", "to be"],
        stdin=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    first = process.stdout.read(4)
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (first + rest).endswith(b"\n")
    assert TIMING.fullmatch(errors.decode())
    assert b"| interrupted]" in errors
    assert b"Traceback" not in errors


def test_interrupt_while_loading(model: Path) -> None:
    process = start([*PROGRAM, "generate", "-m", str(model)], stdin=subprocess.PIPE)
    # Not before it waits for a prompt: "0 0x0" is read(2) on stdin.
    while not Path(f"/proc/{process.pid}/syscall").read_text().startswith("0 0x0 "):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (output, errors) == (b"", b"")


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("typer", ("--help",)),
        ("numpy", ("generate", "to be")),
        ("gpt_mlir.verify", ("verify", "none.mlir")),
        ("gpt_mlir._mlir_libs", ("inspect", "--stage", "gpt")),
    ],
)
def test_interrupt_while_modules_load(module: str, arguments: tuple[str, ...]) -> None:
    # Extension modules make an ImportError of what is raised while they load.
    code = (
        "import os, signal, sys, time\n"
        "class Finder:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name != {module!r}:\n"
        "            return\n"
        "        sys.meta_path.remove(self)\n"
        "        try:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "            time.sleep(60)\n"
        "        except KeyboardInterrupt:\n"
        "            raise ImportError('something went wrong') from None\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from gpt_mlir.cli import main\n"
        "sys.exit(main())\n"
    )
    process = start([sys.executable, "-c", code, *arguments], stdin=subprocess.DEVNULL)
    output, errors = process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGINT)  # a shell calls both 130
    assert (output, errors) == (b"", b"")


def test_the_handler_of_interrupts_is_pythons_own_again() -> None:
    code = (
        "import signal\n"
        "from gpt_mlir.cli import main\n"
        "assert main(['--help']) == 0\n"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "assert main(['--help']) == 0\n"
        "assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN\n"
    )
    process = start([sys.executable, "-c", code])
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors


@pytest.mark.parametrize(
    ("closed", "arguments"),
    [("2>&-", ("to be",)), (">&-", ("to be",)), ("<&-", ()), ("<&- >&- 2>&-", ("to be",))],
)
def test_closed_streams(model: Path, closed: str, arguments: tuple[str, ...]) -> None:
    command = [*PROGRAM, "generate", "-m", str(model), "-n", "3", *arguments]
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$@" {closed}', "sh", *command], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (done.stdout == b"") == (">&-" in closed.replace("2>&-", ""))
    assert (done.stderr == b"") == ("2>&-" in closed)


def test_cache_folder_that_cannot_be_written(model: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    environment = os.environ | {"GPT_MLIR_CACHE": str(blocked / "cache")}
    done = run("generate", "-m", model, "-n", "3", "-q", "to be", env=environment)
    assert done.returncode == 0
    assert done.stdout == run("generate", "-m", model, "-n", "3", "-q", "to be").stdout
    lines = done.stderr.splitlines()
    assert all(line.startswith("gpt-mlir: warning: ") for line in lines)
    assert len(lines) == len(set(lines)) > 0


def test_progress_is_for_terminals(model: Path, tmp_path: Path) -> None:
    """The display shows on a terminal that waits for a compilation, and leaves no line behind."""
    environment = os.environ | {"GPT_MLIR_CACHE": str(tmp_path), "TERM": "xterm"}
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, "compile", "-m", str(model)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=terminal,
        env=environment,
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            part = os.read(controller, 4096)
        except OSError:
            break
        if not part:
            break
        shown += part
    assert process.wait(60) == 0
    os.close(controller)
    assert b"Generating code (" in shown or b"Lowering (" in shown
