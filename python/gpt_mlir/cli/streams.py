"""The standard streams of a process that was started without some of them."""

from __future__ import annotations

import os
import sys

__all__ = ["open_closed_streams"]

_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def open_closed_streams() -> None:
    """Opens the null device for each of stdin, stdout and stderr that the process does not have.

    Python has None for it then. The descriptor is taken as well: else it would be the number of the
    next file that is opened, and get what others write to a standard stream.
    """
    for number, (name, mode) in enumerate(_STREAMS):
        if getattr(sys, name) is not None:
            continue
        null = os.open(os.devnull, os.O_RDWR)
        if null != number and not _is_open(number):
            os.dup2(null, number)
            os.close(null)
            null = number
        setattr(sys, name, os.fdopen(null, mode, encoding="utf-8", closefd=False))


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
