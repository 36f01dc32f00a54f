"""How many threads compiled code uses.

There is one team of threads in a process. It has as many threads as the process has processors to
itself (affinity and the limits of containers counted), or as `set_num_threads` or the environment
variable `GPT_MLIR_NUM_THREADS` say, or as a single executable is told to use.
"""

from __future__ import annotations

import functools
import os

from gpt_mlir import _runtime
from gpt_mlir.errors import InputError
from gpt_mlir.integers import integer_of

__all__ = ["check_num_threads", "get_num_threads", "read_environment", "set_num_threads"]

_VARIABLE = "GPT_MLIR_NUM_THREADS"


def set_num_threads(count: int | None) -> None:
    """Sets how many threads compiled functions use, unless they were told otherwise.

    More threads than processors are possible, and slow. What a function computes does not depend
    on the number of threads, to the last bit.

    Args:
        count: 1 to 256; None for as many as this process has processors.

    Raises:
        InputError: `count` is something else.
    """
    number = check_num_threads(count)
    read_environment()
    _runtime.set_num_threads(number)


def get_num_threads() -> int:
    """Returns how many threads compiled functions use, unless they were told otherwise.

    Raises:
        InputError: `GPT_MLIR_NUM_THREADS` is not a number of threads.
    """
    read_environment()
    return _runtime.get_num_threads()


def check_num_threads(count: int | None, name: str = "num_threads") -> int:
    """Returns a number of threads as the extension module takes it: 0 for None.

    Args:
        count: 1 to 256, or None.
        name: What to call it in the message.

    Raises:
        InputError: `count` is something else.
    """
    if count is None:
        return 0
    number = integer_of(count)
    if number is None:
        raise InputError(f"{name} expected an integer, found {count!r}")
    if not 1 <= number <= _runtime.MAX_THREADS:
        raise InputError(f"{name} expected 1 to {_runtime.MAX_THREADS}, found {count}")
    return number


@functools.cache
def read_environment() -> None:
    """Takes over the number of threads that the environment says, once.

    Raises:
        InputError: It is not a number of threads.
    """
    text = os.environ.get(_VARIABLE, "").strip()
    if not text:
        return
    try:
        count = int(text)
    except ValueError:
        raise InputError(f"{_VARIABLE} expected an integer, found {text!r}") from None
    _runtime.set_num_threads(check_num_threads(count, _VARIABLE))
