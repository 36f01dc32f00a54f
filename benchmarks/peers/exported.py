"""What peers have in common that import a traced graph: the loops around it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.cases import Case
from benchmarks.peers.base import Adapter, Array, Job, linear_operands

__all__ = ["ExportedAdapter", "Session"]


class Session(Protocol):
    """A model that is loaded, with the caches of one sequence if it has any."""

    def reset(self) -> None:
        """Empties the caches."""

    def step(self, ids: Array) -> Array:
        """Appends ids `[1, n]`; returns logits, `[1, 1, vocab]` with a cache."""

    def save(self) -> Any:
        """Returns the state of the caches."""

    def restore(self, state: Any) -> None:
        """Goes back to a state that was saved."""


class ExportedAdapter(Adapter):
    """A peer that runs a `PortableModel`."""

    kinds = frozenset({"forward", "prefill", "decode", "generate", "linear"})

    models = frozenset({"gpt2", "roadmap", "shakespeare"})

    def __init__(self, *, threads: int, scratch: Path) -> None:
        super().__init__(threads=threads, scratch=scratch)
        self._sessions: dict[tuple[Path, bool], Session] = {}

    @abstractmethod
    def open(self, folder: Path, *, cached: bool, dtype: str) -> Session:
        """Converts a model, or finds it converted, and loads it to compute in `dtype`."""

    @abstractmethod
    def linear(self, x: Array, weight: Array, dtype: str) -> Callable[[], Array]:
        """Returns what computes `x` times `weight` transposed, of which `weight` is a constant."""

    def prepare(self, case: Case) -> Job:
        """Makes a case ready to run."""
        if case.kind == "linear":
            return Job(self.linear(*linear_operands(case), case.dtype), lambda y: y[0])
        cached = case.kind != "forward" and case.use_cache
        folder = self.folder(case)
        if (folder, cached) not in self._sessions:
            self._sessions[folder, cached] = self.open(folder, cached=cached, dtype=case.dtype)
        session = self._sessions[folder, cached]
        ids = self.prompt(case)
        if case.kind == "generate":
            return Job(lambda: _generate(session, ids, case.steps, cached), np.array)
        session.reset()
        if case.kind != "decode":
            return Job(lambda: session.step(ids), lambda y: y[0, -1], session.reset)
        session.step(ids)
        state = session.save()
        token = np.ascontiguousarray(ids[:, :1])

        def decode() -> Array:
            for _ in range(case.steps):
                logits = session.step(token)
            return logits

        return Job(decode, lambda y: y[0, -1], lambda: session.restore(state))


def _generate(session: Session, ids: Array, steps: int, cached: bool) -> list[int]:
    session.reset()
    tokens: list[int] = []
    while len(tokens) < steps:
        tokens.append(int(session.step(ids)[0, -1].argmax()))
        last = np.array([tokens[-1:]], np.int64)
        ids = last if cached else np.concatenate([ids, last], axis=1)
    return tokens
