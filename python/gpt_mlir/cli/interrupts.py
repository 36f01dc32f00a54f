"""Ctrl-C at any time: what comes of it must not depend on what runs just then.

Imports are the hard part. Python raises KeyboardInterrupt inside of them, where there is nobody to
catch it yet, or where an extension module makes an ImportError of it.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

__all__ = ["INTERRUPTS", "dying_at_once"]


class _Interrupts:
    """Whether there was a Ctrl-C while the program ran.

    Attributes:
        seen: There was one. Whatever exception comes up after it is a consequence.
    """

    def __init__(self) -> None:
        self.seen = False

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """Takes note of Ctrl-C, beside what Python does with it."""
        with _handled_by(self.handle):
            yield

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Raises KeyboardInterrupt."""
        self.seen = True
        signal.default_int_handler(number, frame)


INTERRUPTS = _Interrupts()


@contextlib.contextmanager
def dying_at_once() -> Iterator[None]:
    """Lets Ctrl-C end the process by its signal, for as long as nothing has begun."""
    with _handled_by(signal.SIG_DFL):
        yield


@contextlib.contextmanager
def _handled_by(handler: signal._HANDLER) -> Iterator[None]:
    """Replaces the handler of Ctrl-C if it is Python's or ours; another program's stays."""
    before = signal.getsignal(signal.SIGINT)
    ours = before in (signal.default_int_handler, INTERRUPTS.handle)
    if not ours or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
