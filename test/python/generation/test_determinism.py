"""The same bits: on every run, with any number of threads and, if asked for, in any batch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpt_mlir import (
    LLM,
    CompileOptions,
    Graph,
    compile_module,
    get_num_threads,
    set_num_threads,
)
from gpt_mlir.graph import ops

Array = np.ndarray[Any, Any]

LENGTH = 41
CAPACITY = 64


@pytest.fixture(scope="module", params=["f32", "bf16"])
def invariant(request: pytest.FixtureRequest, folder: Path) -> LLM:
    options = CompileOptions(batch_invariant=True)
    return LLM.from_pretrained(folder, dtype=request.param, options=options)


@pytest.fixture
def _threads() -> Iterator[None]:
    before = get_num_threads()
    yield
    set_num_threads(before)


def prompts(llm: LLM, batch: int) -> Array:
    return np.random.default_rng(3).integers(0, llm.config.vocab_size, (batch, LENGTH))


def prefill(llm: LLM, ids: Array, pieces: list[int]) -> list[Array]:
    """Returns the last logits and the caches of prompts that are cut into pieces."""
    batch = len(ids)
    caches = llm.model.allocate(batch, CAPACITY)
    begin = 0
    for count in pieces:
        piece = np.ascontiguousarray(ids[:, begin : begin + count])
        logits = llm.model.prefill(piece, np.full(batch, begin, np.int64), caches)
        begin += count
    return [logits, *caches]


def decode(llm: LLM, state: list[Array]) -> Array:
    """Returns the logits of one token after `state`."""
    batch = len(state[0])
    caches = [cache.copy() for cache in state[1:]]
    tokens = np.full((batch, 1), 7, np.int64)
    return llm.model.decode(tokens, np.full(batch, LENGTH, np.int64), caches)


def same(left: list[Array], right: list[Array]) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(left, right, strict=True))


@pytest.mark.usefixtures("_threads")
def test_runs_and_threads(llm: LLM) -> None:
    ids = prompts(llm, 1)
    found = []
    for threads in (1, 1, 2, 3, 7):
        set_num_threads(threads)
        state = prefill(llm, ids, [LENGTH])
        found.append([*state, decode(llm, state)])
    assert all(same(found[0], each) for each in found[1:])


@pytest.mark.parametrize(
    "pieces", [[40, 1], [1] * LENGTH, [20, 21], [8] * 5 + [1], [13, 28]], ids=str
)
def test_pieces_of_a_prompt(invariant: LLM, pieces: list[int]) -> None:
    ids = prompts(invariant, 1)
    assert same(prefill(invariant, ids, pieces), prefill(invariant, ids, [LENGTH]))


@pytest.mark.parametrize("batch", [2, 3, 8])
def test_batches(invariant: LLM, batch: int) -> None:
    ids = prompts(invariant, batch)
    together = prefill(invariant, ids, [LENGTH])
    logits = decode(invariant, together)
    for index in range(batch):
        alone = prefill(invariant, ids[index : index + 1], [LENGTH])
        assert same(alone, [each[index : index + 1] for each in together])
        assert same([decode(invariant, alone)], [logits[index : index + 1]])


def test_generation_in_batches(invariant: LLM) -> None:
    texts = ["to be", "or not to be, that is the question", "b"]
    arguments: dict[str, Any] = {"max_new_tokens": 24, "eos_token_id": [], "seed": 5}
    alone = invariant.generate(texts[0], **arguments).token_ids
    for order in itertools.permutations(texts[1:]):
        together = invariant.generate([texts[0], *order], **arguments)
        assert together[0].token_ids == alone


def test_default_for_several_tokens(llm: LLM) -> None:
    """Without the option, too, where no call is for one token only."""
    ids = prompts(llm, 3)
    whole = prefill(llm, ids, [LENGTH])
    assert same(prefill(llm, ids, [20, 21]), whole)
    pair = prefill(llm, ids[:2], [LENGTH])
    assert same(pair, [each[:2] for each in whole])
    assert same([decode(llm, pair)], [decode(llm, whole)[:2]])


@pytest.mark.parametrize("dtype", ["f32", "bf16"])
def test_pieces_of_a_prompt_longer_than_a_window(dtype: str) -> None:
    """A window that is no multiple of a tile of keys, over several tiles."""
    length, heads, features, window = 300, 2, 32, 70
    graph = Graph()
    ids = graph.input("ids", ("batch", "seq"), "i64")
    x = ops.embedding(graph.weight("table", (64, heads * features), dtype), ids)
    x = ops.attention(x, x, x, num_heads=heads, causal=True, window=window)
    graph.output("logits", ops.linear(x, graph.weight("head", (64, heads * features), dtype)))
    module = graph.insert_kv_cache(logits="all")
    rng = np.random.default_rng(1)
    weights = {
        name: rng.standard_normal(weight.shape).astype(weight.dtype.numpy)
        for name, weight in graph.weights.items()
    }
    executable = compile_module(module, CompileOptions(batch_invariant=True))
    run = executable.bind(weights).function("prefill")
    tokens = rng.integers(0, 64, (1, length))

    def logits(pieces: list[int]) -> Array:
        caches = {
            cache.name: np.zeros((1, heads, length, features), cache.dtype.numpy)
            for cache in run.signature.caches
        }
        found, begin = [], 0
        for count in pieces:
            piece = tokens[:, begin : begin + count]
            found.append(run(ids=piece, positions=np.array([begin]), **caches))
            begin += count
        return np.concatenate(found, 1)

    whole = logits([length])
    for pieces in ([150, 150], [1] * length, [77, 100, 123], [64, 1, 235]):
        assert logits(pieces).tobytes() == whole.tobytes()
