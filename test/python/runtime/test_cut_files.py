"""Files that are cut in the middle of a call: an error, and no other signal is touched."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from checkpoints import folder_of

from gpt_mlir import LLM, CheckpointError, CompileOptions

PAGE = 4096
NUM_TOKENS = 40

# Generates until there is an error; the parent cuts a file meanwhile.
ENDLESS = """
import sys
from pathlib import Path
from gpt_mlir import LLM, CheckpointError, CompileOptions
llm = LLM.from_pretrained(sys.argv[1], options=CompileOptions(cache_folder=Path(sys.argv[2])))
prompt = list(range(1, 100))
print("ready", flush=True)
try:
    while True:
        llm.generate(prompt, max_new_tokens=100, eos_token_id=[])
except CheckpointError as error:
    print("refused:", error)
"""

# Others' signals, with a mapping of ours in the process and touched where its file is not.
OTHERS = """
import faulthandler, mmap, os, signal, sys
from gpt_mlir import _runtime
how, ours, others = sys.argv[1:]
if how == "faulthandler":
    faulthandler.enable()
if how == "handler":
    signal.signal(signal.SIGBUS, lambda *_: print("handled"))
if how == "ignored":
    signal.signal(signal.SIGBUS, signal.SIG_IGN)
with open(ours, "rb") as file:
    mapping = _runtime.FileMapping(file.fileno(), 8192, "ours")
os.truncate(ours, 0)
assert mapping.bytes[0] == 0
if how in ("sent", "handler", "ignored"):
    os.kill(os.getpid(), signal.SIGBUS)
else:
    with open(others, "rb") as file:
        memory = mmap.mmap(file.fileno(), 8192, access=mmap.ACCESS_READ)
    os.truncate(others, 0)
    memory[0]
