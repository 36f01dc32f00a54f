"""What the processor says that it can do."""

from __future__ import annotations

from functools import cache
from pathlib import Path

__all__ = ["cpu_flags", "has_avx2", "has_avx512", "has_bf16_dot", "vector_lanes"]


@cache
def cpu_flags() -> frozenset[str]:
    """Returns the names of its features, as Linux spells them; none where they are not known."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    flags = (line.partition(":")[2] for line in lines if line.startswith("flags"))
    return frozenset(next(flags, "").split())


def has_avx512() -> bool:
    """Returns whether it has vectors of 512 bits."""
    return "avx512f" in cpu_flags()


def has_avx2() -> bool:
    """Returns whether it has vectors of 256 bits, and multiply-adds of them."""
    return cpu_flags() >= {"avx2", "fma"}


def has_bf16_dot() -> bool:
    """Returns whether it multiplies pairs of bf16 in one instruction (`vdpbf16ps`)."""
    return "avx512_bf16" in cpu_flags()


def vector_lanes() -> int:
    """Returns how many f32 a vector register holds."""
    return 16 if has_avx512() else 8 if has_avx2() else 4
