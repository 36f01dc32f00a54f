"""Stop strings: where generated text ends, and how much of it can be shown before it is known."""

from __future__ import annotations

from collections.abc import Sequence

from gpt_mlir.errors import InputError

__all__ = ["StopText"]


class StopText:
    """Cuts a text that arrives in pieces before the stop string that is complete first.

    Text that may turn out to be the beginning of a stop string is held back until it is decided.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        """Watches for `stops`.

        Raises:
            InputError: One of them is empty or no string.
        """
        for stop in stops:
            if not isinstance(stop, str) or not stop:
                raise InputError(f"stop expected strings that are not empty, found {stop!r}")
        self._stops = tuple(stops)
        self._held = ""
        self.found = False

    def push(self, piece: str) -> str:
        """Takes the next piece; returns the text that is certain by now.

        After a stop string has been found (`found`), there is no more text.
        """
        if not self._stops:
            return piece
        if self.found:
            return ""
        self._held += piece
        found = [
            (begin + len(stop), begin)
            for stop in self._stops
            if (begin := self._held.find(stop)) >= 0
        ]
        if found:
            # The one that is complete first, whatever pieces the text comes in.
            self.found = True
            text, self._held = self._held[: min(found)[1]], ""
            return text
        keep = max((_overlap(self._held, stop) for stop in self._stops), default=0)
        cut = len(self._held) - keep
        text, self._held = self._held[:cut], self._held[cut:]
        return text

    def finish(self) -> str:
        """Returns the text that was held back, when no more will come."""
        text, self._held = self._held, ""
        return text


def _overlap(text: str, stop: str) -> int:
    """Returns the length of the longest end of `text` that begins `stop`."""
    for size in range(min(len(text), len(stop) - 1), 0, -1):
        if stop.startswith(text[-size:]):
            return size
    return 0
