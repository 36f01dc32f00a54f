"""Runs `gpt-mlir` as a process, from whatever tree or installation is being tested."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

PROGRAM = [sys.executable, "-c", "import sys; from gpt_mlir.cli import main; sys.exit(main())"]


def run(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs the program to its end."""
    options.setdefault("stdin", None if "input" in options else subprocess.DEVNULL)
    if options["stdin"] is None:
        del options["stdin"]
    return subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        encoding="utf-8",
        timeout=120,
        **options,
    )
