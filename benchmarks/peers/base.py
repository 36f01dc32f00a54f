"""What an adapter is: one participant of the benchmark.

An adapter turns a case into a `Job`: a call to time, and what must be done before each call without
being timed. Everybody gets the same token ids and matrices from here.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from benchmarks.cases import Case
from benchmarks.shapes import model_sizes

__all__ = ["Adapter", "Array", "Job", "UnsupportedError", "linear_operands"]

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
        answer: Makes of the result what participants are compared by: logits of the last token of
            the last sequence (floats), or its tokens (integers).
        reset: Done before every call, not timed.
        seconds: What counts of a call, from its result, where that is not all of it.
        tokens: The tokens of the same case generated greedily; for comparison with those who give
            no logits.
    """

    call: Callable[[], Any]
    answer: Callable[[Any], Array]
    reset: Callable[[], None] = _nothing
    seconds: Callable[[Any], float] | None = None
    tokens: Callable[[], list[int]] | None = None


class Adapter(ABC):
    """One participant, in a process of its own.

    Attributes:
        name: What tables call it.
        packages: The distributions whose versions are recorded.
        default: Whether it takes part unless told otherwise.
        kinds: The kinds of cases that it runs. Who runs a prefill can be started, too.
        dtypes: The types of activations that it computes in.
        models: The `model_type`s it can run; empty for all.
        batches: Whether it runs more than one sequence at once.
    """

    name: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]
    default: ClassVar[bool] = True
    kinds: ClassVar[frozenset[str]] = frozenset()
    dtypes: ClassVar[frozenset[str]] = frozenset({"f32"})
    models: ClassVar[frozenset[str]] = frozenset()
    batches: ClassVar[bool] = False

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
        kind = "prefill" if case.kind == "start" else case.kind
        return (
            case.section not in ("levels", "variants")
            and kind in cls.kinds
            and case.dtype in cls.dtypes
            and (case.batch == 1 or cls.batches)
            and not case.fresh
            and (not cls.models or not case.model or case.model.partition("-")[0] in cls.models)
        )

    @abstractmethod
    def prepare(self, case: Case) -> Job:
        """Makes a case ready to run: loads, converts, compiles.

        Raises:
            UnsupportedError: It cannot run this one after all.
        """

    def folder(self, case: Case) -> Path:
        """Returns the checkpoint of a case."""
        return case.folder(self.scratch)

    def converted(self, folder: Path, name: str) -> Path:
        """Returns where a conversion of a checkpoint belongs: another place for each content."""
        digest = hashlib.sha256((folder / "config.json").read_bytes()).hexdigest()[:8]
        path = self.scratch / "converted" / f"{folder.name}-{digest}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def prompt(self, case: Case) -> Array:
        """Returns the token ids `[batch, context]` of a case: the same for every participant."""
        vocab = model_sizes(self.folder(case)).vocab
        shape = (case.batch, case.context)
        return np.random.default_rng(_SEED).integers(1, vocab, shape, dtype=np.int64)


def linear_operands(case: Case) -> tuple[Array, Array]:
    """Returns input `[M, K]` and weight `[N, K]` in f32: the same for every participant."""
    m, k, n = case.shape
    generator = np.random.default_rng(_SEED)
    x = generator.standard_normal((m, k), np.float32)
    return x, generator.standard_normal((n, k), np.float32)
