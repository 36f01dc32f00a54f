"""In which ways a program is compiled."""

from __future__ import annotations

from checking import Variant
from programs import Program

LEVELS = range(4)


def all_variants(program: Program) -> list[Variant]:
    """Returns every level; for one program in four one of them as users get it, with LLVM's O3."""
    full = [Variant(program.seed // 4 % 4, None)] if program.seed % 4 == 0 else []
    return [*map(Variant, LEVELS), *full]


def two_variants(program: Program) -> list[Variant]:
    """Returns the level with all passes, and one of the others."""
    return [Variant(program.seed % 3), Variant(3)]
