"""`LLM` as its users see it: text in, text out, and an error for everything that cannot be."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import CONTEXT

from gpt_mlir import LLM
from gpt_mlir.errors import InputError
from gpt_mlir.generation import GenerationInterrupted, TextPiece

PROMPT = "to be or not"


# Results.


def test_result(llm: LLM) -> None:
    result = llm.generate(PROMPT, max_new_tokens=30)
    assert llm.tokenizer is not None
    prompt = llm.tokenizer.encode(PROMPT)
    assert result.prompt_tokens == len(prompt)
    assert len(result.token_ids) == 30
    assert result.finish_reason == "length"
    whole = llm.tokenizer.decode([*prompt, *result.token_ids])
    assert whole == PROMPT + result.text
    timing = result.timing
    assert timing.load > 0
    assert timing.compile > 0
    assert (timing.prompt_tokens, timing.new_tokens) == (len(prompt), 30)
    assert timing.decode_tokens == 29
    assert timing.decode_rate == pytest.approx(29 / timing.decode)
    assert timing.prefill_rate == pytest.approx(len(prompt) / timing.prefill)


def test_batch_of_one_is_a_list(llm: LLM) -> None:
    (result,) = llm.generate([PROMPT], max_new_tokens=5)
    assert result.token_ids == llm.generate(PROMPT, max_new_tokens=5).token_ids


def test_text_and_token_ids_are_the_same_prompt(llm: LLM) -> None:
    assert llm.tokenizer is not None
    ids = llm.tokenizer.encode(PROMPT)
    by_text = llm.generate(PROMPT, max_new_tokens=5)
    for prompt in (ids, np.array(ids), np.array(ids, np.uint16)):
        assert llm.generate(prompt, max_new_tokens=5).token_ids == by_text.token_ids


def test_default_length(llm: LLM) -> None:
    assert len(llm.generate(PROMPT, eos_token_id=[]).token_ids) == 128


def test_model_is_repeatable_and_seeded(llm: LLM) -> None:
    def text(**options: Any) -> str:
        return llm.generate(PROMPT, max_new_tokens=20, eos_token_id=[], **options).text

    assert text() == text()
    assert text(temperature=1.0, seed=3) == text(temperature=1.0, seed=3)
    assert text(temperature=1.0, seed=3) != text(temperature=1.0, seed=4)
    assert text(temperature=0, seed=3) == text()
    assert text(do_sample=False, temperature=1.0) == text()
    assert text(top_k=1) == text()
    assert text(repetition_penalty=1.8) != text()


def test_other_activation_dtype(folder: Path, llm: LLM) -> None:
    """bf16 activations: another rounding of the same model."""
    ids = np.arange(20)[None]
    exact = llm.model.forward(ids)
    rounded = LLM.from_pretrained(folder, dtype="bf16", use_cache=False).model.forward(ids)
    rounded = rounded.astype(np.float32)
    # bf16 keeps 8 bits; errors of a few layers add up.
    assert np.abs(rounded - exact).max() < 0.05 * np.abs(exact).max()


# Streaming.


def test_stream_is_the_text(llm: LLM) -> None:
    pieces: list[TextPiece] = []
    result = llm.generate(PROMPT, max_new_tokens=40, eos_token_id=[], stream=pieces.append)
    assert "".join(pieces) == result.text
    assert len(pieces) > 1
    stream = llm.stream(PROMPT, max_new_tokens=40, eos_token_id=[])
    assert list(stream) == pieces
    assert stream.results[0].text == result.text
    for copied in (copy.copy(pieces[1]), pickle.loads(pickle.dumps(pieces[1]))):
        assert (copied, copied.prompt_index) == (pieces[1], 0)
    assert list(llm.generate(PROMPT, max_new_tokens=40, eos_token_id=[], stream=True)) == pieces


def test_stream_of_a_batch(llm: LLM) -> None:
    prompts = [PROMPT, "the question", "that"]
    texts = ["", "", ""]

    def show(piece: TextPiece) -> None:
        texts[piece.prompt_index] += piece

    results = llm.generate(prompts, max_new_tokens=20, stream=show)
    assert texts == [result.text for result in results]


def test_stop_strings(llm: LLM) -> None:
    whole = llm.generate(PROMPT, max_new_tokens=60, eos_token_id=[])
    stop = whole.text[8:11]
    expected = whole.text[: whole.text.find(stop)]
    for use_cache in (True, False):
        pieces: list[str] = []
        result = llm.generate(
            PROMPT,
            max_new_tokens=60,
            eos_token_id=[],
            stop=["never there", stop],
            stream=pieces.append,
            use_cache=use_cache,
        )
        assert result.text == "".join(pieces) == expected
        assert result.finish_reason == "stop"
        assert len(result.token_ids) < 60


def test_end_of_text_token(llm: LLM) -> None:
    tokens = llm.generate(PROMPT, max_new_tokens=30, eos_token_id=[]).token_ids
    result = llm.generate(PROMPT, max_new_tokens=30, eos_token_id=tokens[6])
    first = tokens.index(tokens[6])
    assert result.token_ids == tokens[: first + 1]
    assert result.finish_reason == "stop"
    assert llm.tokenizer is not None
    prompt = llm.tokenizer.encode(PROMPT)
    assert PROMPT + result.text == llm.tokenizer.decode([*prompt, *tokens[:first]])


# The context.


def test_generation_ends_with_the_context(llm: LLM) -> None:
    ids = np.arange(CONTEXT - 10)
    for use_cache in (True, False):
        result = llm.generate(ids, max_new_tokens=50, eos_token_id=[], use_cache=use_cache)
        assert len(result.token_ids) == 10
        assert result.finish_reason == "length"


def test_prompt_that_fills_the_context(llm: LLM) -> None:
    result = llm.generate(np.arange(CONTEXT), max_new_tokens=50)
    assert result.token_ids == ()
    assert result.text == ""
    assert result.finish_reason == "length"


def test_prompt_longer_than_the_context(llm: LLM) -> None:
    with pytest.raises(
        InputError,
        match=rf"has {CONTEXT + 1} tokens, more than the context of the model holds \({CONTEXT}\)",
    ):
        llm.generate(np.arange(CONTEXT + 1))


def test_cache_is_as_large_as_needed(llm: LLM, monkeypatch: pytest.MonkeyPatch) -> None:
    capacities = []
    allocate = llm.model.allocate

    def record(batch: int, capacity: int) -> Any:
        capacities.append(capacity)
        return allocate(batch, capacity)

    monkeypatch.setattr(llm.model, "allocate", record)
    llm.generate([1, 2, 3], max_new_tokens=5)
    llm.generate([1, 2, 3], max_new_tokens=10**6, eos_token_id=[])
    assert capacities == [8, CONTEXT]


# Interruption and threads.


@pytest.mark.parametrize("use_cache", [True, False])
def test_interrupt_keeps_what_there_is(
    llm: LLM, monkeypatch: pytest.MonkeyPatch, use_cache: bool
) -> None:
    expected = llm.generate([PROMPT, "the"], max_new_tokens=30, eos_token_id=[])
    calls = []

    def interrupt(original: Callable[..., Any]) -> Callable[..., Any]:
        def interrupted(*arguments: Any) -> Any:
            calls.append(1)
            if len(calls) == 6:
                raise KeyboardInterrupt
            return original(*arguments)

        return interrupted

    prepare = llm.model.prepare_decode
    monkeypatch.setattr(llm.model, "prepare_decode", lambda *arrays: interrupt(prepare(*arrays)))
    monkeypatch.setattr(llm.model, "forward", interrupt(llm.model.forward))
    with pytest.raises(GenerationInterrupted) as caught:
        llm.generate([PROMPT, "the"], max_new_tokens=30, eos_token_id=[], use_cache=use_cache)
    for found, whole in zip(caught.value.results, expected, strict=True):
        assert found.finish_reason == "interrupted"
        assert whole.token_ids[: len(found.token_ids)] == found.token_ids
        assert whole.text.startswith(found.text.rstrip("\ufffd"))
    assert caught.value.results[0].token_ids
    monkeypatch.undo()
    assert llm.generate(PROMPT, max_new_tokens=30, eos_token_id=[]).text == expected[0].text


def test_threads(llm: LLM) -> None:
    prompts = [list(range(start, start + 5)) for start in range(8)]
    expected = [llm.generate(prompt, max_new_tokens=40).token_ids for prompt in prompts]
    found: list[Any] = [None] * len(prompts)

    def work(index: int) -> None:
        found[index] = llm.generate(prompts[index], max_new_tokens=40).token_ids

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(prompts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected
