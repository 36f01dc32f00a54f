"""Reading one safetensors file: views of what was stored, and every way a file can be bad."""

from __future__ import annotations

import json
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from gpt_mlir.errors import CheckpointError
from gpt_mlir.weights import SafetensorsFile


def write(path: Path, header: object, data: bytes = b"", length: int | None = None) -> Path:
    """Writes a file by hand: header length, header, data."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    length = len(text) if length is None else length
    path.write_bytes(length.to_bytes(8, "little") + text + data)
    return path


def entry(shape: list[int], begin: int, end: int, dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("torch_dtype", "numpy_dtype"),
    [
        (torch.float32, np.float32),
        (torch.bfloat16, ml_dtypes.bfloat16),
        (torch.float16, np.float16),
        (torch.int64, np.int64),
        (torch.bool, np.bool_),
    ],
)
def test_arrays_are_what_was_stored(
    tmp_path: Path, torch_dtype: torch.dtype, numpy_dtype: type
) -> None:
    matrix = torch.arange(15).reshape(3, 5).to(torch_dtype)
    path = tmp_path / "x.safetensors"
    save_file({"b": matrix, "a": matrix[0].clone(), "none": matrix[:0].clone()}, path)
    file = SafetensorsFile(path)
    assert set(file.tensors) == {"a", "b", "none"}
    array = file.array("b")
    assert array.dtype == np.dtype(numpy_dtype)
    expected = matrix.to(torch.float32).numpy()
    np.testing.assert_array_equal(array.astype(np.float32), expected)
    np.testing.assert_array_equal(file.array("a").astype(np.float32), expected[0])
    assert file.array("none").shape == (0, 5)


def test_arrays_are_read_only_views_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_file({"x": torch.zeros(4)}, path)
    array = SafetensorsFile(path).array("x")
    assert not array.flags.writeable
    assert not array.flags.owndata
    # The map is shared: a change of the file shows in the array, which a copy would not show.
    with path.open("r+b") as file:
        file.seek(-4, 2)
        file.write(np.float32(7).tobytes())
    assert array[3] == 7


def test_unaligned_tensor_is_copied(tmp_path: Path) -> None:
    text = json.dumps({"x": entry([2], 0, 8)}).encode()
    text += b" " * (9 - len(text) % 8)  # the data begins at an odd byte
    data = np.array([1.5, -2.0], np.float32).tobytes()
    array = SafetensorsFile(write(tmp_path / "x", text, data)).array("x")
    assert array.flags.aligned
    assert array.tolist() == [1.5, -2.0]


def test_dtype_without_array_type(tmp_path: Path) -> None:
    path = write(tmp_path / "x", {"x": entry([2], 0, 16, "F64")}, bytes(16))
    file = SafetensorsFile(path)
    assert file.tensors["x"].dtype == "F64"
    with pytest.raises(CheckpointError, match=r"tensor 'x' has dtype F64, expected one of F32, BF"):
        file.array("x")


def test_shape_without_array(tmp_path: Path) -> None:
    """No elements, so it fits into the file; the other extent fits into no array."""
    path = write(tmp_path / "x.safetensors", {"x": entry([0, 2**63], 0, 0)})
    with pytest.raises(CheckpointError, match=r"tensor 'x' has shape \(0, 9223372036854775808\)"):
        SafetensorsFile(path).array("x")


def test_unknown_tensor(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_file({"x": torch.zeros(4)}, path)
    with pytest.raises(CheckpointError, match="there is no tensor 'y'"):
        SafetensorsFile(path).array("y")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"gone: cannot be read: No such file"):
        SafetensorsFile(tmp_path / "gone")


def test_folder_instead_of_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read: Is a directory"):
        SafetensorsFile(tmp_path)


@pytest.mark.parametrize("size", [0, 1, 7])
def test_file_shorter_than_a_header_length(tmp_path: Path, size: int) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(size))
    with pytest.raises(
        CheckpointError, match=rf"truncated safetensors file: {size} bytes, expected at least 8"
    ):
        SafetensorsFile(path)


@pytest.mark.parametrize("cut", [1, 4, 20, 60])
def test_truncated_file(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "x.safetensors"
    save_file({"x": torch.zeros(4), "y": torch.ones(3)}, path)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(CheckpointError, match="not a valid safetensors file"):
        SafetensorsFile(path)


HOSTILE = {
    "longer than the file": ({}, b"", 1000),
    "as long as memory": ({}, b"", 2**63),
    "of all ones": ({}, b"", 2**64 - 1),
    "not JSON": (b"{nonsense", b"", None),
    "not UTF-8": (b'{"\xff": 1}', b"", None),
    "nested without end": (b'{"a":' * 5000, b"", None),
    "a list": ([1, 2], b"", None),
    "without offsets": ({"x": {"dtype": "F32", "shape": [1]}}, bytes(4), None),
    "of unknown dtype": ({"x": entry([1], 0, 4, "Q4")}, bytes(4), None),
    "of negative extent": ({"x": entry([-1], 0, 4)}, bytes(4), None),
    "of fractional extent": ({"x": {**entry([1], 0, 4), "shape": [1.5]}}, bytes(4), None),
    "whose extents overflow": ({"x": entry([2**62, 2**62], 0, 4)}, bytes(4), None),
    "whose offsets end before they begin": ({"x": entry([1], 4, 0)}, bytes(4), None),
    "whose offsets leave the file": ({"x": entry([4], 0, 16)}, bytes(4), None),
    "whose size is not that of the shape": ({"x": entry([2], 0, 4)}, bytes(4), None),
    "with overlapping tensors": (
        {"x": entry([2], 0, 8), "y": entry([2], 4, 12)},
        bytes(12),
        None,
    ),
    "with a hole": ({"x": entry([1], 0, 4), "y": entry([1], 8, 12)}, bytes(12), None),
    "with data behind the tensors": ({"x": entry([1], 0, 4)}, bytes(8), None),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_header(tmp_path: Path, kind: str) -> None:
    header, data, length = HOSTILE[kind]
    path = write(tmp_path / "x", header, data, length)
    with pytest.raises(CheckpointError, match=r"x: not a valid safetensors file"):
        SafetensorsFile(path)


def test_any_damage_is_an_error_or_harmless(tmp_path: Path) -> None:
    """Flips bytes of the header, anywhere: whatever still opens has views inside of the file."""
    path = tmp_path / "x.safetensors"
    save_file({"x": torch.zeros(3, 2), "y": torch.ones(5, dtype=torch.float16)}, path)
    good = path.read_bytes()
    header = 8 + int.from_bytes(good[:8], "little")
    generator = np.random.default_rng(0)
    opened = 0
    for _ in range(500):
        bad = bytearray(good)
        for place in generator.integers(8, header, generator.integers(1, 3)):
            bad[place] = generator.choice(list(b'0123456789-.eF6x"{}[],: '))
        path.write_bytes(bad)
        try:
            file = SafetensorsFile(path)
        except CheckpointError:
            continue
        opened += 1
        assert sum(info.nbytes for info in file.tensors.values()) == len(good) - header
        for info in file.tensors.values():
            assert header <= info.offset <= info.offset + info.nbytes <= len(good)
    assert 0 < opened < 500


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 548105171\n",
            "it is a pointer of Git LFS; 'git lfs pull' fetches the file that it stands for",
        ),
        (b"\n<!DOCTYPE html><html><head><title>404</title></head></html>", "it is an HTML page; "),
        (b"PK\x03\x04" + bytes(100), "it is a ZIP archive, as PyTorch writes its checkpoints"),
    ],
)
def test_what_is_another_kind_of_file(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=f"x: not a valid safetensors file: {found}"):
        SafetensorsFile(path)
