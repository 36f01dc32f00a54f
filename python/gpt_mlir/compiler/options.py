"""Options of the compiler."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["CompileOptions"]


@dataclass(frozen=True, kw_only=True)
class CompileOptions:
    """How to compile a module.

    Attributes:
        opt_level: 0: plain loops, every rounding as written; 1: element-wise ops fused, sums in
            any order; 2: tiled and vectorised by the schedule, elementary functions by
            polynomials; 3: on several threads.
        target_cpu: LLVM's name of the CPU to generate code for. "native" is this machine with all
            it reports; "x86-64-v3" and the like give code for every machine of that class.
        target_features: Features on top of those of the CPU, as "+avx2,-fma".
        target_triple: Target triple for `emit`; empty for this machine. Code for another machine
            cannot be run here.
        schedule: For levels 2 and 3: the name of a built-in schedule or a Transform-dialect file
            (`.mlir`); None for the built-in one of the target, "" for none.
        llvm_opt_level: LLVM's own level, 0 to 3, if not the one that goes with `opt_level`. At 0
            code is made in a tenth of the time and is slow.
        pipeline: The pass pipeline that lowers a `gpt` module to the LLVM dialect, if not the one
            that follows from the other options.
        cache: Look the object up in the cache on disk, and store it there.
        cache_folder: The cache's folder; None for `GPT_MLIR_CACHE` or `~/.cache/gpt-mlir`.
    """

    opt_level: int = 3
    target_cpu: str = "native"
    target_features: str = ""
    target_triple: str = ""
    schedule: str | None = None
    llvm_opt_level: int | None = None
    pipeline: str | None = None
    cache: bool = True
    cache_folder: Path | None = None

    def __post_init__(self) -> None:
        if self.opt_level not in range(4):
            raise ValueError(f"expected opt_level 0 to 3, got {self.opt_level!r}")
        if self.llvm_opt_level not in (None, *range(4)):
            raise ValueError(f"expected llvm_opt_level 0 to 3, got {self.llvm_opt_level!r}")
