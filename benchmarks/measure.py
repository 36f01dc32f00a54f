"""A run: all cases, all participants taking turns, statistics of what they took.

In each round every participant has one turn, in the same order (A B C, A B C, ...): what drifts in
the machine meets all of them. A turn is as many calls as fit the given time, at least one; its
figure is their median. A case's figure is the median of its rounds, its spread that of the rounds.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.cases import Case
from benchmarks.limits import LIMITS
from benchmarks.peers import OURS, Adapter
from benchmarks.process import Participant, ParticipantError, start_once

__all__ = ["Runner"]

_PREPARE_SECONDS = 600.0
_TURN_SECONDS = 120.0
_LIMITS_SECONDS = 120.0
_START_SECONDS = 300.0
_START_ROUNDS = 3
# Relative to the largest logit: sums in another order, other polynomials for the same functions
# (llama.cpp looks GELU up in a table of f16), summed up over twelve layers; in bf16 every
# intermediate result is rounded as well (2^-9).
_TOLERANCE = {"f32": 5e-3, "bf16": 5e-2}


class Runner:
    """Measures cases and collects results.

    Attributes:
        skipped: Participant and reason, for every one that took no part in some case.
    """

    def __init__(
        self, adapters: Sequence[type[Adapter]], *, scratch: Path, rounds: int, seconds: float
    ) -> None:
        """Prepares a run.

        Args:
            adapters: Who takes part.
            scratch: A folder for everything that is kept between runs.
            rounds: Turns of every participant in every case.
            seconds: Time of a turn.
        """
        self._adapters = adapters
        self._scratch = scratch
        self._rounds = rounds
        self._seconds = seconds
        self.skipped: dict[str, set[str]] = {}

    def limits(self, threads: Iterable[int]) -> dict[str, dict[str, float]]:
        """Measures the limits of the machine for some numbers of threads."""
        found = {}
        for count in threads:
            _say(f"limits of the machine, {count} thread{'s' * (count > 1)}")
            participant = Participant(LIMITS, threads=count, scratch=self._scratch)
            try:
                found[str(count)] = participant.ask({"limits": None}, timeout=_LIMITS_SECONDS)
            finally:
                participant.stop()
        return found

    def run(self, cases: Sequence[Case]) -> list[dict[str, Any]]:
        """Measures all cases; those of one number of threads share processes.

        Large models have processes of their own, so that not all of them are in memory at once.
        """
        results = []
        for (threads, *_), group in groupby(cases, lambda case: (case.threads, case.long)):
            workers: dict[str, Participant] = {}
            try:
                for case in group:
                    if case.kind == "start":
                        results.append(self._start(case))
                    else:
                        results.append(self._measure(case, threads, workers))
            finally:
                for worker in workers.values():
                    worker.stop()
        return results

    def _measure(self, case: Case, threads: int, workers: dict[str, Participant]) -> dict[str, Any]:
        _say(_name(case))
        running = []
        prepared: dict[str, dict[str, Any]] = {}
        for adapter in self._adapters:
            if not adapter.accepts(case):
                continue
            name = adapter.name
            try:
                if name not in workers:
                    workers[name] = Participant(name, threads=threads, scratch=self._scratch)
                prepared[name] = workers[name].ask(
                    {"prepare": case.to_json()}, timeout=_PREPARE_SECONDS
                )
                running.append(name)
            except ParticipantError as error:
                self._drop(name, case, error, workers)
        rounds: dict[str, list[list[float]]] = {name: [] for name in running}
        for _ in range(self._rounds):
            for name in tuple(running):
                try:
                    answer = workers[name].ask({"measure": self._seconds}, timeout=_TURN_SECONDS)
                    rounds[name].append(answer["times"])
                except ParticipantError as error:
                    self._drop(name, case, error, workers)
                    running.remove(name)
        return self._result(
            case,
            {
                name: _statistics(rounds[name])
                | {
                    "prepare_seconds": prepared[name]["seconds"],
                    "same_answer": _same(case, prepared, name),
                }
                for name in running
            },
        )

    def _start(self, case: Case) -> dict[str, Any]:
        """Measures new processes: one to warm the caches up, then one in every round."""
        _say(_name(case))
        answers: dict[str, list[dict[str, Any]]] = {
            adapter.name: [] for adapter in self._adapters if adapter.accepts(case)
        }
        case.folder(self._scratch)
        rounds = 1 if case.fresh or case.long else min(self._rounds, _START_ROUNDS)
        for _ in range(1 + rounds):
            for name in tuple(answers):
                try:
                    answers[name].append(
                        start_once(name, case, scratch=self._scratch, timeout=_START_SECONDS)
                    )
                except ParticipantError as error:
                    self._drop(name, case, error, {})
                    del answers[name]
        tokens = {name: answer[0]["token"] for name, answer in answers.items()}
        expected = tokens.get(OURS, next(iter(tokens.values()), None))
        result = self._result(
            case,
            {
                name: _statistics([[each["seconds"]] for each in answer[1:]])
                | {
                    "same_answer": tokens[name] == expected,
                    "peak": max(each["peak"] for each in answer[1:]),
                    "anonymous": max(each["anonymous"] for each in answer[1:]),
                }
                for name, answer in answers.items()
            },
        )
        return result | {"resident": case.resident_bytes(self._scratch)}

    def _result(self, case: Case, participants: dict[str, dict[str, Any]]) -> dict[str, Any]:
        flops, moved = case.work(self._scratch)
        return {
            "case": case.to_json(),
            "key": case.key,
            "title": case.title,
            "flops": flops,
            "bytes": moved,
            "participants": participants,
        }

    def _drop(
        self, name: str, case: Case, error: ParticipantError, workers: dict[str, Participant]
    ) -> None:
        """Goes on without a participant in one case; its process may be in any state."""
        _say(f"  {name}: {error}")
        where = f"{case.model} {case.title}".strip()
        self.skipped.setdefault(name, set()).add(f"{where}: {error}")
        if name in workers:
            workers.pop(name).stop()


def _name(case: Case) -> str:
    return f"{case.section}: {case.model or 'product'} {case.title}, {case.threads} threads"


def _statistics(rounds: list[list[float]]) -> dict[str, Any]:
    medians = [statistics.median(times) for times in rounds]
    return {
        "seconds": statistics.median(medians),
        "fastest_round": min(medians),
        "slowest_round": max(medians),
        "rounds": medians,
        "calls": sum(map(len, rounds)),
    }


def _same(case: Case, prepared: dict[str, dict[str, Any]], name: str) -> bool:
    """Returns whether a participant computes what we do.

    Where we do not take part, as among the levels, the first participant is compared with.
    """
    found = prepared[name]
    expected = prepared.get(OURS, next(iter(prepared.values())))
    if found["integers"] and not expected["integers"]:
        # Rounding to bf16 may turn any later choice round, and then all that follow.
        count = len(found["numbers"]) if case.dtype == "f32" else 1
        tokens = expected["tokens"] or []
        return bool(found["numbers"][:count] == tokens[:count])
    largest = max(map(abs, expected["numbers"]), default=0.0)
    tolerance = 0.0 if found["integers"] else _TOLERANCE[case.dtype] * largest
    return len(found["numbers"]) == len(expected["numbers"]) and all(
        abs(a - b) <= tolerance for a, b in zip(found["numbers"], expected["numbers"], strict=True)
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
