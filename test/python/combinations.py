"""In which ways a test compiles and runs a program: levels, instruction sets, numbers of threads.

What is compared with a reference is compared in every way under the mark `levels`
(`make test-levels`). Otherwise each case has the way that users get and one of the others, in turn:
each file tries all of them, on cases that do not change from run to run.
"""

from __future__ import annotations

import dataclasses
import functools
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

# Plain loops; fused; vectorised by the schedule of the target; on threads.
LEVELS = range(4)


@dataclasses.dataclass(frozen=True)
class Target:
    """What code is made for.

    Attributes:
        cpu: As in `CompileOptions`.
        flags: What a machine must report to run it.
        schedule: The schedule of this target, which any other can follow, too: its vectors are then
            taken apart into those that there are. Empty where the machine decides.
    """

    cpu: str
    flags: tuple[str, ...] = ()
    schedule: str = ""


# Each has a schedule of its own; that of AVX-512 with products of bf16 is for machines that have
# them, where "native" takes it.
TARGETS = {
    "native": Target("native"),
    "avx512": Target(
        "x86-64-v4", ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"), "x86-avx512"
    ),
    "avx2": Target("x86-64-v3", ("avx2", "bmi2", "fma", "f16c"), "x86-avx2"),
    "neon": Target("neoverse-n1", ("asimd", "asimddp"), "aarch64-neon"),
    "generic": Target("x86-64-v2", ("sse4_2", "ssse3", "popcnt"), "generic"),
}

# Numbers of threads; more than two have a middle.
THREADS = (1, 2, 3)

# Marks what runs in every way: much longer than anything else.
every_way = [pytest.mark.slow, pytest.mark.levels]


@dataclasses.dataclass(frozen=True)
class Combination:
    """One way to compile a program, and on how many threads to run it.

    Attributes:
        level: The optimization level.
        target: One of `TARGETS`. Where this machine cannot run its code, its schedule is followed.
    """

    level: int
    target: str = "native"

    @property
    def options(self) -> dict[str, Any]:
        """Fields of `CompileOptions`."""
        target = TARGETS[self.target]
        if can_run(target):
            return {"opt_level": self.level, "target_cpu": target.cpu}
        return {"opt_level": self.level, "schedule": target.schedule}

    @property
    def threads(self) -> tuple[int, ...]:
        """The numbers of threads that can make a difference."""
        return THREADS if self.level == 3 else (1,)

    def __str__(self) -> str:
        return f"O{self.level}-{self.target}"


# What users get; every rounding as written.
DEFAULT = Combination(3)
PLAIN = Combination(0)


@functools.cache
def processor_flags() -> frozenset[str]:
    return frozenset(Path("/proc/cpuinfo").read_text().split())


def can_run(target: Target) -> bool:
    """Whether this machine can run code for a target."""
    return processor_flags().issuperset(target.flags)


# The levels 0 and 1 have no schedule: what this machine cannot run is nothing new there.
ALL = [
    Combination(level, name)
    for name, target in TARGETS.items()
    for level in (LEVELS if can_run(target) else (2, 3))
]
OTHERS = [combination for combination in ALL if combination != DEFAULT]


def rotate(names: Iterable[str], among: list[Combination] = OTHERS) -> Iterator[Combination]:
    """Yields a combination for each of several names, in turn; the first name decides the start."""
    start = 0
    for index, name in enumerate(names):
        start = start or zlib.crc32(name.encode())
        yield among[(start + index) % len(among)]


def ways(name: str) -> list[Any]:
    """Returns the parameters of a test that is compiled in all ways; those in turn are for all."""
    chosen = {DEFAULT, *rotate([name])}
    return [
        pytest.param(
            combination,
            id=str(combination),
            marks=[] if combination in chosen else every_way,
        )
        for combination in ALL
    ]


def each_way(test: Any) -> Any:
    """Runs a test with each `combination`, all but two of them under the mark `levels`."""
    return pytest.mark.parametrize("combination", ways(test.__name__))(test)
