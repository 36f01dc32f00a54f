"""In which ways a program is compiled."""

from __future__ import annotations

from checking import Variant
from programs import Program

LEVELS = range(4)


def all_variants(program: Program) -> list[Variant]:
    """Returns every level; for one program in four one of them as users get it, with LLVM's O3."""
    return [*map(Variant, LEVELS), *_as_users_get_it(program)]


def rotated_variants(program: Program) -> list[Variant]:
    """Returns two levels; for one program in four one of all as users get it, with LLVM's O3."""
    return [*two_variants(program), *_as_users_get_it(program)]


def two_variants(program: Program) -> list[Variant]:
    """Returns the level with all passes, and one of the others."""
    return [Variant(program.seed % 3), Variant(3)]


def _as_users_get_it(program: Program) -> list[Variant]:
    return [Variant(program.seed // 4 % 4, None)] if program.seed % 4 == 0 else []
