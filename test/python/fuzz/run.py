"""Fuzzes the compiler with random programs: `make fuzz`.

Programs are compiled in groups, each group as one module in a process of its own, and compared with
their values in float64: at every level, at level 3 and one of the others in turn (`--levels two`),
or at one level, every other time level 3 (`--levels one`). When a group fails, its programs are
tried one by one; the failure is shrunk to a small program and kept in `regressions/`, where the
test suite replays it. What fails only in company is kept as the module of the group.

    run.py [--programs N] [--seed S] [--jobs N] [--cached PERCENT] [--levels all|two|one]
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import hashlib
import multiprocessing
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import hypothesis
from checking import Variant, check, check_together
from exact import Exact, UndecidableError
from generator import cached_programs, programs
from hypothesis import HealthCheck
from merging import merge
from programs import Program
from variants import variants_of_group

from gpt_mlir.verify.isolation import CrashError, run_isolated

REGRESSIONS = Path(__file__).parent / "regressions"
# Programs of one call of hypothesis, which can find one failure, and of one module. Those with a KV
# cache are thirty times as large, and what a compilation costs anyway does not count.
BATCH = {False: 60, True: 6}
GROUP = {False: 10, True: 3}
SECONDS = 300.0  # for one program; a machine under load is slow, a hang is longer


@dataclasses.dataclass(frozen=True)
class Batch:
    """Some programs that follow from a seed."""

    seed: int
    number: int
    count: int
    cached: bool
    levels: str


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a batch found: counts, and a failure with what is kept of it."""

    counts: Counter[str]
    message: str = ""
    program: Program | None = None  # the smallest one
    module: str = ""  # of a group whose programs do not fail alone


class FailureError(Exception):
    """The smallest program that fails, and how."""

    def __init__(self, message: str, program: Program) -> None:
        super().__init__(message)
        self.message = message
        self.program = program


def _generate(batch: Batch, body: Callable[[Exact], None], counts: Counter[str]) -> None:
    """Calls `body` with each program of a batch that says something.

    Raises:
        FailureError: `body` or the evaluation in float64 failed.
    """
    failures: list[Program] = []

    def try_one(program: Program) -> None:
        try:
            body(Exact(program))
        except UndecidableError:
            counts["undecidable"] += 1
            hypothesis.reject()
        except (AssertionError, CrashError):
            failures.append(program)  # the last one is the smallest
            raise

    strategy = cached_programs() if batch.cached else programs()
    test = hypothesis.seed(batch.seed)(
        hypothesis.settings(
            max_examples=batch.count,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        )(hypothesis.given(strategy)(try_one))
    )
    try:
        test()
    except (CrashError, AssertionError) as error:
        raise FailureError(str(error), failures[-1]) from None


def _check_alone(exact: Exact, variants: list[Variant]) -> None:
    def work() -> None:
        for variant in variants:
            check(exact, variant)

    run_isolated(work, seconds=SECONDS)


def _fails_alone(exact: Exact, variants: list[Variant]) -> bool:
    try:
        _check_alone(exact, variants)
    except CrashError:
        return True
    return False


def _shrink(batch: Batch, culprit: str, variants: list[Variant]) -> Outcome:
    """Makes the programs of a batch once more, to find a small one that fails as `culprit` does."""
    shrinking = False

    def body(exact: Exact) -> None:
        nonlocal shrinking
        if shrinking or exact.program.text == culprit:
            shrinking = True
            _check_alone(exact, variants)

    try:
        _generate(batch, body, Counter())
    except FailureError as failure:
        return Outcome(Counter(), failure.message, failure.program)
    return Outcome(Counter(), "fails at some times only", None, culprit)


def _check_group(batch: Batch, number: int, group: list[Exact]) -> Outcome | None:
    """Returns the failure of a group, None if there is none."""
    variants = variants_of_group(number, batch.levels)

    def work() -> None:
        for variant in variants:
            check_together(group, variant)

    try:
        run_isolated(work, seconds=SECONDS * len(group))
    except CrashError as error:
        for exact in group:
            if _fails_alone(exact, variants):
                return _shrink(batch, exact.program.text, variants)
        module = str(merge([exact.program for exact in group]))
        return Outcome(Counter(), f"{error} (in company only)", None, module)
    return None


def run_batch(batch: Batch) -> Outcome:
    counts: Counter[str] = Counter()
    found: list[Exact] = []
    try:
        _generate(batch, found.append, counts)
    except FailureError as failure:
        return Outcome(counts, failure.message, failure.program)
    size = GROUP[batch.cached]
    for index in range(0, len(found), size):
        group = found[index : index + size]
        number = batch.number * (BATCH[batch.cached] // size) + index // size
        outcome = _check_group(batch, number, group)
        if outcome is not None:
            return dataclasses.replace(outcome, counts=counts)
        counts["programs"] += len(group)
        for variant in variants_of_group(number, batch.levels):
            counts[f"level {variant.opt_level}"] += len(group)
            counts["LLVM's O3"] += len(group) * (variant.llvm_opt_level is None)
    return Outcome(counts)


def make_batches(programs: int, seed: int, cached_percent: int, levels: str) -> list[Batch]:
    """Returns batches of `programs` programs, those with a KV cache evenly among the others."""
    left = {True: programs * cached_percent // 100}
    left[False] = programs - left[True]
    batches: list[Batch] = []
    while left[True] + left[False] > 0:
        share = cached_percent * sum(left.values())
        cached = not left[False] or left[True] * 100 > share
        count = min(BATCH[cached], left[cached])
        number = len(batches)
        batches.append(Batch(seed * 1_000_003 + number, number, count, cached, levels))
        left[cached] -= count
    return batches


def _keep(outcome: Outcome) -> Path:
    text = outcome.program.text if outcome.program is not None else outcome.module
    name = f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.mlir"
    if outcome.program is not None:
        outcome.program.write(REGRESSIONS / name)
        return REGRESSIONS / name
    path = Path("build/fuzz") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz the compiler with random programs.")
    parser.add_argument("--programs", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=None, help="a random one if not given")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--cached", type=int, default=1, help="percent with a KV cache")
    parser.add_argument(
        "--levels", choices=("all", "two", "one"), default="all", help="of each program"
    )
    options = parser.parse_args()
    seed = secrets.randbelow(1 << 32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    began = time.monotonic()
    counts: Counter[str] = Counter()
    found = 0
    with concurrent.futures.ProcessPoolExecutor(
        options.jobs, mp_context=multiprocessing.get_context("spawn")
    ) as pool:
        batches = make_batches(options.programs, seed, options.cached, options.levels)
        for outcome in pool.map(run_batch, batches):
            counts += outcome.counts
            if outcome.message:
                found += 1
                print(f"failure kept as {_keep(outcome)}\n{outcome.message}", flush=True)
            print(f"{counts['programs']} of {options.programs} programs", flush=True)
    how = ", ".join(f"{counts[name]} at {name}" for name in sorted(counts) if name[0] in "lL")
    print(
        f"seed {seed}: {counts['programs']} programs ({how}), "
        f"{counts['undecidable']} that say nothing, {found} failures, "
        f"{time.monotonic() - began:.0f} s"
    )
    return min(found, 1)


if __name__ == "__main__":
    sys.exit(main())
