"""Packed weights in the cache folder: used when they are right, replaced when they are not."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import folder_of

from gpt_mlir import LLM, CacheWarning, CompileOptions
from gpt_mlir.runtime.packing import AnonymousMemory, Packer
from gpt_mlir.weights import Checkpoint
from gpt_mlir.weights import packed_file as packed_files
from gpt_mlir.weights.packed_file import packed_memory

IDS = np.arange(1, 8)[None]

# Prints the logits of a model, and what of the compiler is in the process.
PROGRAM = """
import sys
import numpy as np
from gpt_mlir import LLM
llm = LLM.from_pretrained(sys.argv[1])
caches = llm.model.allocate(1, 8)
logits = llm.model.prefill(np.arange(1, 8)[None], np.zeros(1, np.int64), caches)
with open("/proc/self/maps") as maps:
    mapped = maps.read()
print("compiler:", [name for name in ("libMLIR", "libLLVM", "GptMlirCAPI") if name in mapped])
print("packed:", ".weights" in mapped)
sys.stdout.flush()
sys.stdout.buffer.write(logits.tobytes())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    shutil.copytree(folder_of("gpt2"), path)
    return path


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder with the code of the model, and nothing else."""
    path = tmp_path_factory.mktemp("compiled")
    options = CompileOptions(cache_folder=path, cache_weights=False)
    llm = LLM.from_pretrained(folder_of("gpt2"), options=options)
    if not llm.model.executable().function("prefill")._packers:
        pytest.skip("the schedule of this machine packs nothing")
    return path


@pytest.fixture
def options(compiled: Path, tmp_path: Path) -> CompileOptions:
    return CompileOptions(cache_folder=Path(shutil.copytree(compiled, tmp_path / "cache")))


def logits(folder: Path, options: CompileOptions) -> np.ndarray[Any, Any]:
    llm = LLM.from_pretrained(folder, options=options)
    return llm.model.prefill(IDS, np.zeros(1, np.int64), llm.model.allocate(1, 8))


def unkept(folder: Path, options: CompileOptions) -> np.ndarray[Any, Any]:
    """With weights that were packed just now."""
    return logits(folder, dataclasses.replace(options, cache_weights=False))


def quietly(folder: Path, options: CompileOptions) -> np.ndarray[Any, Any]:
    """Without a warning, and without packing."""
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("error")
        patch.delattr(Packer, "__call__")
        return logits(folder, options)


def packed_file(options: CompileOptions) -> Path:
    assert options.cache_folder is not None
    (path,) = (options.cache_folder / "weights").iterdir()
    return path


def test_packed_once(folder: Path, options: CompileOptions) -> None:
    first = logits(folder, options)
    path = packed_file(options)
    assert path.stat().st_mode & 0o777 == 0o600
    np.testing.assert_array_equal(quietly(folder, options), first)
    np.testing.assert_array_equal(unkept(folder, options), first)


def test_the_first_of_two_writers_wins(
    folder: Path, options: CompileOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def publish(written: Path, path: Path, *others: Any) -> list[Any]:
        # Another process is done while this one has just written its file.
        monkeypatch.setattr(packed_files, "_publish", original)
        other.append(logits(folder, options))
        inodes.append(path.stat().st_ino)
        return original(written, path, *others)

    original = packed_files._publish
    other: list[Any] = []
    inodes: list[int] = []
    monkeypatch.setattr(packed_files, "_publish", publish)
    np.testing.assert_array_equal(logits(folder, options), other[0])
    path = packed_file(options)  # the only file: nothing temporary is left
    assert path.stat().st_ino == inodes[0]


@pytest.mark.parametrize("damage", ["header", "truncated", "longer", "empty"])
def test_damaged_file(folder: Path, options: CompileOptions, damage: str) -> None:
    first = logits(folder, options)
    path = packed_file(options)
    data = bytearray(path.read_bytes())
    if damage == "header":
        data[40] ^= 1
    elif damage == "truncated":
        del data[-4096:]
    elif damage == "longer":
        data += bytes(4096)
    else:
        data.clear()
    path.write_bytes(data)
    with pytest.warns(CacheWarning, match="are not used"):
        np.testing.assert_array_equal(logits(folder, options), first)
    np.testing.assert_array_equal(quietly(folder, options), first)


def test_file_that_others_may_write_to(folder: Path, options: CompileOptions) -> None:
    first = logits(folder, options)
    path = packed_file(options)
    path.chmod(0o660)
    with pytest.warns(CacheWarning, match="others may write to it"):
        np.testing.assert_array_equal(logits(folder, options), first)
    assert packed_file(options).stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_file_of_another_user(folder: Path, options: CompileOptions) -> None:
    first = logits(folder, options)
    os.chown(packed_file(options), 1, 1)
    with pytest.warns(CacheWarning, match="belongs to user 1"):
        np.testing.assert_array_equal(logits(folder, options), first)
    assert packed_file(options).stat().st_uid == 0


def test_symbolic_link(folder: Path, options: CompileOptions, tmp_path: Path) -> None:
    first = logits(folder, options)
    path = packed_file(options)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.warns(CacheWarning, match="cannot read packed weights"):
        np.testing.assert_array_equal(logits(folder, options), first)
    assert not packed_file(options).is_symlink()


def test_changed_checkpoint(folder: Path, options: CompileOptions) -> None:
    first = logits(folder, options)
    weights = folder / "model.safetensors"
    status = weights.stat()
    data = bytearray(weights.read_bytes())
    data[-4000:] = bytes(4000)
    weights.write_bytes(data)
    os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    with pytest.warns(CacheWarning, match="another state of the checkpoint"):
        second = logits(folder, options)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(unkept(folder, options), second)
    packed_file(options)  # the old file is replaced, not left behind


def test_other_layouts_have_files_of_their_own(folder: Path, options: CompileOptions) -> None:
    logits(folder, options)
    options = dataclasses.replace(options, opt_level=2)
    np.testing.assert_array_equal(logits(folder, options), unkept(folder, options))
    assert options.cache_folder is not None
    assert len(list((options.cache_folder / "weights").iterdir())) == 2


def test_folder_that_cannot_be_written(folder: Path, options: CompileOptions) -> None:
    assert options.cache_folder is not None
    (options.cache_folder / "weights").touch()
    with pytest.warns(CacheWarning, match=r"kept in memory .*GPT_MLIR_CACHE_WEIGHTS=0"):
        found = logits(folder, options)
    np.testing.assert_array_equal(unkept(folder, options), found)


@pytest.mark.parametrize("off", ["option", "variable"])
def test_turned_off(
    folder: Path, options: CompileOptions, monkeypatch: pytest.MonkeyPatch, off: str
) -> None:
    if off == "variable":
        monkeypatch.setenv("GPT_MLIR_CACHE_WEIGHTS", "0")
    logits(folder, dataclasses.replace(options, cache_weights=off != "option"))
    assert options.cache_folder is not None
    assert not (options.cache_folder / "weights").exists()


def test_no_cache_at_all(folder: Path) -> None:
    memory = packed_memory(Checkpoint.open(folder), {}, CompileOptions(cache=False))
    assert isinstance(memory, AnonymousMemory)


def start(folder: Path, cache: Path, limit: str = "") -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", limit + PROGRAM, str(folder)],
        env=os.environ | {"GPT_MLIR_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_full_disk(folder: Path, options: CompileOptions) -> None:
    assert options.cache_folder is not None
    first = logits(folder, options)
    shutil.rmtree(options.cache_folder / "weights")
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
    output, errors = start(folder, options.cache_folder, limit).communicate()
    assert output.endswith(first.tobytes()), errors.decode()
    assert b"packed: False" in output
    assert b"File too large; they are kept in memory" in errors
    assert list((options.cache_folder / "weights").iterdir()) == []


def test_warm_start_loads_no_compiler(folder: Path, options: CompileOptions) -> None:
    assert options.cache_folder is not None
    first = logits(folder, options)
    output, errors = start(folder, options.cache_folder).communicate()
    assert output.endswith(first.tobytes()), errors.decode()
    assert b"compiler: []" in output
    assert b"packed: True" in output


def test_two_processes_at_once(folder: Path, options: CompileOptions) -> None:
    assert options.cache_folder is not None
    first = logits(folder, options)
    shutil.rmtree(options.cache_folder / "weights")
    for process in [start(folder, options.cache_folder) for _ in range(2)]:
        output, errors = process.communicate()
        assert output.endswith(first.tobytes()), errors.decode()
        assert errors == b""
    packed_file(options)
    np.testing.assert_array_equal(quietly(folder, options), first)
