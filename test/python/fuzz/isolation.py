"""Runs a check in a process of its own, so that a crash or a hang is a failure like another."""

from __future__ import annotations

import os
import select
import signal
import time
import traceback
from collections.abc import Callable


class FailureError(Exception):
    """What was checked failed, crashed or hung."""


def isolated(check: Callable[[], None], *, seconds: float) -> None:
    """Runs `check` in a forked process.

    Raises:
        FailureError: It raised an exception, was killed by a signal, or took longer than `seconds`.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _run(check, writer)
    os.close(writer)
    try:
        message, finished = _read(reader, time.monotonic() + seconds)
        if not finished:
            os.kill(child, signal.SIGKILL)
    finally:
        os.close(reader)
        _, status = os.waitpid(child, 0)
    if not finished:
        raise FailureError(f"no result after {seconds:.0f} s")
    if os.WIFSIGNALED(status):
        raise FailureError(f"killed by {signal.Signals(os.WTERMSIG(status)).name}")
    if os.WEXITSTATUS(status) != 0:
        raise FailureError(message)


def _run(check: Callable[[], None], writer: int) -> None:
    status = 1
    try:
        check()
        status = 0
    except BaseException as error:
        text = "".join(traceback.format_exception_only(error))
        os.write(writer, text.encode(errors="replace")[:60000])
    finally:
        os._exit(status)


def _read(reader: int, deadline: float) -> tuple[str, bool]:
    """Returns what the process says, and whether it came to its end in time."""
    parts: list[bytes] = []
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([reader], [], [], left)[0]:
            return "", False
        part = os.read(reader, 65536)
        if not part:
            return b"".join(parts).decode(errors="replace"), True
        parts.append(part)
