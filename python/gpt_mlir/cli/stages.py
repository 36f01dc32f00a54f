"""The choices of options: stages whose IR can be shown, references to compare with."""

from __future__ import annotations

import enum

__all__ = ["OpChecking", "Reference", "Stage"]


class Stage(enum.StrEnum):
    """A stage of the compiler."""

    GPT = "gpt"
    LINALG = "linalg"
    VECTOR = "vector"
    LOOPS = "loops"
    LLVM = "llvm"
    ASM = "asm"


class Reference(enum.StrEnum):
    """What verification compares with."""

    FLOAT64 = "float64"
    TRANSFORMERS = "transformers"


class OpChecking(enum.StrEnum):
    """What verification does with single ops."""

    NONE = "none"
    WORST = "worst"
    ALL = "all"
