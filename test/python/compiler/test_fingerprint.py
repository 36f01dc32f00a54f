"""What tells compilers and machines apart."""

from __future__ import annotations

import re
from pathlib import Path

from compiler_modules import DOUBLE, parse

from gpt_mlir.compiler import emit
from gpt_mlir.compiler.fingerprint import (
    _build_id,
    compiler_fingerprint,
    digest,
    host_fingerprint,
)


def test_digest_keeps_its_parts_apart() -> None:
    assert len({digest("ab", "c"), digest("a", "bc"), digest("abc"), digest("abc", "")}) == 4
    assert digest("a") == digest("a")


def test_compiler_fingerprint() -> None:
    assert re.fullmatch(r"[^:]+:([0-9a-f]{40}|[0-9a-f]{64})", compiler_fingerprint())


def test_host_fingerprint() -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", host_fingerprint())


def test_files_without_a_build_id(tmp_path: Path) -> None:
    path = tmp_path / "library.so"
    for content in (b"", b"no ELF file at all, but long enough to hold one" * 4):
        path.write_bytes(content)
        assert _build_id(path) is None
    path.write_bytes(emit(parse(DOUBLE), "shared"))
    assert _build_id(path) is None
