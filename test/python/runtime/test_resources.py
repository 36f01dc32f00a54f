"""What runs out, breaks or is shared: each with an outcome that is said, none with a crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from checkpoints import folder_of

from gpt_mlir import LLM

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


def run(program: str, cache: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder_of("gpt2"))],
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
    pages, threads, files = used()
    for _ in range(40):
        once()
    more_pages, more_threads, more_files = used()
    assert (more_threads, more_files) == (threads, files)
    # 40 times anything that is kept would be more than this: each model has 300 kB of weights.
    assert more_pages - pages < (4 << 20) // os.sysconf("SC_PAGE_SIZE")
