"""`LLM` and what cannot be: prompts, arguments and folders that are wrong, each with its error."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from gpt_mlir import LLM
from gpt_mlir.errors import CheckpointError, ConfigError, InputError

PROMPT = "to be or not"


def changed(folder: Path, target: Path, **config: Any) -> Path:
    """Copies a model folder, with other values in its `config.json`; None takes a key away."""
    shutil.copytree(folder, target)
    values = json.loads((target / "config.json").read_text()) | config
    kept = {key: value for key, value in values.items() if value is not None}
    (target / "config.json").write_text(json.dumps(kept))
    return target


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
        (bytearray(b"bytes"), "prompt expected"),
        ([b"ab"], "token ids expected integers, found bytes"),
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
        ({"eos_token_id": 1.5}, "eos_token_id expected token ids below 300, found 1.5"),
        ({"eos_token_id": [True]}, "eos_token_id expected token ids below 300, found True"),
        ({"stop": 5}, "stop expected a string or a sequence of strings, found 5"),
        ({"stream": False}, "stream expected a function, True or None, found False"),
        ({"use_cache": "no"}, "use_cache expected True or False, found 'no'"),
        ({"do_sample": "False"}, "do_sample expected True or False, found 'False'"),
        ({"prefill_chunk": 0}, "prefill_chunk expected a positive integer, found 0"),
    ],
)
def test_bad_argument(llm: LLM, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        llm.generate(PROMPT, **arguments)


def test_integers_of_numpy(llm: LLM) -> None:
    plain = llm.generate(PROMPT, max_new_tokens=5, top_k=3, seed=1, eos_token_id=3)
    numbers = {"max_new_tokens": 5, "top_k": 3, "seed": 1, "eos_token_id": 3, "prefill_chunk": 2}
    result = llm.generate(PROMPT, **{name: np.uint64(n) for name, n in numbers.items()})
    assert result.token_ids == plain.token_ids
    result = llm.generate(PROMPT, **{**numbers, "eos_token_id": np.array(3)})
    assert result.token_ids == plain.token_ids


@pytest.mark.parametrize("options", [{}, {"opt_level": 1}, 3])
def test_bad_options(folder: Path, options: Any) -> None:
    with pytest.raises(InputError, match="expected options to be CompileOptions or None, got "):
        LLM.from_pretrained(folder, options=options)


def test_bad_dtype(folder: Path) -> None:
    with pytest.raises(InputError, match="dtype expected one of f32, bf16, f16, found i64"):
        LLM.from_pretrained(folder, dtype="i64")
    with pytest.raises(InputError, match="dtype 'f8' is not supported"):
        LLM.from_pretrained(folder, dtype="f8")


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gone: no such model folder"):
        LLM.from_pretrained(tmp_path / "gone")
    with pytest.raises(InputError, match="folder expected a path, found NoneType"):
        LLM.from_pretrained(None)  # type: ignore[arg-type]


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
