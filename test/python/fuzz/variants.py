"""In which ways a program is compiled."""

from __future__ import annotations

from checking import Variant
from programs import Program

LEVELS = range(4)


def variants_of_group(number: int, levels: str) -> list[Variant]:
    """Returns how a group of programs is compiled that share a module.

    Args:
        number: Of the group: what changes from group to group follows from it.
        levels: "all", "two" (the level with all passes, and one of the others) or "one" (that level
            for every other group, the others in turn).
    """
    if levels == "all":
        variants = [*map(Variant, LEVELS)]
    elif levels == "two":
        variants = [Variant(number % 3), Variant(3)]
    else:
        variants = [Variant((3, 0, 3, 2, 3, 1)[number % 6])]
    # As users get it, with LLVM's O3, which takes ten times as long.
    if number % 11 == 0:
        variants[-1] = Variant(variants[-1].opt_level, None)
    return variants


def two_variants(program: Program) -> list[Variant]:
    """Returns the level with all passes, and one of the others."""
    return [Variant(program.seed % 3), Variant(3)]
