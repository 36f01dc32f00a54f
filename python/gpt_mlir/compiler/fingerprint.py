"""What the code depends on besides the module: the compiler and the machine.

A cached object is valid only for the compiler that made it. That compiler is told apart by the
build id of its library, which changes with every change of its code, so that a rebuilt compiler
never gets the objects of the one before.

Needs no MLIR.
"""

from __future__ import annotations

import functools
import hashlib
import struct
from pathlib import Path

import gpt_mlir
from gpt_mlir import _runtime

__all__ = ["compiler_fingerprint", "digest", "host_fingerprint"]

_LIBRARY = "libGptMlirCAPI.so"
_PT_NOTE = 4
_NT_GNU_BUILD_ID = 3


def digest(*parts: str) -> str:
    """Returns the SHA-256 of a list of strings, in hexadecimal."""
    result = hashlib.sha256()
    for part in parts:
        data = part.encode()
        result.update(struct.pack("<Q", len(data)))
        result.update(data)
    return result.hexdigest()


def _build_id(path: Path) -> str | None:
    """Returns the build id that the linker gave to a 64-bit ELF file, if it did."""
    with path.open("rb") as file:
        header = file.read(64)
        if len(header) < 64 or header[:6] != b"\x7fELF\x02\x01":
            return None
        (table,) = struct.unpack_from("<Q", header, 32)
        entry_size, entries = struct.unpack_from("<HH", header, 54)
        file.seek(table)
        segments = file.read(entry_size * entries)
        for start in range(0, len(segments) - 55, entry_size):
            kind, _, offset, _, _, size = struct.unpack_from("<IIQQQQ", segments, start)
            if kind != _PT_NOTE:
                continue
            file.seek(offset)
            notes = file.read(size)
            at = 0
            while at + 12 <= len(notes):
                name_size, text_size, note = struct.unpack_from("<III", notes, at)
                name = at + 12
                text = name + (name_size + 3) // 4 * 4
                if note == _NT_GNU_BUILD_ID and notes[name : name + name_size] == b"GNU\0":
                    return notes[text : text + text_size].hex()
                at = text + (text_size + 3) // 4 * 4
    return None


@functools.cache
def compiler_fingerprint() -> str:
    """Returns what tells this build of the compiler from any other."""
    # Next to the extension module: Python sources may lie elsewhere (editable installation).
    library = Path(_runtime.__file__).parent / "_mlir_libs" / _LIBRARY
    build = _build_id(library)
    if build is None:
        build = hashlib.sha256(library.read_bytes()).hexdigest()
    return f"{getattr(gpt_mlir, '__version__', '0')}:{build}"


@functools.cache
def host_fingerprint() -> str:
    """Returns what the kernel says of this machine's CPU: model and features.

    For keys that must not depend on LLVM, which knows the same by its own names.
    """
    wanted = (
        "vendor_id",
        "cpu family",
        "model",
        "flags",
        "CPU implementer",
        "CPU part",
        "Features",
    )
    found: dict[str, str] = {}
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in wanted:
            found.setdefault(name.strip(), value.strip())
    return digest(*(f"{name}={value}" for name, value in sorted(found.items())))
