"""Where in the user's program an op was asked for, and errors that say so.

Every op carries the file and line that built it as its MLIR location. The frames of this folder are
skipped, so the line is the one that calls `linear(...)` or writes `x + y`, be it in a program or in
an architecture file of `gpt_mlir.models`. Errors of type inference and of verifiers keep their text
and gain that line: the rules live in the dialect, Python only says where they were broken.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator
from typing import Any

from gpt_mlir import ir
from gpt_mlir.errors import GraphError

__all__ = ["CallSite", "MLIRError", "describe", "show"]

# Defined by MLIR at run time; its stubs do not know it.
MLIRError: Any = ir.MLIRError  # type: ignore[attr-defined]

# This folder, and what stands between it and a `with` statement.
_SKIPPED = (os.path.dirname(__file__) + os.sep, contextlib.__file__)


@dataclasses.dataclass(frozen=True, slots=True)
class CallSite:
    """A line of the program that uses the graph builder."""

    file: str
    line: int

    @classmethod
    def find(cls) -> CallSite:
        """Returns the innermost line of the running thread outside this folder."""
        frame = sys._getframe(1)
        while frame.f_back is not None and frame.f_code.co_filename.startswith(_SKIPPED):
            frame = frame.f_back
        return cls(frame.f_code.co_filename, frame.f_lineno)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    def location(self, context: ir.Context) -> ir.Location:
        """Returns this line as an MLIR location."""
        return ir.Location.file(self.file, self.line, 0, context)

    def error(self, message: str) -> GraphError:
        """Returns an error whose text begins with this line."""
        return GraphError(f"{self}: {message}")

    def error_from(self, error: Any, subject: str) -> GraphError:
        """Returns the error for diagnostics of MLIR.

        Args:
            error: What MLIR raised.
            subject: The op or function, put in front of a diagnostic that does not name it.
        """
        texts = [text for diagnostic in error.error_diagnostics for text in self._texts(diagnostic)]
        message = "\n  ".join(texts) or error.message
        if subject not in message:
            message = f"{subject}: {message}"
        return self.error(message)

    def _texts(self, diagnostic: ir.DiagnosticInfo) -> Iterator[str]:
        """Yields a diagnostic and its notes; those about other lines begin with that line."""
        yield self._place(diagnostic.location) + diagnostic.message
        for note in diagnostic.notes:
            if not note.message.startswith("see current operation"):
                yield f"note: {self._place(note.location)}{note.message}"

    def _place(self, location: ir.Location) -> str:
        if not location.is_a_file() or (location.filename, location.start_line) == (
            self.file,
            self.line,
        ):
            return ""
        return f"{location.filename}:{location.start_line}: "


def show(value: object) -> str:
    """Returns a value as a message shows it: in 60 characters at most."""
    try:
        text = repr(value)
    except ValueError:  # an int of more digits than Python prints
        text = object.__repr__(value)
    return text if len(text) <= 60 else text[:57] + "..."


def describe(value: object) -> str:
    """Returns the type of a value and the value as a message shows them."""
    return "None" if value is None else f"{type(value).__name__} {show(value)}"
