"""`LLM` as its users see it: text in, text out, and an error for everything that cannot be."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoints import CONTEXT, folder_of, save_tokenizer
from safetensors.torch import load_file, save_file

from gpt_mlir import LLM
from gpt_mlir.errors import CheckpointError, ConfigError, InputError
from gpt_mlir.generation import GenerationInterrupted, TextPiece

pytestmark = pytest.mark.xdist_group("llm")

PROMPT = "to be or not"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of bytes, so that whatever it generates is text (mostly broken UTF-8)."""
    path = tmp_path_factory.mktemp("model") / "bytes"
    shutil.copytree(folder_of("text"), path)
    save_tokenizer(path)
    return path


@pytest.fixture(scope="module")
def llm(folder: Path) -> LLM:
    return LLM.from_pretrained(folder)


def changed(folder: Path, target: Path, **config: Any) -> Path:
    """Copies a model folder, with other values in its `config.json`; None takes a key away."""
    shutil.copytree(folder, target)
    values = json.loads((target / "config.json").read_text()) | config
    kept = {key: value for key, value in values.items() if value is not None}
    (target / "config.json").write_text(json.dumps(kept))
    return target


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


# Bad input.


def test_empty_prompt(folder: Path, llm: LLM, tmp_path: Path) -> None:
    bos = llm.generation_config.bos_token_id
    assert (
        llm.generate("", max_new_tokens=5).token_ids
        == llm.generate([bos], max_new_tokens=5).token_ids
    )
    without = changed(folder, tmp_path / "m", bos_token_id=None)
    (without / "generation_config.json").unlink()
    with pytest.raises(InputError, match="prompt is empty and the model has no bos token"):
        LLM(without).generate("")


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ([1, 300], "token id 300 is out of range: the model has 300 tokens, 0 to 299"),
        ([-1], "token id -1 is out of range"),
        ([[1], [2, 10**30]], f"token id {10**30} is out of range"),
        (np.array([0.5]), "token ids expected integers, found float64"),
        ([], "prompt is an empty list"),
        (b"bytes", "prompt expected"),
        (5, "prompt expected a text, token ids or a list of such, found int"),
        ("\ud800", "not valid Unicode"),
    ],
)
def test_bad_prompt(llm: LLM, prompt: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        llm.generate(prompt)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens expected a positive integer, found 0"),
        ({"max_new_tokens": 2.5}, "max_new_tokens expected a positive integer, found 2.5"),
        ({"temperature": -1}, "temperature expected 0 or more, found -1"),
        ({"top_p": 2}, "top_p expected more than 0 and at most 1, found 2"),
        ({"stop": ["a", ""]}, "stop expected strings that are not empty, found ''"),
        ({"seed": -1, "temperature": 1.0}, "seed expected an integer, 0 or more, found -1"),
        ({"eos_token_id": 300}, "eos_token_id expected token ids below 300, found 300"),
        ({"prefill_chunk": 0}, "prefill_chunk expected a positive integer, found 0"),
    ],
)
def test_bad_argument(llm: LLM, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        llm.generate(PROMPT, **arguments)


def test_bad_dtype(folder: Path) -> None:
    with pytest.raises(InputError, match="dtype expected one of f32, bf16, f16, found i64"):
        LLM.from_pretrained(folder, dtype="i64")
    with pytest.raises(InputError, match="dtype 'f8' is not supported"):
        LLM.from_pretrained(folder, dtype="f8")


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gone: no such model folder"):
        LLM.from_pretrained(tmp_path / "gone")


def test_folder_without_tokenizer(folder: Path, tmp_path: Path) -> None:
    path = changed(folder, tmp_path / "m")
    (path / "tokenizer.json").unlink()
    llm = LLM.from_pretrained(path)
    result = llm.generate([1, 2], max_new_tokens=3)
    assert len(result.token_ids) == 3
    assert result.text == ""
    with pytest.raises(InputError, match=r"has no tokenizer.json: the prompt must be token ids"):
        llm.generate(PROMPT)
    with pytest.raises(InputError, match="stop strings need a tokenizer"):
        llm.generate([1], stop="x")


def test_weights_that_do_not_fit_the_configuration(folder: Path, tmp_path: Path) -> None:
    path = changed(folder, tmp_path / "m", n_layer=3, n_inner=100)
    with pytest.raises(CheckpointError) as caught:
        LLM(path)
    lines = str(caught.value).splitlines()
    assert "missing tensors: 'transformer.h.2.ln_1.weight' [48]" in lines[1]
    assert "'transformer.h.0.mlp.c_fc.weight' expected [48, 100], found [48, 192]" in lines[2]


def test_checkpoint_without_prefix(folder: Path, llm: LLM, tmp_path: Path) -> None:
    """As GPT-2 itself is stored on the hub: no prefix, and the masks of the attention."""
    path = changed(folder, tmp_path / "m")
    tensors = load_file(path / "model.safetensors")
    renamed = {name.removeprefix("transformer."): t for name, t in tensors.items()}
    renamed["h.0.attn.bias"] = torch.ones(1, 1, 4, 4)
    renamed["h.1.attn.masked_bias"] = torch.tensor(-1e4)
    save_file(renamed, path / "model.safetensors")
    found = LLM.from_pretrained(path).generate(PROMPT, max_new_tokens=10)
    assert found.token_ids == llm.generate(PROMPT, max_new_tokens=10).token_ids


# Interruption and threads.


@pytest.mark.parametrize("use_cache", [True, False])
def test_interrupt_keeps_what_there_is(
    llm: LLM, monkeypatch: pytest.MonkeyPatch, use_cache: bool
) -> None:
    expected = llm.generate([PROMPT, "the"], max_new_tokens=30, eos_token_id=[])
    name = "decode" if use_cache else "forward"
    original = getattr(llm.model, name)
    calls = []

    def interrupted(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(llm.model, name, interrupted)
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
