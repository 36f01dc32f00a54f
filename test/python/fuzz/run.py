"""Fuzzes the compiler with random programs: `make fuzz`.

Every program is compiled at every level, or at level 3 and one of the others in turn (`--levels
two`, half the time), and compared with its value in float64, in a process of its own. A failure is
shrunk to a small program and kept in `regressions/`, where the test suite replays it.

    run.py [--programs N] [--seed S] [--jobs N] [--cached PERCENT] [--levels all|two]
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
from pathlib import Path

import hypothesis
from checking import check
from exact import Exact, UndecidableError
from generator import cached_programs, programs
from hypothesis import HealthCheck
from programs import Program
from variants import all_variants, rotated_variants

from gpt_mlir.verify.isolation import CrashError, run_isolated

REGRESSIONS = Path(__file__).parent / "regressions"
BATCH = 50  # programs per call of hypothesis; each batch can find one failure
VARIANTS = {"all": all_variants, "two": rotated_variants}
SECONDS = 300.0  # for one program; a machine under load is slow, a hang is longer


@dataclasses.dataclass(frozen=True)
class Batch:
    """Some programs that follow from a seed."""

    seed: int
    count: int
    cached: bool
    levels: str


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a batch found: counts, and the smallest program of a failure."""

    counts: Counter[str]
    message: str = ""
    program: Program | None = None


def run_batch(batch: Batch) -> Outcome:
    counts: Counter[str] = Counter()
    failures: list[Program] = []

    def body(program: Program) -> None:
        try:
            exact = Exact(program)
        except UndecidableError:
            counts["undecidable"] += 1
            hypothesis.reject()
        except AssertionError:
            failures.append(program)
            raise
        variants = VARIANTS[batch.levels](program)
        counts["programs"] += 1
        counts["compilations"] += len(variants)

        def check_all() -> None:
            for variant in variants:
                check(exact, variant)

        try:
            run_isolated(check_all, seconds=SECONDS)
        except CrashError:
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
        )(hypothesis.given(strategy)(body))
    )
    try:
        test()
    except (CrashError, AssertionError) as error:
        return Outcome(counts, str(error), failures[-1])
    return Outcome(counts)


def make_batches(programs: int, seed: int, cached_percent: int, levels: str) -> list[Batch]:
    batches: list[Batch] = []
    for cached, share in ((True, programs * cached_percent // 100), (False, 0)):
        left = share if cached else programs - sum(batch.count for batch in batches)
        while left > 0:
            count = min(BATCH, left)
            batches.append(Batch(seed * 1_000_003 + len(batches), count, cached, levels))
            left -= count
    return batches


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz the compiler with random programs.")
    parser.add_argument("--programs", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=None, help="a random one if not given")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--cached", type=int, default=10, help="percent with a KV cache")
    parser.add_argument("--levels", choices=VARIANTS, default="all", help="of each program")
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
            if outcome.program is not None:
                found += 1
                name = hashlib.sha256(outcome.program.text.encode()).hexdigest()[:12]
                path = REGRESSIONS / f"{name}.mlir"
                outcome.program.write(path)
                print(f"failure kept as {path}\n{outcome.message}", flush=True)
            print(f"{counts['programs']} of {options.programs} programs", flush=True)
    print(
        f"seed {seed}: {counts['programs']} programs, {counts['compilations']} compilations, "
        f"{counts['undecidable']} programs that say nothing, {found} failures, "
        f"{time.monotonic() - began:.0f} s"
    )
    return min(found, 1)


if __name__ == "__main__":
    sys.exit(main())
