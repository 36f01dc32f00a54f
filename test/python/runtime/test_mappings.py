"""Files mapped for reading: what there is of them, and how much of it takes memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from checkpoints import folder_of

from gpt_mlir import LLM, _runtime

PAGE = 4096

# Reads a byte of every other MiB, and prints how much of the file is in this process then.
READ_ROWS = """
import sys
from gpt_mlir import _runtime
path, size = sys.argv[1], int(sys.argv[2])
with open(path, "rb") as file:
    mapping = _runtime.FileMapping(file.fileno(), size, path)
mapping.expect_rows(100, size - 100)
assert mapping.bytes[5 :: 2 << 20].sum() == size // (2 << 20)
resident, inside = 0, False
for line in open("/proc/self/smaps"):
    name, *rest = line.split()
    if "-" in name:
        inside = line.rstrip().endswith(path)
    elif name == "Rss:" and inside:
        resident += int(rest[0])
print(resident)
"""


@pytest.fixture
def mapped(tmp_path: Path) -> tuple[Path, _runtime.FileMapping]:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 3 * PAGE)
    with path.open("rb") as file:
        return path, _runtime.FileMapping(file.fileno(), 3 * PAGE, "the file")


def test_mapping_of_a_cut_file(mapped: tuple[Path, _runtime.FileMapping]) -> None:
    path, mapping = mapped
    os.truncate(path, PAGE)
    mapping.check()  # nothing was touched
    assert mapping.file_size == PAGE
    found = mapping.bytes.copy()
    assert (found[:PAGE] == ord("x")).all()
    assert (found[PAGE:] == 0).all()
    message = f"the file: cut while in use, from {3 * PAGE} to {PAGE} bytes"
    with pytest.raises(_runtime.FileCutError, match=message):
        mapping.check()
    os.truncate(path, 0)
    assert (mapping.bytes == 0).all()
    os.truncate(path, 3 * PAGE)
    with pytest.raises(_runtime.FileCutError, match="the file: could not be read while in use"):
        mapping.check()


def test_mapping_is_read_only_and_outlives_its_name(
    mapped: tuple[Path, _runtime.FileMapping],
) -> None:
    path, mapping = mapped
    array = mapping.bytes
    del mapping
    path.unlink()
    assert (array == ord("x")).all()
    assert not array.flags.writeable


def test_mapping_that_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        _runtime.FileMapping(-1, PAGE, "none")


def test_rows_map_little_more_than_themselves(tmp_path: Path) -> None:
    path, size = tmp_path / "file", 32 << 20
    path.write_bytes(b"\1" * size)  # in one go: in large pieces of the page cache
    done = subprocess.run(
        [sys.executable, "-c", READ_ROWS, str(path), str(size)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    # A piece of half a MiB for each of 16 bytes would be 8 MiB, all pieces 32.
    assert 0 < int(done.stdout) << 10 <= 8 << 20


@pytest.mark.parametrize(
    ("name", "expected"), [("gpt2", ["transformer.wte.weight"]), ("gpt2-untied", [])]
)
def test_weights_read_by_row_and_packed(name: str, expected: list[str]) -> None:
    """An embedding that is the output projection as well; nothing else."""
    functions = LLM.from_pretrained(folder_of(name)).model.executable().functions.values()
    if not any(function._packers for function in functions):
        pytest.skip("the schedule of this machine packs nothing")
    for function in functions:
        assert function.also_packed == expected
