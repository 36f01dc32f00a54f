"""Runs work in a child process, so that wrong code cannot take the checker down with it."""

from __future__ import annotations

import faulthandler
import os
import pickle
import selectors
import signal
import time
from collections.abc import Callable
from typing import NoReturn, TypeVar

__all__ = ["CrashError", "run_isolated"]

T = TypeVar("T")
_CHUNK = 1 << 20


class CrashError(Exception):
    """The work did not come to an end: the process died, or took too long."""


def run_isolated(work: Callable[[], T], *, seconds: float) -> T:
    """Runs `work` in a forked process and returns its result, which must be picklable.

    The child shares the memory of this process, copied where it is written: nothing has to be sent
    to it.

    Args:
        work: What to run.
        seconds: It is killed after so many seconds.

    Raises:
        CrashError: It died by a signal, raised an exception, or took longer.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _run_and_exit(work, write)
    os.close(write)
    try:
        data = _read_all(read, time.monotonic() + seconds)
    finally:
        os.close(read)
        # One that has ended is not affected, and still holds its exit status.
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if data is None:
        raise CrashError(f"did not end within {seconds:g} s")
    try:
        succeeded, result = pickle.loads(data)
    except (EOFError, pickle.UnpicklingError):
        cause = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else "exit"
        raise CrashError(f"died by {cause}") from None
    if not succeeded:
        raise CrashError(str(result))
    value: T = result
    return value


def _run_and_exit(work: Callable[[], T], write: int) -> NoReturn:
    faulthandler.disable()  # a crash is a result here, told in one line by the parent
    try:
        try:
            outcome: tuple[bool, object] = (True, work())
        except Exception as error:
            outcome = (False, f"{type(error).__name__}: {error}")
        with os.fdopen(write, "wb") as stream:
            pickle.dump(outcome, stream, protocol=pickle.HIGHEST_PROTOCOL)
    finally:
        os._exit(0)  # nothing of the parent's is to be cleaned up here


def _read_all(descriptor: int, deadline: float) -> bytes | None:
    """Reads until the end; None when the deadline passes before."""
    parts: list[bytes] = []
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                return None
            part = os.read(descriptor, _CHUNK)
            if not part:
                return b"".join(parts)
            parts.append(part)
