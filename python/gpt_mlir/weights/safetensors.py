"""One safetensors file as zero-copy NumPy views.

The `safetensors` library parses and validates the header (its size, JSON, dtypes, that the offsets
tile the data without holes or overlaps and that they end with the file), but hands out copies only.
Because a valid file has no holes, the position of each tensor follows from the library's own order
of tensors and their sizes: no header is parsed here, and the views are taken from a read-only map.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from gpt_mlir import _runtime
from gpt_mlir.dtypes import DType
from gpt_mlir.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["STORED_DTYPES", "SafetensorsFile", "TensorInfo"]

STORED_DTYPES: Mapping[str, DType] = MappingProxyType(
    {
        "F32": DType.F32,
        "BF16": DType.BF16,
        "F16": DType.F16,
        "I32": DType.I32,
        "I64": DType.I64,
        "BOOL": DType.I1,
    }
)
"""The dtypes of the format that this package has arrays for, by their name in the format."""

# Bits per element of every dtype of the format, also of those that have no array type here: the
# positions of the tensors behind one depend on its size.
_BITS: Mapping[str, int] = MappingProxyType(
    {
        **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
        **dict.fromkeys(("F32", "I32", "U32"), 32),
        **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
        **dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 8),
        **dict.fromkeys(("F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
        **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
        "F4": 4,
    }
)
_BEGINNING = 100  # bytes of a file by which others are told apart
_LENGTH_BYTES = 8  # the file begins with the header's length, a little-endian u64


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """What a file's header says about one tensor.

    Attributes:
        name: Name in the file.
        dtype: Element type as the format spells it, for example `"BF16"`.
        shape: Extents.
        offset: First byte in the file.
        nbytes: Size in bytes.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    nbytes: int

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


class SafetensorsFile:
    """A safetensors file, mapped read-only for as long as this object or an array of it lives.

    Attributes:
        path: Where it is.
        identity: What tells this state of the file from any other: place, size, time of the last
            change, inode.
        tensors: What the header says, by name.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Maps `path` and reads what tensors it holds.

        Raises:
            CheckpointError: The file is missing, unreadable, truncated or malformed.
        """
        self.path = Path(path)
        try:
            with self.path.open("rb") as file:
                length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
                status = os.fstat(file.fileno())
                size = status.st_size
                if size < _LENGTH_BYTES:
                    raise CheckpointError(
                        f"{self.path}: truncated safetensors file: {size} bytes, "
                        f"expected at least {_LENGTH_BYTES}"
                    )
                self._mapping = _runtime.FileMapping(file.fileno(), size, str(self.path))
        except OSError as error:
            raise CheckpointError(f"{self.path}: cannot be read: {error.strerror}") from error
        self._place = os.path.realpath(self.path)
        self._status = status
        self.identity = f"{self._place}:{size}:{status.st_mtime_ns}:{status.st_ino}"
        self.tensors: Mapping[str, TensorInfo] = MappingProxyType(self._read_header(length, size))

    def _read_header(self, length: int, size: int) -> dict[str, TensorInfo]:
        """Lists the tensors in file order, placed behind each other from the header's end on."""
        from safetensors import SafetensorError, safe_open

        tensors = {}
        offset = _LENGTH_BYTES + length
        try:
            with safe_open(self.path, framework="numpy") as file:
                for name in file.offset_keys():
                    entry = file.get_slice(name)
                    dtype, shape = entry.get_dtype(), tuple(entry.get_shape())
                    if dtype not in _BITS:
                        raise CheckpointError(
                            f"{self.path}: tensor '{name}' has dtype {dtype}, expected one of "
                            f"{', '.join(sorted(_BITS))}"
                        )
                    nbytes = math.prod(shape) * _BITS[dtype] // 8
                    tensors[name] = TensorInfo(name, dtype, shape, offset, nbytes)
                    offset += nbytes
        except SafetensorError as error:
            found = self._looks_like() or error
            raise CheckpointError(f"{self.path}: not a valid safetensors file: {found}") from error
        except (OSError, MemoryError) as error:  # the library maps the file, too
            raise CheckpointError(f"{self.path}: cannot be read: {error}") from error
        if offset != size:  # the library guarantees it; a wrong view would be silent nonsense
            raise CheckpointError(
                f"{self.path}: not a valid safetensors file: tensors end at byte {offset}, "
                f"the file at {size}"
            )
        return tensors

    def _looks_like(self) -> str:
        """Says what the file is instead, if that is one of the usual mistakes."""
        begin = bytes(self._mapping.bytes[:_BEGINNING])
        if begin.startswith(b"version https://git-lfs.github.com/spec/"):
            return "it is a pointer of Git LFS; 'git lfs pull' fetches the file that it stands for"
        if begin.lstrip().lower().startswith((b"<!doctype html", b"<html")):
            return "it is an HTML page; the download of the weights went wrong"
        if begin.startswith(b"PK\x03\x04"):
            return "it is a ZIP archive, as PyTorch writes its checkpoints"
        return ""

    def array(self, name: str) -> np.ndarray[Any, np.dtype[Any]]:
        """Returns tensor `name` as a read-only view of the file.

        A tensor that does not start at a multiple of its element size (files of old writers, which
        did not pad the header) is copied, since compiled code relies on aligned elements.

        Raises:
            CheckpointError: There is no such tensor, or its dtype or shape has no array here; or
                the file was cut and a copy would be wrong.
        """
        info = self.tensors.get(name)
        if info is None:
            raise CheckpointError(f"{self.path}: there is no tensor '{name}'")
        if info.dtype not in STORED_DTYPES:
            raise CheckpointError(
                f"{self.path}: tensor '{name}' has dtype {info.dtype}, expected one of "
                f"{', '.join(STORED_DTYPES)}"
            )
        dtype = STORED_DTYPES[info.dtype].numpy
        view = np.frombuffer(self._mapping.bytes, dtype, info.size, info.offset)
        try:
            view = view.reshape(info.shape)
        except (ValueError, OverflowError) as error:  # no elements, but a huge other extent
            raise CheckpointError(
                f"{self.path}: tensor '{name}' has shape {info.shape}: {error}"
            ) from None
        if info.offset % dtype.alignment:
            view = view.copy()
            view.flags.writeable = False
            try:
                self._mapping.check()
            except _runtime.FileCutError as error:
                raise CheckpointError(str(error)) from None
        return view

    def check_unchanged(self) -> None:
        """Checks that nobody has written to the file since it was mapped.

        Another file under the same name is no change: the map keeps the old one.

        Raises:
            CheckpointError: It has another size or time of the last change.
        """
        try:
            found = os.stat(self._place)
        except OSError:  # deleted or moved away; the map keeps it
            return
        before = self._status
        if (found.st_ino, found.st_dev) != (before.st_ino, before.st_dev):
            return
        if (found.st_size, found.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise CheckpointError(
                f"{self.path}: written to while it is in use ({before.st_size} bytes when it was "
                f"loaded, {found.st_size} now): load the model again, and replace files by renaming"
            )

    def release(self, name: str) -> None:
        """Says that tensor `name` is not needed for a while: its pages leave this process."""
        info = self.tensors[name]
        self._mapping.release(info.offset, info.nbytes)

    def expect_rows(self, name: str) -> None:
        """Says that of tensor `name` single rows are read from now on: no more is to be mapped."""
        info = self.tensors[name]
        self._mapping.expect_rows(info.offset, info.nbytes)
