"""The limits of the machine, measured in the same run as everything else.

Each thread runs a kernel of `kernels` on data of its own; the rate is the work of all threads over
the time from the first start to the last end. Of several passes the best one counts: a limit is
what the machine can do, and shares of it are then never flattering.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

__all__ = ["LIMITS", "measure_limits"]

# The name under which `worker` takes part as the one who measures limits.
LIMITS = "limits"

_FMA_ROUNDS = 4_000_000
_READ_BYTES = 512 << 20
_PASSES = 7


def measure_limits(threads: int) -> dict[str, Any]:
    """Returns multiply-add operations in f32 and bf16, and bytes read from memory, per second.

    bf16 is None on a machine that has no instruction for it.

    Args:
        threads: How many threads run at once.
    """
    import numpy as np

    from benchmarks.kernels import CHAINS, compile_fma, compile_read, has_bf16_dot, vector_lanes

    lanes = vector_lanes()
    fma, read = compile_fma(lanes), compile_read(lanes)
    rounds = np.array([_FMA_ROUNDS], np.int64)
    # All chains differ, or they would be computed once; values stay near one.
    start = np.linspace(0.5, 1.5, CHAINS * lanes, dtype=np.float32).reshape(CHAINS, lanes)
    factors = np.stack([np.full(lanes, 0.5, np.float32), np.full(lanes, 0.5, np.float32)])

    def multiply(_: int) -> None:
        fma(rounds, start, factors)

    step = CHAINS * lanes
    count = _READ_BYTES // 4 // threads // step * step
    # Written once, by ones: pages that were never written are all the same page of zeros.
    parts = [np.ones(count, np.float32) for _ in range(threads)]
    total = float(np.asarray(read(parts[0])).sum(dtype=np.float64))
    assert total == count, f"the kernel summed {total}, expected {count}"

    operations = 2.0 * _FMA_ROUNDS * CHAINS * lanes * threads
    return {
        "flops": operations / _best_seconds(multiply, threads),
        "bf16_flops": _measure_bf16(threads) if has_bf16_dot() else None,
        "bandwidth": 4.0 * count * threads / _best_seconds(lambda i: read(parts[i]), threads),
        "lanes": lanes,
    }


def _measure_bf16(threads: int) -> float:
    import ml_dtypes
    import numpy as np

    from benchmarks.kernels import CHAINS, compile_bf16_dot

    dot = compile_bf16_dot()
    rounds = np.array([_FMA_ROUNDS], np.int64)
    start = np.linspace(0.5, 1.5, CHAINS * 16, dtype=np.float32).reshape(CHAINS, 16)
    factors = np.full((2, 32), 0.5, ml_dtypes.bfloat16)
    operations = 2.0 * _FMA_ROUNDS * CHAINS * 32 * threads
    return operations / _best_seconds(lambda _: dot(rounds, start, factors), threads)


def _best_seconds(work: Callable[[int], Any], threads: int) -> float:
    """Runs `work(i)` on every thread at once, several times; returns the least time of all."""
    barrier = threading.Barrier(threads)
    begins = [[0.0] * threads for _ in range(_PASSES)]
    ends = [[0.0] * threads for _ in range(_PASSES)]

    def run(index: int) -> None:
        for each in range(_PASSES):
            barrier.wait()
            begins[each][index] = time.perf_counter()
            work(index)
            ends[each][index] = time.perf_counter()

    team = [threading.Thread(target=run, args=(index,)) for index in range(threads)]
    for thread in team:
        thread.start()
    for thread in team:
        thread.join()
    return min(max(end) - min(begin) for begin, end in zip(begins, ends, strict=True))
