"""The command line: `gpt-mlir generate`, `compile` and `inspect`.

Only what parses arguments and prints is here. Modules that need MLIR or NumPy are imported by the
command that uses them, so that `--help` answers at once.
"""

from __future__ import annotations

from gpt_mlir.cli.entry import main

__all__ = ["main"]
