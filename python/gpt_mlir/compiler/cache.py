"""The object cache on disk: compiled libraries by the hash of what they were compiled from.

An entry is one file, `<key>.so`: the shared library itself, which the loader can open as it is,
then the manifest (JSON), then a footer with sizes, SHA-256 and a magic number. One file can be
replaced in one step: any number of processes may read and write the same folder, and a reader
sees a whole entry or none. Every entry is verified when it is read; a damaged one counts as
missing, with a warning, and is replaced by the next compilation.

Entries are code: a folder or an entry that belongs to another user than this one or root, or that
others can write to, is not used.

A cache that cannot be used costs time, never a result: all its failures are warnings.

Needs no MLIR.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
import struct
import tempfile
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpt_mlir.errors import CacheWarning

__all__ = ["TEMPORARY", "CachedObject", "ObjectCache", "default_cache_folder", "trim"]

_MAGIC = b"GPTMLIR1"
# Sizes of library and manifest, SHA-256 of all bytes before the hash, magic.
_SIZES = struct.Struct("<QQ")
_FOOTER_SIZE = _SIZES.size + 32 + len(_MAGIC)
_KEY = re.compile(r"[0-9a-f]{64}")
_DEFAULT_LIMIT = 1 << 30
_SUFFIX = ".so"
# Temporary files older than this were left behind by a process that died.
_STALE_SECONDS = 3600.0

TEMPORARY = ".tmp-"
"""How the names of files begin that are being written."""


def default_cache_folder() -> Path:
    """Returns `GPT_MLIR_CACHE`, or `gpt-mlir` in the user's cache folder."""
    own = os.environ.get("GPT_MLIR_CACHE")
    if own:
        return Path(own).expanduser()
    # XDG: a relative path in the variable is to be ignored.
    shared = Path(os.environ.get("XDG_CACHE_HOME") or "")
    return (shared if shared.is_absolute() else Path("~/.cache").expanduser()) / "gpt-mlir"


@dataclass(frozen=True)
class CachedObject:
    """A verified entry.

    Attributes:
        path: Its file.
        image: The bytes of the shared library.
        manifest: What the compiler stored beside it.
    """

    path: Path
    image: bytes
    manifest: dict[str, Any]


class _DamagedError(Exception):
    """An entry that is not what was written."""


class _UnsafeError(Exception):
    """An entry that somebody else may have written."""


def _pack(image: bytes, manifest: Mapping[str, Any]) -> bytes:
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    body = image + text + _SIZES.pack(len(image), len(text))
    return body + hashlib.sha256(body).digest() + _MAGIC


def _unpack(data: bytes, key: str) -> tuple[bytes, dict[str, Any]]:
    if len(data) < _FOOTER_SIZE or not data.endswith(_MAGIC):
        raise _DamagedError("it is truncated or no cache entry")
    body = data[: -len(_MAGIC) - 32]
    if hashlib.sha256(body).digest() != data[len(body) : len(body) + 32]:
        raise _DamagedError("its checksum is wrong")
    image_size, text_size = _SIZES.unpack(body[-_SIZES.size :])
    if image_size + text_size + _SIZES.size != len(body):
        raise _DamagedError("its sizes are wrong")
    manifest: dict[str, Any] = json.loads(body[image_size : image_size + text_size])
    if manifest.get("key") != key:
        raise _DamagedError("it belongs to another key")
    return body[:image_size], manifest


def trim(folder: Path, suffix: str, *, limit: int, keep: Path) -> None:
    """Deletes temporary files that were left behind, and the oldest entries above a limit.

    Args:
        folder: Where the entries lie.
        suffix: How their names end.
        limit: Their total size in bytes.
        keep: The entry that stays in any case.
    """
    entries: list[tuple[float, int, Path]] = []
    now = time.time()
    # An error means that another process tidies up at the same time.
    with contextlib.suppress(OSError):
        with os.scandir(folder) as files:
            for file in files:
                status = file.stat(follow_symlinks=False)
                if file.name.startswith(TEMPORARY) and now - status.st_mtime > _STALE_SECONDS:
                    os.unlink(file.path)
                elif file.name.endswith(suffix):
                    entries.append((status.st_mtime, status.st_size, Path(file.path)))
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= limit:
                break
            if path != keep:
                path.unlink()
                total -= size


