"""The decoding loop, on a model of a few lines of NumPy whose every token can be foretold.

The model adds up what it has seen (weighted by position), so that a wrong position, a cache slot
mixed up or an entry lost shows in the next token.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from gpt_mlir.generation.decoding import Continuation, Stopwatch, decode, decode_uncached
from gpt_mlir.generation.options import SamplingOptions
from gpt_mlir.generation.sampling import Sampler
from gpt_mlir.generation.stopping import StopText

VOCAB = 53
Array = np.ndarray[Any, np.dtype[Any]]


class SumModel:
    """The next token of `t_0 … t_n` is `sum((i + 1) * t_i) + 1` modulo the vocabulary."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.prefills: list[int] = []
        self.capacity = 0

    def forward(self, ids: Array) -> Array:
        weighted = np.cumsum(ids * (1 + np.arange(ids.shape[1])), axis=1) + 1
        return np.eye(VOCAB, dtype=np.float32)[weighted % VOCAB]

    def allocate(self, batch: int, capacity: int) -> list[Array]:
        self.capacity = capacity
        # What is not written must not matter.
        return [np.full((batch, 2, capacity, 3), 10**6 + i, np.int64) for i in range(2)]

    def prefill(self, ids: Array, positions: Array, caches: Sequence[Array]) -> Array:
        self.prefills.append(ids.shape[1])
        return self._step(ids, positions, caches)

    def prepare_decode(
        self, ids: Array, positions: Array, caches: Sequence[Array]
    ) -> Callable[[], Array]:
        assert ids.shape[1] == 1

        def decode() -> Array:
            self.batches.append(len(ids))
            return self._step(ids, positions, caches)

        return decode

    def _step(self, ids: Array, positions: Array, caches: Sequence[Array]) -> Array:
        assert len(caches) == 2
        assert {len(cache) for cache in caches} == {len(ids)} == {len(positions)}
        assert all(cache.flags.c_contiguous for cache in caches)
        rows = []
        for row, (new, position) in enumerate(zip(ids, positions, strict=True)):
            end = position + len(new)
            assert end <= caches[0].shape[2]
            for cache in caches:
                cache[row, :, position:end] = new[:, None]
            seen = caches[1][row, 1, :end, 2]
            rows.append(self.forward(seen[None])[0, -1])
        return np.stack(rows)


def foretell(prompt: Sequence[int], count: int) -> list[int]:
    ids = list(prompt)
    for _ in range(count):
        ids.append((sum((i + 1) * token for i, token in enumerate(ids)) + 1) % VOCAB)
    return ids[len(prompt) :]


def continuation(
    index: int, prompt: Sequence[int], limit: int, eos: frozenset[int] = frozenset()
) -> Continuation:
    return Continuation(
        index=index,
        prompt=prompt,
        limit=limit,
        sampler=Sampler(SamplingOptions()),
        stop=StopText(()),
        decoder=None,
        eos=eos,
    )


PROMPTS = [[1], [2, 3, 4, 5, 6, 7, 8], [50, 50], [9, 8, 7], [1, 2, 3]]


@pytest.mark.parametrize("chunk", [None, 1, 2, 100])
def test_one_sequence(chunk: int | None) -> None:
    model, sequence = SumModel(), continuation(0, PROMPTS[1], 20)
    assert list(decode(model, [sequence], Stopwatch(), prefill_chunk=chunk)) == []
    assert sequence.tokens == foretell(PROMPTS[1], 20)
    assert sequence.finish_reason == "length"
    assert model.prefills == {None: [7], 1: [1] * 7, 2: [2, 2, 2, 1], 100: [7]}[chunk]
    assert model.capacity == 27


def test_uncached() -> None:
    sequences = [continuation(i, prompt, 20) for i, prompt in enumerate(PROMPTS)]
    assert list(decode_uncached(SumModel(), sequences, Stopwatch())) == []
    assert [s.tokens for s in sequences] == [foretell(prompt, 20) for prompt in PROMPTS]


def test_batch_whose_members_end_one_by_one() -> None:
    model = SumModel()
    limits = [3, 9, 1, 6, 9]
    sequences = [
        continuation(i, prompt, limit)
        for i, (prompt, limit) in enumerate(zip(PROMPTS, limits, strict=True))
    ]
    list(decode(model, sequences, Stopwatch()))
    for sequence, prompt, limit in zip(sequences, PROMPTS, limits, strict=True):
        assert sequence.tokens == foretell(prompt, limit)
        assert sequence.finish_reason == "length"
    # Only sequences that still run are computed.
    assert model.batches == [4, 4, 3, 3, 3, 2, 2, 2]


@pytest.mark.parametrize("seed", range(20))
def test_any_batch(seed: int) -> None:
    generator = np.random.default_rng(seed)
    sequences, expected = [], []
    for index in range(generator.integers(1, 8)):
        prompt = generator.integers(0, VOCAB, generator.integers(1, 9)).tolist()
        limit = int(generator.integers(0, 12))
        sequences.append(continuation(index, prompt, limit))
        expected.append(foretell(prompt, limit))
    list(decode(SumModel(), sequences, Stopwatch()))
    assert [sequence.tokens for sequence in sequences] == expected


def test_end_of_text() -> None:
    expected = foretell(PROMPTS[0], 20)
    eos = frozenset({expected[5]})
    cut = expected[: expected.index(expected[5]) + 1]
    for generate in (decode, decode_uncached):
        sequence = continuation(0, PROMPTS[0], 20, eos)
        list(generate(SumModel(), [sequence], Stopwatch()))
        assert sequence.tokens == cut
        assert sequence.finish_reason == "stop"


def test_nothing_to_generate() -> None:
    model, sequence = SumModel(), continuation(0, [1, 2], 0)
    assert list(decode(model, [sequence], Stopwatch())) == []
    assert sequence.tokens == []
    assert model.prefills == []
