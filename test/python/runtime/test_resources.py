"""What runs out, breaks or is shared: each with an outcome that is said, none with a crash."""

from __future__ import annotations

import gc
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soak
from checkpoints import folder_of

from gpt_mlir import LLM, CacheWarning, CheckpointError, CompileOptions

GENERATE = """
import sys
from gpt_mlir import LLM
llm = LLM.from_pretrained(sys.argv[1])
print(llm.generate([1, 2, 3], max_new_tokens=8, eos_token_id=[]).token_ids)
"""

OUT_OF_MEMORY = """
import resource, sys
from gpt_mlir import LLM
llm = LLM.from_pretrained(sys.argv[1])
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 28), used + (1 << 28)))
try:
    llm.model.allocate(1 << 10, 1 << 16)
except MemoryError as error:
    print("refused:", error)
print(llm.generate([1, 2, 3], max_new_tokens=8, eos_token_id=[]).token_ids)
"""

# A prompt whose intermediate results do not fit (activations alone are 15 MB), then one whose do.
OUT_OF_WORKSPACE = """
import resource, sys
import numpy as np
from gpt_mlir import LLM
llm = LLM.from_pretrained(sys.argv[1])
batch = 512
ids = np.ones((batch, 150), np.int64)
caches = llm.model.allocate(batch, 160)
llm.model.prefill(ids[:1, :3], np.zeros(1, np.int64), [cache[:1] for cache in caches])
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 23), used + (1 << 23)))
try:
    llm.model.prefill(ids, np.zeros(batch, np.int64), caches)
except MemoryError as error:
    print("refused:", error)
print(llm.generate([1, 2, 3], max_new_tokens=8, eos_token_id=[]).token_ids)
"""

# A result that does not fit beside a workspace that does, then one that fits.
OUT_OF_RESULTS = """
import resource
import numpy as np
from gpt_mlir import CompileOptions, Graph, _runtime
from gpt_mlir.compiler import emit
from gpt_mlir.compiler.manifest import read_signatures
from gpt_mlir.graph import ops
from gpt_mlir.runtime.function import Function
graph = Graph()
x, z = graph.input("x", ("rows", 1)), graph.input("z", (1, "columns"))
graph.output("y", ops.add(ops.silu(x), z))
image = emit(graph.module, "shared", CompileOptions(opt_level=0))
library = _runtime.Library.from_bytes(image, "results")
run = Function(library, read_signatures(graph.module)[0])
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 23), used + (1 << 23)))
ones = np.ones((100, 1), np.float32)
for _ in range(3):
    try:
        run(ones, np.ones((1, 1_000_000), np.float32))
    except MemoryError as error:
        print("refused:", error)
    print(library.workspace_bytes)
y = run(ones, np.ones((1, 10), np.float32))
print(y.shape, (y == y[0, 0]).all())
"""

OUT_OF_MEMORY_FOR_WEIGHTS = """
import resource, sys
from gpt_mlir import CheckpointError
from gpt_mlir.weights import Checkpoint
Checkpoint.open(sys.argv[1])
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
for extra in (1 << 25, 1 << 27):  # less than the file; more, but less than twice
    resource.setrlimit(resource.RLIMIT_AS, (used + extra, resource.RLIM_INFINITY))
    try:
        Checkpoint.open(sys.argv[2])
    except CheckpointError as error:
        print(error)
"""

# No file may become longer than a page, as on a full disk: first only the packed weights are to be
# written, then the code is compiled anew.
FULL_DISK = """
import resource, sys, warnings
from pathlib import Path
from gpt_mlir import LLM, CompileError, CompileOptions
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    llm = LLM.from_pretrained(sys.argv[1])
for warning in caught:
    print(warning.category.__name__, warning.message)
print(llm.generate([1, 2, 3], max_new_tokens=8, eos_token_id=[]).token_ids)
try:
    LLM.from_pretrained(sys.argv[1], options=CompileOptions(opt_level=0, llvm_opt_level=0))
except CompileError as error:
    print(error)
"""

