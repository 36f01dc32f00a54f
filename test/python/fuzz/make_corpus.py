"""Writes modules for gpt-module-fuzzer to start from: those of the tests, and random programs.

make_corpus.py FOLDER
"""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
from generator import cached_programs, programs
from hypothesis import HealthCheck
from programs import Program, single_threaded_context

from gpt_mlir import ir

TESTS = Path(__file__).parents[2]
PROGRAMS = 100
LARGEST = 8000  # bytes: small modules are mutated where it matters


def modules() -> Iterator[str]:
    for path in sorted(TESTS.rglob("*.mlir")):
        yield from path.read_text(encoding="utf-8").split("// -----")
    found: list[Program] = []

    def keep(program: Program) -> None:
        found.append(program)

    for strategy in (programs(), cached_programs(max_ops=2)):
        settings = hypothesis.settings(
            max_examples=PROGRAMS,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        settings(hypothesis.given(strategy)(keep))()
    yield from (program.text for program in found)


def bytecode(text: str) -> bytes | None:
    """Returns a module as bytecode, None if it is not valid."""
    try:
        module = ir.Module.parse(text, single_threaded_context())
    except ir.MLIRError:  # type: ignore[attr-defined]  # set by MLIR on import
        return None
    buffer = io.BytesIO()
    module.operation.write_bytecode(buffer)
    return buffer.getvalue()


def main() -> None:
    folder = Path(sys.argv[1])
    for kind in ("text", "bytecode"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for text in modules():
        code = bytecode(text)
        for kind, data in (("text", text.strip().encode()), ("bytecode", code)):
            if data and len(data) <= LARGEST:
                (folder / kind / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


if __name__ == "__main__":
    main()
