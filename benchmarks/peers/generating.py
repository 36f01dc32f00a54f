"""What peers have in common that only generate: times are taken where they report tokens.

Prefill is the time to the first token, decode what passes between the first token and the last.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from benchmarks.cases import Case
from benchmarks.peers.base import Job

__all__ = ["generation_job"]


def generation_job(case: Case, generate: Callable[[int, Callable[[], None]], list[int]]) -> Job:
    """Makes a job of a participant that can only generate.

    Args:
        case: A prefill or a decode.
        generate: Generates that many tokens for each prompt of the case, calls back for each token,
            and returns those of the last sequence.
    """
    count = 1 + case.steps

    def call() -> tuple[list[int], float]:
        times: list[float] = []
        begin = time.perf_counter()
        tokens = generate(count, lambda: times.append(time.perf_counter()))
        if case.kind != "decode":
            return tokens, times[-1] - begin
        return tokens, times[-1] - times[case.batch - 1]

    return Job(call, lambda result: np.array(result[0]), seconds=lambda result: result[1])
