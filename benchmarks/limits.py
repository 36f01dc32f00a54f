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

from benchmarks.processor import has_avx2, has_bf16_dot, vector_lanes

__all__ = ["LIMITS", "measure_limits"]

# The name under which `worker` takes part as the one who measures limits.
LIMITS = "limits"

_AVX2_LANES = 8
_FMA_ROUNDS = 4_000_000
_READ_BYTES = 512 << 20
_PASSES = 7


def measure_limits(threads: int) -> dict[str, Any]:
    """Returns operations of multiply-adds and bytes read from memory, per second.

    "flops" are f32 in vectors of "lanes" elements, "avx2_flops" in those of AVX2, "bf16_flops"
    sums of products of bf16; the latter two are None on a machine without them.

    Args:
        threads: How many threads run at once.
    """
    lanes = vector_lanes()
    return {
        "flops": _measure_fma(lanes, threads),
        "avx2_flops": _measure_fma(_AVX2_LANES, threads) if has_avx2() else None,
        "bf16_flops": _measure_bf16(threads) if has_bf16_dot() else None,
        "bandwidth": _measure_reading(lanes, threads),
        "lanes": lanes,
    }


def _measure_fma(lanes: int, threads: int) -> float:
    import numpy as np

    from benchmarks.kernels import CHAINS, compile_fma

    fma = compile_fma(lanes)
    rounds = np.array([_FMA_ROUNDS], np.int64)
    # All chains differ, or they would be computed once; values stay near one.
    start = np.linspace(0.5, 1.5, CHAINS * lanes, dtype=np.float32).reshape(CHAINS, lanes)
    factors = np.full((2, lanes), 0.5, np.float32)
    operations = 2.0 * _FMA_ROUNDS * CHAINS * lanes * threads
    return operations / _best_seconds(lambda _: fma(rounds, start, factors), threads)


def _measure_reading(lanes: int, threads: int) -> float:
    import numpy as np

    from benchmarks.kernels import CHAINS, compile_read

    read = compile_read(lanes)
    step = CHAINS * lanes
    count = _READ_BYTES // 4 // threads // step * step
    # Written once, by ones: pages that were never written are all the same page of zeros.
    parts = [np.ones(count, np.float32) for _ in range(threads)]
    total = float(np.asarray(read(parts[0])).sum(dtype=np.float64))
    assert total == count, f"the kernel summed {total}, expected {count}"
    return 4.0 * count * threads / _best_seconds(lambda i: read(parts[i]), threads)


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
