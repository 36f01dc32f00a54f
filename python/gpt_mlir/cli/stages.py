"""The stages whose IR can be shown."""

from __future__ import annotations

import enum

__all__ = ["Stage"]


class Stage(enum.StrEnum):
    """A stage of the compiler."""

    GPT = "gpt"
    LINALG = "linalg"
    VECTOR = "vector"
    LOOPS = "loops"
    LLVM = "llvm"
    ASM = "asm"
