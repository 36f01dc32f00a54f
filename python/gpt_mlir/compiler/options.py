"""Options of the compiler."""

from __future__ import annotations

import numbers
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from gpt_mlir.errors import CompileError, InputError
from gpt_mlir.integers import integer_of

__all__ = ["CompileOptions", "given_options"]


# What the compiler takes as a number of ops or bytes.
_MOST = 2**63 - 1


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
        batch_invariant: A sequence gets the same bits whatever else is in its batch and into what
            pieces its prompt is cut. Costs speed where a call is for one token only, which then has
            no code of its own. The number of threads never changes a bit, with or without this.
        pipeline: The pass pipeline that lowers a `gpt` module to the LLVM dialect, if not the one
            that follows from the other options.
        max_ops: Ops a module may have before it is lowered; None for the compiler's own limit of
            100,000. What else no machine can run or compile is always refused, see the pass
            `gpt-verify-limits`.
        time_limit: Seconds that compilation may take before it is given up with an error; None for
            any time. Looked at between passes and where they apply patterns.
        memory_limit: Bytes by which the memory of the process may grow meanwhile; None for any.
        cache: Look the object up in the cache on disk, and store it there.
        cache_weights: Keep the weights of a model folder in the form that compiled code reads, in
            the folder `weights` of the cache. Off without `cache`, and if the environment sets
            `GPT_MLIR_CACHE_WEIGHTS` to 0.
        cache_folder: The cache's folder; None for `GPT_MLIR_CACHE` or `~/.cache/gpt-mlir`.
    """

    opt_level: int = 3
    target_cpu: str = "native"
    target_features: str = ""
    target_triple: str = ""
    schedule: str | None = None
    llvm_opt_level: int | None = None
    batch_invariant: bool = False
    pipeline: str | None = None
    max_ops: int | None = None
    time_limit: float | None = 600.0
    memory_limit: int | None = None
    cache: bool = True
    cache_weights: bool = True
    cache_folder: Path | None = None

    def __post_init__(self) -> None:
        self._check_integer("opt_level", "0 to 3", 0, 3)
        for name, expected, least, most in (
            ("llvm_opt_level", "0 to 3", 0, 3),
            ("max_ops", "of at least 1", 1, _MOST),
            ("memory_limit", "of at least 1", 1, _MOST),
        ):
            if getattr(self, name) is not None:
                self._check_integer(name, expected, least, most)
        limit: Any = self.time_limit
        is_number = isinstance(limit, numbers.Real) and not isinstance(limit, bool)
        if limit is not None and not (is_number and limit > 0):
            raise InputError(f"expected a time_limit above 0 seconds, got {limit!r}")
        for name in ("target_cpu", "target_features", "target_triple"):
            self._check_type(name, str, "a str")
        for name in ("schedule", "pipeline"):
            self._check_type(name, str | None, "a str or None")
        self._check_type("cache_folder", str | os.PathLike | None, "a path or None")

    def _check_integer(self, name: str, expected: str, least: int, most: int) -> None:
        number = integer_of(getattr(self, name))
        if number is not None and number > _MOST:
            raise InputError(f"expected {name} of at most {_MOST}, got {number}")
        if number is None or not least <= number <= most:
            raise InputError(f"expected {name} {expected}, got {getattr(self, name)!r}")
        # One of NumPy's would be another option in the key of the cache.
        object.__setattr__(self, name, number)

    def _check_type(self, name: str, kind: Any, expected: str) -> None:
        value = getattr(self, name)
        if not isinstance(value, kind):
            raise InputError(f"expected {name} to be {expected}, got {value!r}")

    def read_schedule(self) -> str:
        """Returns the text of a schedule that the user gave: it decides the code, too.

        Raises:
            CompileError: The file cannot be read.
        """
        if self.schedule is None or not self.schedule.endswith(".mlir"):
            return ""
        try:
            return Path(self.schedule).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CompileError(f"cannot read schedule {self.schedule!r}: {error}") from None

    def identity(self) -> str:
        """Returns all that decides the code, as text.

        Raises:
            CompileError: The schedule cannot be read.
        """
        elsewhere = ("time_limit", "memory_limit", "cache", "cache_weights", "cache_folder")
        values = [
            f"{option.name}={getattr(self, option.name)!r}"
            for option in fields(self)
            if option.name not in elsewhere
        ]
        return "\n".join([*values, self.read_schedule()])


def given_options(options: object) -> CompileOptions:
    """Returns the options that a caller gave, the defaults for None.

    Raises:
        InputError: They are something else.
    """
    if options is None:
        return CompileOptions()
    if not isinstance(options, CompileOptions):
        raise InputError(f"expected options to be CompileOptions or None, got {options!r}")
    return options
