"""`generation_config.json`, and what a call makes of it."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from gpt_mlir.errors import ConfigError
from gpt_mlir.generation import GenerationConfig, SamplingOptions
from gpt_mlir.models import ModelConfig

MODEL = ModelConfig(
    model_type="gpt2",
    vocab_size=100,
    hidden_size=8,
    intermediate_size=32,
    num_layers=1,
    num_heads=1,
    num_kv_heads=1,
    head_dim=8,
    context_length=16,
    tie_word_embeddings=True,
    activation="gelu",
    norm_epsilon=1e-5,
    bos_token_id=1,
    eos_token_ids=(2,),
)


def load(folder: Path, values: object) -> GenerationConfig:
    (folder / "generation_config.json").write_text(json.dumps(values))
    return GenerationConfig.open(folder, MODEL)


def resolve(config: GenerationConfig, **given: Any) -> SamplingOptions:
    names = ("do_sample", "temperature", "top_k", "top_p", "min_p", "repetition_penalty")
    return config.resolve(**(dict.fromkeys(names) | given))


def test_without_a_file_the_model_decides(tmp_path: Path) -> None:
    config = GenerationConfig.open(tmp_path, MODEL)
    assert (config.bos_token_id, config.eos_token_ids) == (1, (2,))
    assert resolve(config).greedy


def test_file_overrides_the_model(tmp_path: Path) -> None:
    config = load(tmp_path, {"eos_token_id": [5, 6], "max_new_tokens": 9, "bos_token_id": 0})
    assert (config.bos_token_id, config.eos_token_ids, config.max_new_tokens) == (0, (5, 6), 9)


def test_sampling_of_the_file(tmp_path: Path) -> None:
    values = {"do_sample": True, "temperature": 0.8, "top_k": 40, "top_p": 0.9, "min_p": 0.1}
    config = load(tmp_path, values)
    expected = SamplingOptions(temperature=0.8, top_k=40, top_p=0.9, min_p=0.1)
    assert resolve(config) == expected
    assert resolve(config, do_sample=False).greedy
    assert resolve(config, temperature=0).greedy
    assert resolve(config, temperature=0.5).temperature == 0.5
    assert resolve(config, top_k=0).top_k == 0


def test_file_that_does_not_sample(tmp_path: Path) -> None:
    config = load(tmp_path, {"temperature": 0.8})
    assert resolve(config).greedy
    assert resolve(config, repetition_penalty=1.5) == SamplingOptions(
        temperature=0, top_k=50, repetition_penalty=1.5
    )
    assert resolve(config, do_sample=True).temperature == 0.8
    assert resolve(config, top_p=0.9) == SamplingOptions(temperature=0.8, top_k=50, top_p=0.9)


def test_what_is_not_implemented_is_told(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"generation_config.json: 'num_beams' is not implemented"):
        load(tmp_path, {"num_beams": 4})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(tmp_path, {"num_beams": 1, "typical_p": None, "max_length": 50})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "expected a JSON object"),
        ({"temperature": "hot"}, "key 'temperature' expected a number, 0 or more, found \"hot\""),
        ({"top_k": 1.5}, "key 'top_k' expected an integer, 0 or more, found 1.5"),
        ({"top_p": 1.5}, "top_p expected more than 0 and at most 1, found 1.5"),
        ({"do_sample": "yes"}, "key 'do_sample' expected true or false"),
        ({"max_new_tokens": 0}, "key 'max_new_tokens' expected a positive integer, found 0"),
        ({"eos_token_id": [None]}, "key 'eos_token_id' expected a token id or a list of them"),
    ],
)
def test_malformed_file(tmp_path: Path, values: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load(tmp_path, values)
    assert "generation_config.json" in str(caught.value)