FORK = """
import os, sys
from gpt_mlir import LLM, set_num_threads
set_num_threads(2)
llm = LLM.from_pretrained(sys.argv[1])
ids = list(range(1, 60))
before = llm.generate(ids, max_new_tokens=8, eos_token_id=[]).token_ids
child = os.fork()
if child == 0:
    same = llm.generate(ids, max_new_tokens=8, eos_token_id=[]).token_ids == before
    os._exit(0 if same else 1)
assert llm.generate(ids, max_new_tokens=8, eos_token_id=[]).token_ids == before
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def environment(cache: Path) -> dict[str, str]:
    return {**os.environ, "GPT_MLIR_CACHE": str(cache)}


def run(program: str, cache: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder_of("gpt2")), *arguments],
        env=environment(cache),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def expected() -> str:
    llm = LLM.from_pretrained(folder_of("gpt2"))
    return f"{llm.generate([1, 2, 3], max_new_tokens=8, eos_token_id=[]).token_ids}\n"


def test_no_memory_for_caches_is_an_error() -> None:
    found = run(OUT_OF_MEMORY, Path(os.environ["GPT_MLIR_CACHE"]))
    assert found.startswith("refused: cannot allocate ")
    assert found.endswith(expected())


def test_no_memory_for_intermediates_is_an_error() -> None:
    found = run(OUT_OF_WORKSPACE, Path(os.environ["GPT_MLIR_CACHE"]))
    assert re.match(
        r"refused: cannot allocate \d+ bytes for results or intermediate results of function "
        r"'prefill'\n",
        found,
    )
    assert found.endswith(expected())


def test_no_memory_for_results_is_an_error() -> None:
    found = run(OUT_OF_RESULTS, Path(os.environ["GPT_MLIR_CACHE"])).splitlines()
    refused = (
        "refused: cannot allocate 400000000 bytes for results or intermediate results of "
        "function 'forward'"
    )
    assert found[:5:2] == [refused] * 3
    # The same workspace each time: it was given back.
    workspaces = found[1:6:2]
    assert int(workspaces[0]) >= 400
    assert workspaces == workspaces[:1] * 3
    assert found[6:] == ["(100, 10) True"]


def test_no_memory_for_weights_is_an_error(tmp_path: Path) -> None:
    # Zeros that take no space on the disk.
    header = b'{"w":{"dtype":"F32","shape":[25000000],"data_offsets":[0,100000000]}}'
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + 100_000_000)
    found = run(OUT_OF_MEMORY_FOR_WEIGHTS, Path(os.environ["GPT_MLIR_CACHE"]), str(tmp_path))
    message = f"{tmp_path / 'model.safetensors'}: cannot be read: Cannot allocate memory"
    lines = found.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(message) for line in lines)


def test_full_disk(tmp_path: Path) -> None:
    tokens = expected()
    cache = tmp_path / "cache"
    # Code of all models, without their packed weights.
    shutil.copytree(os.environ["GPT_MLIR_CACHE"], cache, ignore=lambda *_: ["weights"])
    first, second, third = run(FULL_DISK, cache).splitlines()
    assert first.startswith(f"CacheWarning cannot keep packed weights in '{cache / 'weights'}': ")
    assert "File too large" in first
    assert f"{second}\n" == tokens
    assert re.fullmatch(r"cannot write '.*': File too large", third)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    shutil.copytree(folder_of("gpt2"), path)
    return path


def prefill(llm: LLM) -> None:
    llm.model.prefill(np.ones((1, 9), np.int64), np.zeros(1, np.int64), llm.model.allocate(1, 16))


@pytest.mark.parametrize("length", [-1, 0, 100])
def test_checkpoint_written_to_while_in_use(copied: Path, length: int) -> None:
    """Cut, emptied, or of the same length with other contents."""
    llm = LLM.from_pretrained(copied)
    prefill(llm)
    path = copied / "model.safetensors"
    size = path.stat().st_size
    with path.open("r+b") as file:
        if length < 0:
            file.seek(size - 4)
            file.write(b"\0\0\0\0")
        else:
            file.truncate(length)
    os.utime(path, (1, 1))  # writing may not change the time if it was a moment ago
    with pytest.raises(CheckpointError, match="written to while it is in use"):
        prefill(llm)
    with pytest.raises(CheckpointError, match="written to while it is in use"):
        llm.generate([1, 2, 3], max_new_tokens=2, eos_token_id=[])
    with pytest.raises(CheckpointError, match="written to while it is in use"):
        llm.model.forward(np.ones((1, 3), np.int64))


def test_checkpoint_replaced_while_in_use(copied: Path) -> None:
    """Another file of the same name, as downloads and editors write it, changes nothing."""
    llm = LLM.from_pretrained(copied)
    before = llm.generate([1, 2, 3], max_new_tokens=8, eos_token_id=[]).token_ids
    path = copied / "model.safetensors"
    (copied / "other").write_bytes(path.read_bytes()[:-4])
    os.replace(copied / "other", path)
    assert llm.generate([1, 2, 3], max_new_tokens=8, eos_token_id=[]).token_ids == before
    path.unlink()
    assert llm.generate([1, 2, 3], max_new_tokens=8, eos_token_id=[]).token_ids == before


def test_packed_weights_cut_while_in_use(copied: Path, tmp_path: Path) -> None:
    llm = LLM.from_pretrained(copied, options=CompileOptions(cache_folder=tmp_path / "cache"))
    files = list((tmp_path / "cache" / "weights").glob("*.weights"))
    if not files:
        pytest.skip("the schedule of this machine packs nothing")
    prefill(llm)
    os.truncate(files[0], 4096)
    with pytest.raises(CheckpointError, match=r"cut from .* to 4096 bytes while they are in use"):
        prefill(llm)
    # A new start finds that the file is not whole, and packs again.
    with pytest.warns(CacheWarning, match="packing again"):
        again = LLM.from_pretrained(copied, options=CompileOptions(cache_folder=tmp_path / "cache"))
    prefill(again)


def test_fork_after_load() -> None:
    assert run(FORK, Path(os.environ["GPT_MLIR_CACHE"])) == "0\n"


def test_compilations_at_once_and_killed(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    command = [sys.executable, "-c", GENERATE, str(folder_of("gpt2"))]
    killed = subprocess.Popen(command, env=environment(cache), stdout=subprocess.DEVNULL)
    pair = [
        subprocess.Popen(command, env=environment(cache), stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    time.sleep(1)  # somewhere on its way
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert [each.communicate(timeout=300)[0] for each in pair] == [expected()] * 2
    entries = [path for path in cache.rglob("*.so") if not path.name.startswith(".")]
    assert len(entries) == 1


@pytest.mark.slow
def test_compiling_does_not_grow() -> None:
    """A part of `make soak`, which takes ten times as many."""
    assert soak.main(["--cycles", "200", "--first", "100"]) == 0


def test_nothing_grows() -> None:
    """Loading, running and dropping a model gives back memory, threads and files."""

    def once() -> None:
        llm = LLM.from_pretrained(folder_of("gpt2"))
        llm.generate([1, 2, 3], max_new_tokens=4, eos_token_id=[])
        caches = llm.model.allocate(2, 64)
        llm.model.prefill(np.ones((2, 9), np.int64), np.zeros(2, np.int64), caches)

    def used() -> tuple[int, int, int]:
        resident = int(Path("/proc/self/statm").read_text().split()[1])
        return resident, len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd"))

    for _ in range(10):
        once()
    # What other tests left to the collector goes first; a model must not need it.
    gc.collect()
    gc.disable()
    try:
        pages, threads, files = used()
        for _ in range(40):
            once()
        more_pages, more_threads, more_files = used()
    finally:
        gc.enable()
    assert more_threads == threads
    assert more_files == files
    # 40 times anything that is kept would be more than this: each model has 300 kB of weights.
    assert more_pages - pages < (4 << 20) // os.sysconf("SC_PAGE_SIZE")