print("lives")
"""


class Model:
    """A model of its own folder, with the file of its packed weights."""

    def __init__(self, folder: Path, num_threads: int = 1) -> None:
        self.cache = folder / "cache"
        shutil.copytree(folder_of("gpt2"), folder / "model")
        LLM.from_pretrained(folder_of("gpt2"))  # the code of all models here, compiled once
        code = os.environ["GPT_MLIR_CACHE"]
        shutil.copytree(code, self.cache, ignore=lambda *_: ["weights"])
        self.checkpoint = folder / "model" / "model.safetensors"
        self.num_threads = num_threads
        self.llm = self.load()

    def load(self) -> LLM:
        return LLM.from_pretrained(
            self.checkpoint.parent,
            options=CompileOptions(cache_folder=self.cache),
            num_threads=self.num_threads,
        )

    def file(self, which: str) -> Path:
        if which == "checkpoint":
            return self.checkpoint
        files = list((self.cache / "weights").glob("*.weights"))
        if not files:
            pytest.skip("the schedule of this machine packs nothing")
        return files[0]

    def generate(self) -> tuple[int, ...]:
        return self.llm.generate([1, 2, 3], max_new_tokens=NUM_TOKENS, eos_token_id=[]).token_ids


@pytest.fixture(params=[1, 3])
def model(tmp_path: Path, request: pytest.FixtureRequest) -> Model:
    return Model(tmp_path, request.param)


BOTH = pytest.mark.parametrize("which", ["checkpoint", "packed"])
CUT = "cut while in use, from"


def steps(llm: LLM) -> Iterator[int]:
    """Decodes token by token; a call of its own each."""
    caches = llm.model.allocate(1, NUM_TOKENS + 8)
    llm.model.prefill(np.ones((1, 3), np.int64), np.zeros(1, np.int64), caches)
    for position in range(3, NUM_TOKENS):
        ids = np.full((1, 1), position)
        yield int(llm.model.decode(ids, np.array([position]), caches).argmax())


@BOTH
@pytest.mark.parametrize("length", [0, 2 * PAGE])
def test_cut_between_tokens(model: Model, which: str, length: int) -> None:
    tokens = steps(model.llm)
    for _ in range(5):
        next(tokens)
    os.truncate(model.file(which), length)
    with pytest.raises(CheckpointError, match=CUT):
        next(tokens)
    with pytest.raises(CheckpointError, match=r"cut|written to"):
        model.generate()


def cut_after_check(model: Model, path: Path, length: int, patch: pytest.MonkeyPatch) -> None:
    """Lets a file be cut after the first check, before the call that it is for."""
    check: Callable[[], None] = model.llm.model.check_unchanged

    def check_and_cut() -> None:
        check()
        os.truncate(path, length)

    patch.setattr(model.llm.model, "check_unchanged", check_and_cut)


@BOTH
def test_cut_in_a_prompt(model: Model, which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cut_after_check(model, model.file(which), PAGE, monkeypatch)
    with pytest.raises(CheckpointError, match=CUT):
        model.generate()


def test_cut_within_the_last_page(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """No page is gone, so no call notices; the end of the generation does."""
    size = model.checkpoint.stat().st_size
    cut_after_check(model, model.checkpoint, size - 4, monkeypatch)
    with pytest.raises(CheckpointError, match="written to while it is in use"):
        model.generate()


def test_cut_before_packing(tmp_path: Path) -> None:
    model = Model(tmp_path)
    packed = model.file("packed")
    packed.unlink()
    model.llm = LLM(model.checkpoint.parent, options=CompileOptions(cache_folder=model.cache))
    os.truncate(model.checkpoint, PAGE)
    with pytest.raises(CheckpointError, match=CUT):
        model.llm.model.executable()
    assert list(packed.parent.iterdir()) == []


@pytest.mark.filterwarnings("ignore:.*packing again:gpt_mlir.CacheWarning")
def test_models_that_share_a_file(tmp_path: Path) -> None:
    model = Model(tmp_path / "cut")
    expected = model.generate()
    twin, other = model.load(), Model(tmp_path / "whole")
    in_progress = [steps(llm) for llm in (model.llm, twin, other.llm)]
    for tokens in in_progress:
        next(tokens)
    os.truncate(model.checkpoint, 0)
    for tokens in in_progress[:2]:
        with pytest.raises(CheckpointError, match=CUT):
            next(tokens)
    assert len(list(in_progress[2])) == NUM_TOKENS - 4
    assert other.generate() == expected
    # The file is whole again: who maps it anew can use it.
    shutil.copyfile(other.checkpoint, model.checkpoint)
    model.llm = model.load()
    assert model.generate() == expected


def test_cut_in_a_child(tmp_path: Path) -> None:
    model = Model(tmp_path)
    tokens = steps(model.llm)
    next(tokens)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.truncate(model.checkpoint, 0)
            next(tokens)
        except CheckpointError:
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with pytest.raises(CheckpointError, match=CUT):
        next(tokens)


@BOTH
def test_cut_by_another_process(tmp_path: Path, which: str) -> None:
    model = Model(tmp_path)
    command = [sys.executable, "-c", ENDLESS, str(model.checkpoint.parent), str(model.cache)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    os.truncate(model.file(which), 0)
    found, errors = child.communicate(timeout=300)
    assert child.returncode == 0, errors[-2000:]
    assert found.startswith("refused: ")


@pytest.mark.parametrize(
    ("how", "status", "said"),
    [
        ("touched", -signal.SIGBUS, ""),
        ("sent", -signal.SIGBUS, ""),
        ("faulthandler", -signal.SIGBUS, "Fatal Python error: Bus error"),
        ("handler", 0, "handled\nlives\n"),
        ("ignored", 0, "lives\n"),
    ],
)
def test_other_signals_are_as_before(tmp_path: Path, how: str, status: int, said: str) -> None:
    paths = [tmp_path / "ours", tmp_path / "others"]
    for path in paths:
        path.write_bytes(b"x" * 2 * PAGE)
    done = subprocess.run(
        [sys.executable, "-c", OTHERS, how, *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == status, done.stderr
    assert said in done.stdout + done.stderr
