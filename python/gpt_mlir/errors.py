"""Every exception and warning that gpt_mlir raises on purpose.

One small tree under `GptMlirError`, so that a caller can catch everything from this package with
one clause. A message names the thing (tensor, argument, file, flag), what was expected and what was
found. Classes that stand for a wrong value also derive from `ValueError`, because that is what
callers of a numeric library catch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

__all__ = [
    "CacheWarning",
    "CheckpointError",
    "CompileError",
    "ConfigError",
    "GptMlirError",
    "GraphError",
    "InputError",
    "TokenizerError",
]


class GptMlirError(Exception):
    """Base of all errors of this package."""


class GraphError(GptMlirError, ValueError):
    """A graph is built wrongly: wrong dtype, rank, shape, name or use of a builder."""


class CheckpointError(GptMlirError, ValueError):
    """A checkpoint cannot be used: missing, extra or misshaped tensors, damaged or changed file."""


class ConfigError(GptMlirError, ValueError):
    """A model or generation configuration is missing, malformed or not supported."""


class TokenizerError(GptMlirError, ValueError):
    """A tokenizer is missing, malformed or does not fit its model."""


class InputError(GptMlirError, ValueError):
    """A value given to a compiled function, to generation or as an option is not one it can be."""


# Diagnostics that a message shows; all of them are in `CompileError.diagnostics`.
_SHOWN = 10


class CompileError(GptMlirError, RuntimeError):
    """The compiler rejected a module or failed on it.

    Attributes:
        diagnostics: The compiler's messages, one string each with its location, in order.
        reproducer: A `.mlir` file that repeats the failure with
            `gpt-opt --run-reproducer`, or None if none could be written.
    """

    def __init__(
        self,
        message: str,
        *,
        diagnostics: Sequence[str] = (),
        reproducer: Path | None = None,
    ) -> None:
        self.message = message
        self.diagnostics: tuple[str, ...] = tuple(diagnostics)
        self.reproducer = reproducer
        super().__init__(message)

    def __str__(self) -> str:
        lines = [self.message, *(f"  {text}" for text in self.diagnostics[:_SHOWN])]
        if len(self.diagnostics) > _SHOWN:
            lines.append(f"  … and {len(self.diagnostics) - _SHOWN} more")
        if self.reproducer is not None:
            lines.append(f"  reproduce with: gpt-opt --run-reproducer {self.reproducer}")
        return "\n".join(lines)


class CacheWarning(UserWarning):
    """The object cache cannot be used or an entry of it is damaged; work goes on without it."""
