"""Packed weights in a file of the cache folder, mapped by every process that uses the model.

A file holds a header (a magic number and JSON that says of what checkpoint and which weights it
is) and behind it each weight, beginning with a page. It is written under a temporary name and gets
its own when it is whole, so a reader sees all of it or nothing. Of several processes that write it
at once, all use the file of the first. On opening, the header must be to
the byte what this process would write, the size must be right, and nobody but the user may be able
to write to the file; the weights themselves are not read.

What cannot be kept in a file is kept in memory, with a warning: it costs time, never a result.

Needs no MLIR.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import stat
import struct
import tempfile
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gpt_mlir import _runtime
from gpt_mlir.compiler.cache import TEMPORARY, default_cache_folder, trim
from gpt_mlir.compiler.fingerprint import digest
from gpt_mlir.errors import CacheWarning, CheckpointError
from gpt_mlir.runtime.packing import (
    AnonymousMemory,
    Array,
    PackedWeight,
    Packer,
    Sources,
    allocate,
    expect_rows,
    pack,
    place,
    view,
)

if TYPE_CHECKING:
    from gpt_mlir.compiler.options import CompileOptions
    from gpt_mlir.weights.checkpoint import Checkpoint
    from gpt_mlir.weights.safetensors import TensorInfo

__all__ = ["DEFAULT_LIMIT", "PackedFile", "packed_memory"]

_MAGIC = b"GPTMLIRW"
_LENGTH = struct.Struct("<Q")
_SUFFIX = ".weights"

DEFAULT_LIMIT = 32 << 30
"""Bytes of all files of a folder above which the least recently used are deleted."""


def packed_memory(
    checkpoint: Checkpoint, stored: Mapping[str, TensorInfo], options: CompileOptions
) -> PackedFile | AnonymousMemory:
    """Returns where the packed weights of a checkpoint are to be kept.

    Args:
        checkpoint: The weights as stored.
        stored: The tensor of each weight, by the name that the model has for it.
        options: Whether and where to keep them in a file.
    """
    sources = _Stored(checkpoint, stored)
    wanted = os.environ.get("GPT_MLIR_CACHE_WEIGHTS", "1") != "0"
    if not (options.cache and options.cache_weights and wanted):
        return AnonymousMemory(sources)
    folder = options.cache_folder or default_cache_folder()
    source = str(checkpoint.path.resolve())
    return PackedFile(folder / "weights", source, checkpoint.identity, sources=sources)


class _Stored:
    """The weights of a model in its checkpoint."""

    def __init__(self, checkpoint: Checkpoint, stored: Mapping[str, TensorInfo]) -> None:
        self._checkpoint = checkpoint
        self._stored = stored

    def release(self, name: str) -> None:
        self._checkpoint.release(self._stored[name].name)

    def expect_rows(self, name: str) -> None:
        self._checkpoint.expect_rows(self._stored[name].name)


class _UnusableError(Exception):
    """A file that must not be used, and why."""


class PackedFile:
    """Keeps the packed weights of one checkpoint in a folder of such files."""

    def __init__(
        self,
        folder: Path,
        source: str,
        identity: str,
        *,
        sources: Sources | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> None:
        """Prepares; reads and writes nothing yet.

        Args:
            folder: Where the files lie. Created when the first one is written.
            source: What the weights are made of: the place of a checkpoint.
            identity: What tells its present state from any other.
            sources: Where the weights that are packed come from, if that is memory to be saved.
            limit: Bytes of all files above which the least recently used are deleted.
        """
        self.folder = folder
        self._source = source
        self._identity = identity
        self._sources = sources
        self._limit = limit
        self._maps: list[tuple[Path, _runtime.FileMapping, int]] = []

    def provide(self, packers: Sequence[Packer]) -> list[Array]:
        """Returns the packed form of each weight: from the file, or packed now and kept in it."""
        if not packers:
            return []
        weights = [packer.weight for packer in packers]
        # A changed checkpoint replaces the file of the old one: its identity is in the header.
        path = self.folder / f"{digest(self._source, _describe(weights))}{_SUFFIX}"
        header = self._header(weights)
        try:
            return self._open(path, header, weights)
        except (FileNotFoundError, NotADirectoryError):
            pass
        except _UnusableError as error:
            _warn(f"packed weights '{path}' are not used: {error}; packing again")
        except OSError as error:
            _warn(f"cannot read packed weights '{path}': {error.strerror}; packing again")
        try:
            self._write(path, header, packers)
            arrays = self._open(path, header, weights)
        except (OSError, _UnusableError) as error:
            reason = getattr(error, "strerror", None) or error
            _warn(
                f"cannot keep packed weights in '{self.folder}': {reason}; they are kept in "
                "memory (GPT_MLIR_CACHE names another folder, GPT_MLIR_CACHE_WEIGHTS=0 turns "
                "this off)"
            )
            return AnonymousMemory(self._sources).provide(packers)
        trim(self.folder, _SUFFIX, limit=self._limit, keep=path)
        return arrays

    def expect_rows(self, names: Iterable[str]) -> None:
        """Says of which weights single rows are read beside their packed form."""
        expect_rows(names, self._sources)

    def check_unchanged(self) -> None:
        """Checks that the files are as long as when they were mapped.

        Raises:
            CheckpointError: One has become shorter.
        """
        for path, mapping, size in self._maps:
            if mapping.file_size < size:
                raise CheckpointError(
                    f"packed weights '{path}': cut from {size} to {mapping.file_size} bytes "
                    "while they are in use: load the model again"
                )

    def _open(self, path: Path, header: bytes, weights: Sequence[PackedWeight]) -> list[Array]:
        mapping, offsets, size = _map(path, header, weights)
        self._maps.append((path, mapping, size))
        memory = mapping.bytes
        return [view(memory, weight, at) for weight, at in zip(weights, offsets, strict=True)]

    def _header(self, weights: Sequence[PackedWeight]) -> bytes:
        text = json.dumps({"checkpoint": self._identity, "weights": json.loads(_describe(weights))})
        data = text.encode()
        return _MAGIC + _LENGTH.pack(len(data)) + data

    def _write(self, path: Path, header: bytes, packers: Sequence[Packer]) -> None:
        """Packs one weight after the other in memory and writes it to the file."""
        weights = [packer.weight for packer in packers]
        offsets, size = place(weights, _first_page(header))
        # Written, not mapped: a full disk is then an error, not a signal.
        memory, start = allocate(max(weight.nbytes for weight in weights))
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(prefix=TEMPORARY, dir=self.folder)
        try:
            with os.fdopen(handle, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, size)
                file.write(header)
                for packer, offset in zip(packers, offsets, strict=True):
                    array = view(memory, packer.weight, start)
                    pack(packer, array, self._sources)
                    file.seek(offset)
                    file.write(array.data)
                file.flush()
                os.fsync(file.fileno())
            _publish(Path(name), path, header, weights)
        finally:
            with contextlib.suppress(FileNotFoundError):  # renamed
                os.unlink(name)


def _describe(weights: Sequence[PackedWeight]) -> str:
    return json.dumps([weight.to_json() for weight in weights], sort_keys=True)


def _first_page(header: bytes) -> int:
    return -(-len(header) // mmap.PAGESIZE) * mmap.PAGESIZE


def _map(
    path: Path, header: bytes, weights: Sequence[PackedWeight]
) -> tuple[_runtime.FileMapping, list[int], int]:
    """Maps a file, if it is the right one and safe to use.

    Returns:
        The mapping, where in it the weights begin, and its size.
    """
    offsets, size = place(weights, _first_page(header))
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise _UnusableError("it is no regular file")
        if status.st_uid != os.geteuid():
            raise _UnusableError(f"it belongs to user {status.st_uid}")
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise _UnusableError("others may write to it")
        if status.st_size != size:
            raise _UnusableError(f"it has {status.st_size} bytes instead of {size}")
        if os.pread(handle, len(header), 0) != header:
            raise _UnusableError("it is of another state of the checkpoint, or damaged")
        mapping = _runtime.FileMapping(handle, size, f"packed weights '{path}'")
        with contextlib.suppress(OSError):
            os.utime(handle)  # marks it as used, for _trim
    finally:
        os.close(handle)
    return mapping, offsets, size


def _publish(written: Path, path: Path, header: bytes, weights: Sequence[PackedWeight]) -> None:
    """Gives a file its name, unless another process was faster: both then map the file of one."""
    try:
        os.link(written, path)  # unlike renaming, fails if there is one
    except FileExistsError:
        try:
            _map(path, header, weights)
        except (OSError, _UnusableError):
            os.replace(written, path)
    except OSError:  # a file system without links
        os.replace(written, path)


def _warn(message: str) -> None:
    warnings.warn(message, CacheWarning, stacklevel=2)