def why_unsafe(status: os.stat_result) -> str | None:
    """Returns who else than this user and root could have put a file there, or None."""
    if status.st_uid not in (0, os.geteuid()):
        return f"it belongs to user {status.st_uid}"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "others can write to it"
    return None


class ObjectCache:
    """A folder of compiled objects.

    Attributes:
        folder: Where the entries lie. Created when the first one is written.
        limit: The total size in bytes above which entries are deleted, the least recently used
            first.
    """

    def __init__(self, folder: Path | None = None, *, limit: int = _DEFAULT_LIMIT) -> None:
        self.folder = default_cache_folder() if folder is None else Path(folder)
        self.limit = limit

    def path(self, key: str) -> Path:
        """Returns the file of the entry `key`, whether it exists or not."""
        if not _KEY.fullmatch(key):
            raise ValueError(f"expected a key of 64 hexadecimal digits, got {key!r}")
        return self.folder / f"{key}{_SUFFIX}"

    def get(self, key: str) -> CachedObject | None:
        """Returns the entry `key`, or None if there is none that can be used."""
        path = self.path(key)
        if not self._is_safe():
            return None
        try:
            data = self._read(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self._warn(f"cannot read cached object '{path}': {error.strerror}; compiling instead")
            return None
        except _UnsafeError as error:
            self._warn(f"cached object '{path}' is not used: {error}; compiling instead")
            return None
        try:
            image, manifest = _unpack(data, key)
        except (_DamagedError, ValueError) as error:
            self._warn(f"cached object '{path}' is damaged: {error}; compiling again")
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # marks it as used, for _trim
        return CachedObject(path, image, manifest)

    def put(self, key: str, image: bytes, manifest: Mapping[str, Any]) -> CachedObject | None:
        """Stores an entry, replacing one of the same key.

        Args:
            key: Its key.
            image: The shared library.
            manifest: JSON data, of which "key" must be `key`.

        Returns:
            The entry, or None if the folder cannot be written to.
        """
        path = self.path(key)
        if manifest.get("key") != key:
            raise ValueError("expected the manifest to hold the key of its entry")
        if not self._is_safe() or not self._write(path, _pack(image, manifest)):
            return None
        trim(self.folder, _SUFFIX, limit=self.limit, keep=path)
        return CachedObject(path, image, dict(manifest))

    def remember(self, alias: str, key: str) -> None:
        """Stores that `alias`, another 64-digit hash, stands for `key`.

        For a caller that can hash what it starts from (a checkpoint's configuration, say) faster
        than it can make the module that `key` is computed from.
        """
        self.path(key)  # checks the form of the key
        if self._is_safe():
            self._write(self.path(alias).with_suffix(".alias"), key.encode())

    def recall(self, alias: str) -> str | None:
        """Returns the key that `alias` stands for, or None."""
        if not self._is_safe():
            return None
        try:
            key = self._read(self.path(alias).with_suffix(".alias")).decode("ascii")
        except (OSError, UnicodeDecodeError, _UnsafeError):
            return None
        return key if _KEY.fullmatch(key) else None

    def _is_safe(self) -> bool:
        """Returns whether nobody else can put files into the folder; warns if somebody can."""
        try:
            why = why_unsafe(self.folder.stat())
        except OSError:
            return True  # there is none, or its use will say what is wrong
        if why is not None:
            self._warn(
                f"the object cache '{self.folder}' is not used: {why}; expected a folder of this "
                "user's that nobody else can write to (GPT_MLIR_CACHE names another one)"
            )
        return why is None

    def _read(self, path: Path) -> bytes:
        """Returns what a file of the folder holds, if it is no link and this user's own."""
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            why = why_unsafe(os.fstat(handle))
            if why is not None:
                raise _UnsafeError(why)
            return file.read()

    def _write(self, path: Path, data: bytes) -> bool:
        """Makes `path` hold `data`, in one step for all who read it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(prefix=TEMPORARY, dir=self.folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(name, path)
            except BaseException:
                os.unlink(name)
                raise
        except OSError as error:
            self._warn(
                f"cannot write to the object cache '{self.folder}': {error.strerror}; "
                "compiled code is not kept (GPT_MLIR_CACHE names another folder)"
            )
            return False
        return True

    @staticmethod
    def _warn(message: str) -> None:
        warnings.warn(message, CacheWarning, stacklevel=4)
