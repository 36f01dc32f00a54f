"""The choices of options: element types, stages whose IR can be shown, references."""

from __future__ import annotations

import enum

__all__ = ["Activations", "OpChecking", "Reference", "Stage"]


class Activations(enum.StrEnum):
    """What activations and the KV cache are made of."""

    F32 = "f32"
    BF16 = "bf16"
    F16 = "f16"


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
