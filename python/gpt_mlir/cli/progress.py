"""The display of what a slow step is doing: on stderr, and only if that is a terminal."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

__all__ = ["Progress"]

_DELAY = 0.5  # seconds before anything shows: quick steps leave no trace


class Progress:
    """A line with a spinner and the seconds so far, from half a second on.

    Use it as a context manager and call it with what is being done, in a word or two.
    """

    def __init__(self) -> None:
        self._step = ""
        self._begin = time.monotonic()
        self._live: Live | None = None

    def __call__(self, step: str) -> None:
        """Begins a step."""
        self._step = step[:1].upper() + step[1:]
        self._begin = time.monotonic()

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(
                console=Console(stderr=True),
                get_renderable=self._render,
                refresh_per_second=10,
                transient=True,
            ).__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, traceback)

    def _render(self) -> RenderableType:
        from rich.spinner import Spinner
        from rich.text import Text

        seconds = time.monotonic() - self._begin
        if not self._step or seconds < _DELAY:
            return Text("")
        spinner = Spinner("dots", text=f"{self._step} ({seconds:.0f} s)")
        spinner.start_time = self._begin
        return spinner
