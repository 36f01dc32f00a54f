"""The loop that turns logits into sequences, with and without a KV cache.

Each prompt is prefilled by itself into its own slot of the caches, so that prompts need no padding
and a batch computes what its members would alone. Then all sequences decode together, each at its
own position. The sequences that still run occupy the first slots: when one ends, the last one moves
into its slot, and the caches handed to compiled code shrink to a contiguous front part.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from gpt_mlir.generation.result import FinishReason, TextPiece
from gpt_mlir.generation.sampling import Sampler
from gpt_mlir.generation.stopping import StopText
from gpt_mlir.generation.tokenizer import IncrementalDecoder

__all__ = ["CachedModel", "Continuation", "Stopwatch", "UncachedModel", "decode", "decode_uncached"]

Array = np.ndarray[Any, np.dtype[Any]]


class UncachedModel(Protocol):
    """A model as a function of whole sequences."""

    def forward(self, ids: Array) -> Array:
        """Returns logits `[batch, seq, vocab]` of ids `[batch, seq]`."""


class CachedModel(Protocol):
    """A model that keeps the keys and values of earlier tokens in caches."""

    def allocate(self, batch: int, capacity: int) -> list[Array]:
        """Returns caches `[batch, heads, capacity, features]` for that many tokens each."""

    def prefill(self, ids: Array, positions: Array, caches: Sequence[Array]) -> Array:
        """Appends ids `[batch, seq]` at `positions` `[batch]`; returns logits `[batch, vocab]`."""

    def prepare_decode(
        self, ids: Array, positions: Array, caches: Sequence[Array]
    ) -> Callable[[], Array]:
        """Returns a function that appends one id per sequence; it returns logits `[batch, vocab]`.

        Args:
            ids: `[batch, 1]`; what it holds when the function is called.
            positions: `[batch]`; the same.
            caches: Changed by each call.
        """


@dataclass
class Continuation:
    """One sequence being generated.

    Attributes:
        index: Position in the batch of prompts.
        prompt: Token ids of the prompt, at least one.
        limit: Most tokens to generate.
        sampler: Chooses tokens.
        stop: Watches for stop strings.
        decoder: Makes text of tokens; None without a tokenizer.
        eos: Tokens that end the text.
        tokens: What has been generated.
        text: The text that is certain.
        finish_reason: Why it ended; None while it runs.
    """

    index: int
    prompt: Sequence[int]
    limit: int
    sampler: Sampler
    stop: StopText
    decoder: IncrementalDecoder | None
    eos: frozenset[int]
    tokens: list[int] = field(default_factory=list)
    text: str = ""
    finish_reason: FinishReason | None = None

    def __post_init__(self) -> None:
        """Ends a sequence that has no room for a token."""
        if self.limit < 1:
            self.finish_reason = "length"

    @property
    def position(self) -> int:
        """The position of the token generated last."""
        return len(self.prompt) + len(self.tokens) - 1

    def extend(self, logits: Array) -> TextPiece | None:
        """Chooses the next token; returns the text that has become certain, None if none has."""
        token = self.sampler.choose(logits)
        self.tokens.append(token)
        text = ""
        if token in self.eos:
            self.finish_reason = "stop"
        elif self.decoder is not None:
            text = self.stop.push(self.decoder.step(token))
        if self.stop.found:
            self.finish_reason = "stop"
        elif self.finish_reason is None and len(self.tokens) >= self.limit:
            self.finish_reason = "length"
        if self.finish_reason is not None:
            text += self._rest()
        self.text += text
        return TextPiece(text, self.index) if text else None

    def interrupt(self) -> None:
        """Ends the sequence as it is, if it still runs."""
        if self.finish_reason is None:
            self.finish_reason = "interrupted"
            self.text += self._rest()

    def _rest(self) -> str:
        text = self.stop.push(self.decoder.finish()) if self.decoder is not None else ""
        if self.stop.found:
            self.finish_reason = "stop"
        return text + self.stop.finish()


@dataclass
class Stopwatch:
    """Seconds spent, without the time a consumer of streamed text takes."""

    prefill: float = 0.0
    decode: float = 0.0


def decode(
    model: CachedModel,
    sequences: Sequence[Continuation],
    watch: Stopwatch,
    *,
    prefill_chunk: int | None = None,
) -> Generator[TextPiece, None, None]:
    """Generates all sequences with a KV cache; yields text as it becomes certain.

    Args:
        model: The compiled model.
        sequences: What to generate; changed in place.
        watch: Gets the times.
        prefill_chunk: Most tokens of a prompt to process at once; None for all.
    """
    running = [sequence for sequence in sequences if sequence.finish_reason is None]
    if not running:
        return
    begin = time.perf_counter()
    capacity = max(len(sequence.prompt) + sequence.limit for sequence in running)
    caches = model.allocate(len(running), capacity)
    watch.prefill += time.perf_counter() - begin
    for slot, sequence in enumerate(running):
        begin = time.perf_counter()
        logits = _prefill(model, sequence, [c[slot : slot + 1] for c in caches], prefill_chunk)
        piece = sequence.extend(logits)
        watch.prefill += time.perf_counter() - begin
        if piece is not None:
            yield piece
    _drop_finished(running, caches)
    batch = 0
    while running:
        begin = time.perf_counter()
        if len(running) != batch:
            batch = len(running)
            ids, positions = np.empty((batch, 1), np.int64), np.empty(batch, np.int64)
            step = model.prepare_decode(ids, positions, [cache[:batch] for cache in caches])
        for slot, sequence in enumerate(running):
            ids[slot, 0] = sequence.tokens[-1]
            positions[slot] = sequence.position
        logits = step()
        pieces = [sequence.extend(row) for sequence, row in zip(running, logits, strict=True)]
        _drop_finished(running, caches)
        watch.decode += time.perf_counter() - begin
        for piece in pieces:
            if piece is not None:
                yield piece


def _prefill(
    model: CachedModel, sequence: Continuation, caches: Sequence[Array], chunk: int | None
) -> Array:
    """Processes a prompt; returns the logits `[vocab]` of its last token."""
    prompt = np.array(sequence.prompt, np.int64)[None]
    size = chunk or prompt.shape[1]
    for start in range(0, prompt.shape[1], size):
        logits = model.prefill(prompt[:, start : start + size], np.array([start], np.int64), caches)
    row: Array = logits[0]
    return row


def _drop_finished(running: list[Continuation], caches: Sequence[Array]) -> None:
    """Removes the sequences that have ended, moving the last one into each slot that gets free."""
    slot = 0
    while slot < len(running):
        if running[slot].finish_reason is None:
            slot += 1
            continue
        last = running.pop()
        if slot < len(running):
            used = last.position
            for cache in caches:
                cache[slot, :, :used] = cache[len(running), :, :used]
            running[slot] = last


def decode_uncached(
    model: UncachedModel, sequences: Sequence[Continuation], watch: Stopwatch
) -> Generator[TextPiece, None, None]:
    """Generates all sequences by running the whole forward function for each token.

    What the KV cache is measured against: the text is the same.
    """
    for sequence in sequences:
        while sequence.finish_reason is None:
            begin = time.perf_counter()
            first = not sequence.tokens
            ids = np.array([*sequence.prompt, *sequence.tokens], np.int64)[None]
            piece = sequence.extend(model.forward(ids)[0, -1])
            seconds = time.perf_counter() - begin
            if first:
                watch.prefill += seconds
            else:
                watch.decode += seconds
            if piece is not None:
                yield piece
