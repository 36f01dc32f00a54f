"""What an adapter is: one participant of the benchmark.

An adapter turns a case into a `Job`: a call to time, and what must be done before each call without
being timed. Everybody gets the same token ids and matrices from here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from benchmarks.cases import Case
from benchmarks.shapes import model_folder, model_sizes

__all__ = ["Adapter", "Array", "Job", "UnsupportedError", "linear_operands", "token_ids"]

Array = np.ndarray[Any, np.dtype[Any]]

_SEED = 7


class UnsupportedError(Exception):
    """A participant cannot run a case; the message says why."""


def _nothing() -> None:
    """What a job has to do before a call, if it has nothing to do."""


@dataclass(frozen=True)
class Job:
    """A case, ready to run.

    Attributes:
        call: What is timed. Returns what `answer` takes.
        answer: Makes of the result a few numbers by which participants are compared: token ids, or
            logits.
        reset: Done before every call, not timed.
    """

    call: Callable[[], Any]
    answer: Callable[[Any], Array]
    reset: Callable[[], None] = _nothing


class Adapter(ABC):
    """One participant, in a process of its own.

    Attributes:
        name: What tables call it.
        packages: The distributions whose versions are recorded.
        default: Whether it takes part unless told otherwise.
        kinds: The kinds of cases that it runs.
    """

    name: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]
    default: ClassVar[bool] = True
    kinds: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, *, threads: int, scratch: Path) -> None:
        """Prepares a participant.

        Args:
            threads: How many threads it may use.
            scratch: A folder for checkpoints and conversions, kept between runs.
        """
        self.threads = threads
        self.scratch = scratch

    @classmethod
    def available(cls) -> str | None:
        """Returns None if it can be used here, else what is missing.

        Looks only; imports nothing heavy.
        """
        from importlib import metadata

        for package in cls.packages:
            try:
                metadata.version(package)
            except metadata.PackageNotFoundError:
                return f"{package} is not installed"
        return None

    @classmethod
    def accepts(cls, case: Case) -> bool:
        """Returns whether it runs cases like this one."""
        return case.kind in cls.kinds

    @abstractmethod
    def prepare(self, case: Case) -> Job:
        """Makes a case ready to run: loads, converts, compiles.

        Raises:
            UnsupportedError: It cannot run this one after all.
        """

    def folder(self, case: Case) -> Path:
        """Returns the checkpoint of a case."""
        return model_folder(case.model, self.scratch)

    def prompt(self, case: Case) -> Array:
        """Returns the token ids `[1, context]` of a case."""
        return token_ids(case.context, model_sizes(self.folder(case)).vocab)


def token_ids(count: int, vocab: int) -> Array:
    """Returns ids `[1, count]`: the same for every participant."""
    return np.random.default_rng(_SEED).integers(1, vocab, (1, count), dtype=np.int64)


def linear_operands(case: Case) -> tuple[Array, Array]:
    """Returns input `[M, K]` and weight `[N, K]`: the same for every participant."""
    m, k, n = case.shape
    generator = np.random.default_rng(_SEED)
    x = generator.standard_normal((m, k), np.float32)
    return x, generator.standard_normal((n, k), np.float32)
