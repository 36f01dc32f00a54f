"""Runs `gpt-mlir` as a process, from whatever tree or installation is being tested."""

from __future__ import annotations

import signal
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


def start(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """Starts a process that Ctrl-C reaches, even where the tests themselves run in the background.

    A shell makes background jobs ignore SIGINT, and their children inherit that.
    """
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options,
    )
