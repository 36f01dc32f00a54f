"""Reading `config.json`: both spellings of every option, and an error for every mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gpt_mlir.errors import ConfigError
from gpt_mlir.models import RopeConfig, known_architectures, load_config

GPT2: dict[str, Any] = {
    "model_type": "gpt2",
    "vocab_size": 100,
    "n_embd": 48,
    "n_head": 4,
    "n_layer": 2,
    "n_positions": 64,
}
NEOX: dict[str, Any] = {
    "model_type": "gpt_neox",
    "vocab_size": 100,
    "hidden_size": 48,
    "num_attention_heads": 3,
    "num_hidden_layers": 2,
    "intermediate_size": 96,
    "max_position_embeddings": 64,
}
LLAMA: dict[str, Any] = NEOX | {"model_type": "llama"}


def load(folder: Path, config: object) -> Any:
    text = config if isinstance(config, str) else json.dumps(config)
    (folder / "config.json").write_text(text)
    return load_config(folder)


def test_gpt2_defaults(tmp_path: Path) -> None:
    config = load(tmp_path, GPT2 | {"n_inner": None, "eos_token_id": 7, "bos_token_id": None})
    assert (config.hidden_size, config.intermediate_size, config.head_dim) == (48, 192, 12)
    assert config.tie_word_embeddings
    assert config.activation == "gelu_tanh"
    assert config.attention_scale(0) is None
    assert config.bos_token_id is None
    assert config.eos_token_ids == (7,)


def test_gpt2_scales(tmp_path: Path) -> None:
    config = load(tmp_path, GPT2 | {"scale_attn_by_inverse_layer_idx": True})
    assert config.attention_scale(1) == 12**-0.5 / 2
    config = load(tmp_path, GPT2 | {"scale_attn_weights": False})
    assert config.attention_scale(1) == 1.0


def test_token_ids_outside_the_vocabulary_do_not_count(tmp_path: Path) -> None:
    config = load(tmp_path, GPT2 | {"eos_token_id": [3, 50256], "bos_token_id": 50256})
    assert config.eos_token_ids == (3,)
    assert config.bos_token_id is None


@pytest.mark.parametrize(
    "spelling",
    [
        {"rotary_pct": 0.5, "rotary_emb_base": 5000},
        # As transformers 4 writes them.
        {
            "rotary_pct": 0.5,
            "rotary_emb_base": 5000,
            "partial_rotary_factor": 0.5,
            "rope_theta": 5000.0,
        },
        {"rope_parameters": {"partial_rotary_factor": 0.5, "rope_theta": 5000.0}},
        {
            "rope_parameters": {
                "rope_type": "default",
                "partial_rotary_factor": 0.5,
                "rope_theta": 5000.0,
            },
            "rotary_pct": 0.25,
        },
    ],
)
def test_spellings_of_partial_rope(tmp_path: Path, spelling: dict[str, Any]) -> None:
    config = load(tmp_path, NEOX | spelling)
    assert config.rope == RopeConfig(theta=5000.0, rotary_dims=8)


def test_neox_rotates_a_quarter_by_default(tmp_path: Path) -> None:
    assert load(tmp_path, NEOX).rope.rotary_dims == 4


LLAMA3 = {
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}


@pytest.mark.parametrize(
    "spelling",
    [
        {"rope_scaling": {"type": "llama3", **LLAMA3}, "rope_theta": 5e5},
        {"rope_scaling": {"rope_type": "llama3", **LLAMA3}, "rope_theta": 5e5},
        {"rope_parameters": {"rope_type": "llama3", "rope_theta": 5e5, **LLAMA3}},
        # What counts for transformers.
        {
            "rope_parameters": {"rope_type": "linear", "factor": 2.0},
            "rope_scaling": {"rope_type": "llama3", **LLAMA3},
            "rope_theta": 5e5,
        },
        {
            "rope_parameters": {
                "rope_type": "llama3",
                "rope_theta": 5e5,
                **LLAMA3,
                "original_max_position_embeddings": 48,
            },
            "rope_scaling": {},
            "original_max_position_embeddings": 32,
        },
    ],
)
def test_spellings_of_scaled_rope(tmp_path: Path, spelling: dict[str, Any]) -> None:
    assert load(tmp_path, LLAMA | spelling).rope == RopeConfig(
        theta=5e5,
        rotary_dims=16,
        scaling="llama3",
        scaling_factor=8.0,
        low_freq_factor=1.0,
        high_freq_factor=4.0,
        original_context_length=32,
    )


def test_original_context_is_the_context_by_default(tmp_path: Path) -> None:
    scaling = {key: LLAMA3[key] for key in ("factor", "low_freq_factor", "high_freq_factor")}
    config = load(tmp_path, LLAMA | {"rope_scaling": {"rope_type": "llama3", **scaling}})
    assert config.rope.original_context_length == 64


def test_llama_head_dim_of_its_own(tmp_path: Path) -> None:
    config = load(tmp_path, LLAMA | {"head_dim": 20, "num_key_value_heads": 1})
    assert (config.head_dim, config.num_kv_heads) == (20, 1)
    assert config.kv_cache_bytes(10, batch=2) == 2 * 2 * 2 * 10 * 20 * 4


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config.json: no such file"):
        load_config(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"a": \xff}'])
def test_not_json(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="latin-1")
    with pytest.raises(ConfigError, match=r"config.json: not valid JSON"):
        load_config(tmp_path)


def test_not_an_object(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"expected a JSON object, found \[1\]"):
        load(tmp_path, [1])


def test_unknown_architecture_lists_the_known(tmp_path: Path) -> None:
    assert known_architectures() == ("gpt2", "gpt_neox", "llama")
    with pytest.raises(
        ConfigError,
        match=r"config.json: unknown architecture 'mamba'; known: gpt2, gpt_neox, llama",
    ):
        load(tmp_path, {"model_type": "mamba"})


def test_no_architecture(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError,
        match=r"key 'model_type' expected an architecture \(gpt2, gpt_neox, llama\), found nothing",
    ):
        load(tmp_path, {})


@pytest.mark.parametrize(
    ("base", "change", "message"),
    [
        (GPT2, {"n_embd": None}, "key 'n_embd' expected a positive integer, found nothing"),
        (GPT2, {"n_embd": 0}, "key 'n_embd' expected a positive integer, found 0"),
        (GPT2, {"n_embd": -48}, "key 'n_embd' expected a positive integer, found -48"),
        (GPT2, {"n_embd": "48"}, "key 'n_embd' expected a positive integer, found \"48\""),
        (GPT2, {"n_embd": 48.0}, "key 'n_embd' expected a positive integer, found 48.0"),
        (GPT2, {"n_embd": True}, "key 'n_embd' expected a positive integer, found true"),
        (
            GPT2,
            {"n_embd": 2**40},
            "key 'n_embd' expected an integer from 1 to 2147483647, found 1099511627776",
        ),
        (
            GPT2,
            {"n_head": 5},
            r"key 'n_head' expected a divisor of the hidden size \(48\), found 5",
        ),
        (GPT2, {"layer_norm_epsilon": "x"}, "'layer_norm_epsilon' expected a positive number"),
        (GPT2, {"layer_norm_epsilon": float("nan")}, "expected a positive number, found NaN"),
        (GPT2, {"tie_word_embeddings": 1}, "'tie_word_embeddings' expected true or false, found 1"),
        (GPT2, {"activation_function": "relu"}, 'expected one of gelu, gelu_accurate.*, found "re'),
        (GPT2, {"add_cross_attention": True}, "'add_cross_attention' expected false"),
        (GPT2, {"eos_token_id": "x"}, "'eos_token_id' expected a token id or a list of them"),
        (NEOX, {"rotary_pct": 0.2}, "'partial_rotary_factor' expected a factor that makes an even"),
        (NEOX, {"rotary_pct": 2.0}, "'partial_rotary_factor' expected a factor that makes an even"),
        (NEOX, {"rotary_pct": 1e308}, "'partial_rotary_factor' expected a factor that makes an"),
        (
            NEOX,
            {"rope_theta": 500.0},
            r"'rope_theta' expected the value of 'rotary_emb_base' \(10000",
        ),
        (NEOX, {"partial_rotary_factor": 0.5}, r"expected the value of 'rotary_pct' \(0.25\)"),
        (NEOX, {"head_dim": 32}, r"'head_dim' expected hidden_size / num_attention_heads \(16\)"),
        (GPT2, {"num_attention_heads": 6}, r"'num_attention_heads' expected the value of 'n_head'"),
        (LLAMA, {"partial_rotary_factor": 0.5}, "'partial_rotary_factor' expected 1"),
        (
            LLAMA,
            {"rope_parameters": {"full_attention": {"rope_type": "default"}}},
            "rope_parameters: key 'full_attention' expected a number or a name",
        ),
        (LLAMA, {"num_key_value_heads": 2}, r"expected a divisor of num_attention_heads \(3\)"),
        (LLAMA, {"rope_scaling": {"type": "yarn", "factor": 2}}, "rope_scaling: key 'type'"),
        (
            LLAMA,
            {"rope_scaling": {"type": "dynamic", "factor": 2}},
            'expected one of default, linear, llama3, found "dynamic"',
        ),
        (
            LLAMA,
            {"rope_parameters": {"rope_type": "longrope"}},
            "rope_parameters: key 'rope_type' expected one of default, linear, llama3",
        ),
        (LLAMA, {"rope_scaling": 3}, "key 'rope_scaling' expected an object, found 3"),
        (LLAMA, {"rope_scaling": {"type": "linear"}}, "key 'factor' expected a positive number"),
        (
            LLAMA,
            {"rope_scaling": {"type": "llama3", **LLAMA3, "high_freq_factor": 1.0}},
            r"'high_freq_factor' expected more than low_freq_factor \(1.0\), found 1.0",
        ),
    ],
)
def test_bad_value(
    tmp_path: Path, base: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load(tmp_path, base | change)
    assert str(tmp_path / "config.json") in str(caught.value)
