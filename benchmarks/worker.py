"""The process of one participant: takes requests as lines of JSON, answers in the same way.

Started by `benchmarks.process`. What libraries print goes to stderr: the standard output belongs to
the answers alone. A request is one of

    {"prepare": case}      -> {"numbers": what came out, "integers": whether they are tokens,
                               "tokens": or null, "seconds": of loading and the first call}
    {"measure": seconds}   -> {"times": one per call}, for at least that long
    {"limits": null}       -> {"flops": .., "bf16_flops": or null, "bandwidth": ..}

and every failure is an answer, too: {"error": text}.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any, TextIO

from benchmarks.cases import Case
from benchmarks.limits import LIMITS, measure_limits
from benchmarks.peers import Job, UnsupportedError, adapter

__all__ = ["main"]

_MAX_CALLS = 2000
_WARM_UP_SECONDS = 0.2
# Enough to see that two results are the same.
_ANSWER_NUMBERS = 64


class _Worker:
    def __init__(self, name: str, threads: int, scratch: Path) -> None:
        self._threads = threads
        self._adapter = None if name == LIMITS else adapter(name)(threads=threads, scratch=scratch)
        self._job: Job | None = None

    def handle(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answers one request."""
        if "limits" in request:
            return measure_limits(self._threads)
        if "prepare" in request:
            return self._prepare(Case.from_json(request["prepare"]))
        return {"times": self._measure(request["measure"])}

    def _prepare(self, case: Case) -> dict[str, Any]:
        assert self._adapter is not None
        self._job = None
        begin = time.perf_counter()
        self._job = self._adapter.prepare(case)
        self._job.reset()
        answer = self._job.answer(self._job.call())
        seconds = time.perf_counter() - begin
        if not case.long:  # a call of seconds leaves nothing to warm up
            self._measure(_WARM_UP_SECONDS)
        integers = answer.dtype.kind in "iu"
        numbers = [float(value) for value in answer[:_ANSWER_NUMBERS]]
        tokens = self._job.tokens() if self._job.tokens is not None else None
        return {"numbers": numbers, "integers": integers, "tokens": tokens, "seconds": seconds}

    def _measure(self, seconds: float) -> list[float]:
        job = self._job
        assert job is not None
        times: list[float] = []
        gc.collect()
        gc.disable()
        try:
            end = time.perf_counter() + seconds
            while (not times or time.perf_counter() < end) and len(times) < _MAX_CALLS:
                job.reset()
                begin = time.perf_counter()
                result = job.call()
                taken = time.perf_counter() - begin
                times.append(taken if job.seconds is None else job.seconds(result))
        finally:
            gc.enable()
        return times


def _serve(worker: _Worker, answers: TextIO) -> None:
    for line in sys.stdin:
        try:
            answer = worker.handle(json.loads(line))
        except UnsupportedError as error:
            answer = {"error": str(error)}
        except Exception as error:  # a peer may raise anything; the others go on
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    arguments = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if importlib.util.find_spec("gpt_mlir") is None:
        sys.exit("gpt_mlir cannot be imported: build it first (make setup)")
    _serve(_Worker(arguments.name, arguments.threads, arguments.scratch), answers)


if __name__ == "__main__":
    main()
