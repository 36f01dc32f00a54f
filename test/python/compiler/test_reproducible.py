"""The same module, options and target give the same bytes, in every process."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from checkpoints import folder_of

from gpt_mlir import LLM, CompileOptions
from gpt_mlir._mlir_libs import _compiler
from gpt_mlir.compiler import emit, lower
from gpt_mlir.compiler.driver import module_key

PROGRAM = """
import hashlib, sys
from pathlib import Path
from gpt_mlir import LLM, CompileOptions
from gpt_mlir.compiler import emit, lower
from gpt_mlir.compiler.driver import module_key

llm = LLM(Path(sys.argv[1]))
options = CompileOptions(opt_level=int(sys.argv[2]), cache=False)
module = llm.model.module()
print(module_key(module, options))
for stage in ("gpt", "linalg", "vector", "loops", "llvm"):
    print(stage, hashlib.sha256(str(lower(module, stage, options)).encode()).hexdigest())
for kind in ("llvmir", "shared"):
    print(kind, hashlib.sha256(emit(module, kind, options)).hexdigest())
"""


def compile_in_process(folder: Path, level: int, seed: int) -> str:
    # The hash seed orders sets and dicts by strings; the address space is laid out anew as well.
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), str(level)],
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.spread
@pytest.mark.parametrize("level", [3, 1])
def test_processes_give_the_same_bytes(level: int) -> None:
    folder = folder_of("gpt2")
    first, second = (compile_in_process(folder, level, seed) for seed in (1, 2))
    assert first == second


@pytest.mark.spread
def test_repetitions_give_the_same_text() -> None:
    """An order that follows addresses shows up once in a while only."""
    module = LLM(folder_of("gpt2")).model.module()
    options = CompileOptions(opt_level=1)
    assert len({str(lower(module, "loops", options)) for _ in range(12)}) == 1


@pytest.mark.spread
def test_threads_give_the_same_bytes() -> None:
    llm = LLM(folder_of("neox"))
    options = CompileOptions(cache=False)
    found: list[str] = []

    def work() -> None:
        module = llm.model.module()
        text = str(lower(module, "loops", options)) + module_key(module, options)
        image = emit(module, "object", options)
        found.append(hashlib.sha256(text.encode() + image).hexdigest())

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(set(found)) == 1


@pytest.mark.spread
@pytest.mark.parametrize("level", [0, 3])
def test_parts_do_not_depend_on_the_number_of_threads(level: int) -> None:
    """Parts of a module are compiled on threads of their own; who compiles what is no matter."""
    module = lower(LLM(folder_of("gpt2")).model.module(), "llvm", CompileOptions(opt_level=level))
    for kind in ("shared", "object"):
        images = [
            _compiler.emit(module, kind, opt_level=2 * (level > 0), num_threads=threads)
            for threads in (1, 2, 5)
        ]
        assert len(set(images)) == 1


def test_parts_export_nothing_more() -> None:
    """What one part defines for another is not to be seen from outside of the library."""
    module = LLM(folder_of("gpt2")).model.module()
    image = emit(module, "shared", CompileOptions(llvm_opt_level=1))
    symbols = exported_symbols(image)
    assert {"gpt_entry_prefill", "gpt_entry_decode", "gpt_parallel_runtime"} <= symbols
    assert all(name.startswith("gpt_") for name in symbols)


def exported_symbols(image: bytes) -> set[str]:
    """Returns the names that an ELF library defines for others."""
    (table,) = struct.unpack_from("<Q", image, 40)
    size, count = struct.unpack_from("<HH", image, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", image, table + size * i) for i in range(count)]
    dynamic = next(section for section in sections if section[1] == 11)  # SHT_DYNSYM
    names = sections[dynamic[6]][4]
    found = set()
    for offset in range(24, dynamic[5], 24):  # the first one is empty
        name, _, _, section = struct.unpack_from("<IBBH", image, dynamic[4] + offset)
        if section != 0:  # else it is defined elsewhere
            found.add(image[names + name : image.index(b"\0", names + name)].decode())
    return found
