"""Compiles, loads, runs and drops programs, thousands of times in one process (`make soak`).

Every program is another one, and none is kept on disk: each goes through the whole compiler. After
a first part, in which allocators and caches of the process fill up, memory, threads and open files
must stay what they are.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gpt_mlir import set_num_threads
from gpt_mlir.graph import Graph, ops

# Bytes. A library that stays loaded costs 16 KiB at least, a context of MLIR far more.
CYCLE_GROWTH = 2048
NOISE = 4 << 20  # what an allocator keeps or not
# Of what is allocated, whether the allocator asks the kernel for it or not. NumPy keeps blocks of
# every size it has seen, 2 KiB a cycle at first.
CYCLE_HEAP_GROWTH = 4096
HEAP_NOISE = 256 << 10


# Of `struct mallinfo2` in malloc.h (glibc 2.33).
_FIELDS = ("arena", "ordblks", "smblks", "hblks", "hblkhd")
_FIELDS += ("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")


class MallocInfo(ctypes.Structure):
    """What malloc says of itself."""

    _fields_ = [(name, ctypes.c_size_t) for name in _FIELDS]


@dataclass(frozen=True)
class Usage:
    """What the process has, as the kernel counts it, and `heap`, bytes allocated with malloc."""

    resident: int
    heap: int
    threads: int
    files: int
    maps: int

    def is_kept_by(self, after: Usage, cycles: int) -> bool:
        """Whether `cycles` cycles have taken no more than the limits."""
        return (
            (after.threads, after.files) == (self.threads, self.files)
            and after.resident - self.resident < cycles * CYCLE_GROWTH + NOISE
            and after.heap - self.heap < cycles * CYCLE_HEAP_GROWTH + HEAP_NOISE
        )


def measure_heap() -> int:
    """Returns what is allocated with malloc; what is free goes back to the kernel first."""
    libc = ctypes.CDLL(None)
    libc.malloc_trim(ctypes.c_size_t(0))
    libc.mallinfo2.restype = MallocInfo
    info = libc.mallinfo2()
    return int(info.uordblks + info.hblkhd)


def measure() -> Usage:
    gc.collect()
    heap = measure_heap()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Usage(
        pages * os.sysconf("SC_PAGE_SIZE"),
        heap,
        len(os.listdir("/proc/self/task")),
        len(os.listdir("/proc/self/fd")),
        len(Path("/proc/self/maps").read_text().splitlines()),
    )


def run_cycle(index: int) -> None:
    """A feed-forward network of its own width, compiled and run."""
    width, rows = 16 + index % 61, 1 + index % 7
    graph = Graph(f"cycle{index}")
    x = graph.input("x", ("rows", width))
    inner = ops.gelu(ops.linear(x, graph.weight("up", (2 * width, width))))
    graph.output("y", ops.linear(inner, graph.weight("down", (width, 2 * width))))
    weights = {
        "up": np.full((2 * width, width), 1 / width, np.float32),
        "down": np.full((width, 2 * width), 1 / (2 * width), np.float32),
    }
    # LLVM's own optimiser takes most of the time and is in one cycle of ten.
    level = 0 if index % 10 else None
    run = graph.compile(cache=False, llvm_opt_level=level).bind(weights)
    y = np.asarray(run(np.ones((rows, width), np.float32)))
    # gelu(1), whether by tanh or exact.
    np.testing.assert_allclose(y, np.full((rows, width), 0.8413), atol=1e-3)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=2000)
    parser.add_argument("--first", type=int, default=200, help="cycles before the first look")
    arguments = parser.parse_args(argv)
    begin = time.monotonic()
    set_num_threads(2)
    for index in range(arguments.first):
        run_cycle(index)
    before = measure()
    print(f"after {arguments.first} cycles: {before}", flush=True)
    for index in range(arguments.first, arguments.cycles):
        run_cycle(index)
    after = measure()
    seconds = time.monotonic() - begin
    cycles = arguments.cycles - arguments.first
    print(f"after {arguments.cycles} cycles: {after}")
    resident, heap = after.resident - before.resident, after.heap - before.heap
    print(
        f"{seconds:.0f} s; a cycle {resident / cycles:.0f} bytes more of memory, "
        f"{heap / cycles:.0f} of them allocated"
    )
    return 0 if before.is_kept_by(after, cycles) else 1


if __name__ == "__main__":
    sys.exit(main())
