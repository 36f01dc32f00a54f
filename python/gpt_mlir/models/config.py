"""What the configurations of all architectures have in common.

`ModelConfig` holds what generation, memory estimates and the command line need to know about any
model; an architecture adds its own fields in a subclass. `RopeConfig` reads the two spellings of
rotary embeddings that are in circulation: `rope_theta`/`rope_scaling` and, since transformers 5,
`rope_parameters`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from gpt_mlir.models.reader import ConfigReader

__all__ = ["ACTIVATIONS", "ModelConfig", "RopeConfig"]

ACTIVATIONS: Mapping[str, str] = MappingProxyType(
    {
        "gelu": "gelu",
        "gelu_python": "gelu",
        "gelu_new": "gelu_tanh",
        "gelu_fast": "gelu_tanh",
        "gelu_accurate": "gelu_tanh",
        "gelu_pytorch_tanh": "gelu_tanh",
        "silu": "silu",
        "swish": "silu",
    }
)
"""The activation that each name of Hugging Face stands for."""

_ROPE_SCALINGS = {"default": "none", "linear": "linear", "llama3": "llama3"}


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The sizes of a decoder-only model.

    Attributes:
        model_type: The architecture, as `config.json` names it.
        vocab_size: Number of rows of the token embedding and of logits.
        hidden_size: Features of an activation between blocks.
        intermediate_size: Features inside the feed-forward network.
        num_layers: Number of blocks.
        num_heads: Query heads.
        num_kv_heads: Key and value heads.
        head_dim: Features of a head.
        context_length: Most tokens of a sequence, prompt and continuation together.
        tie_word_embeddings: Whether the output projection is the token embedding.
        activation: `"gelu"`, `"gelu_tanh"` or `"silu"`.
        norm_epsilon: What the norms add to the variance.
        bos_token_id: The token that begins a text, or None.
        eos_token_ids: The tokens that end one.
    """

    model_type: str
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    context_length: int
    tie_word_embeddings: bool
    activation: str
    norm_epsilon: float
    bos_token_id: int | None = None
    eos_token_ids: tuple[int, ...] = ()

    def kv_cache_bytes(self, capacity: int, *, batch: int = 1, itemsize: int = 4) -> int:
        """Returns the bytes of the KV caches of `batch` sequences of up to `capacity` tokens."""
        entries = 2 * self.num_layers * batch * self.num_kv_heads * capacity * self.head_dim
        return entries * itemsize


def read_num_layers(reader: ConfigReader, *keys: str) -> int:
    """Returns the number of blocks, which is bounded: a table of all weights is made of it."""
    count: int = reader.integer(*keys, maximum=10_000)
    return count


def read_token_ids(reader: ConfigReader, vocab_size: int) -> dict[str, Any]:
    """Returns the fields of `ModelConfig` about special tokens."""
    bos = reader.token_ids("bos_token_id", limit=vocab_size)
    return {
        "bos_token_id": bos[0] if bos else None,
        "eos_token_ids": reader.token_ids("eos_token_id", limit=vocab_size),
    }


def read_activation(reader: ConfigReader, key: str, *, default: str) -> str:
    """Returns the activation under `key`."""
    return ACTIVATIONS[reader.choice(key, known=ACTIVATIONS, default=default)]


def read_head_dim(reader: ConfigReader, hidden_size: int, num_heads: int, key: str) -> int:
    """Returns the head dimension of `num_heads` (the value of `key`) that share `hidden_size`."""
    if hidden_size % num_heads:
        reader.fail(key, f"a divisor of the hidden size ({hidden_size})", num_heads)
    return hidden_size // num_heads


@dataclass(frozen=True, kw_only=True)
class RopeConfig:
    """Rotary position embedding: the attributes of `gpt.rope`.

    Attributes:
        theta: Base of the frequencies.
        rotary_dims: Features of a head that are rotated.
        scaling: `"none"`, `"linear"` or `"llama3"`.
        scaling_factor: What positions (linear) or low frequencies (llama3) are divided by.
        low_freq_factor: llama3 only.
        high_freq_factor: llama3 only.
        original_context_length: llama3 only.
    """

    theta: float
    rotary_dims: int
    scaling: str = "none"
    scaling_factor: float = 1.0
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    original_context_length: int = 8192

    @classmethod
    def read(
        cls,
        reader: ConfigReader,
        head_dim: int,
        context_length: int,
        *,
        theta_key: str = "rope_theta",
        partial_key: str | None = None,
        partial: float = 1.0,
    ) -> RopeConfig:
        """Reads either spelling.

        Args:
            reader: The configuration.
            head_dim: Features of a head.
            context_length: Stands in for an absent `original_max_position_embeddings`.
            theta_key: What the architecture calls the base of the frequencies, outside of
                `rope_parameters`.
            partial_key: What it calls the part of a head that is rotated, there; None if it always
                rotates all of it.
            partial: That part where the configuration does not say.

        Raises:
            ConfigError: A value is illegal, is given twice and differs, or the kind of scaling is
                not implemented.
        """
        scaled = reader.object("rope_scaling")
        if scaled is None or not scaled.values:
            scaled = reader.object("rope_parameters")
        parameters = scaled or ConfigReader({}, "")
        for key, value in parameters.values.items():
            if isinstance(value, dict):
                parameters.fail(key, "a number or a name (one embedding for all blocks)", value)
        kind = parameters.choice("rope_type", "type", known=_ROPE_SCALINGS, default="default")
        theta = _read_either(reader, parameters, "rope_theta", theta_key, 10000.0)
        part = "partial_rotary_factor"
        factor = _read_either(reader, parameters, part, partial_key or part, partial)
        spelled = parameters if parameters.has(part) else reader
        if partial_key is None and factor != 1:
            spelled.fail(part, "1 (all features of a head are rotated)", factor)
        rotary_dims = int(head_dim * min(factor, 2.0))  # the product may be infinite
        if not 2 <= rotary_dims <= head_dim or rotary_dims % 2:
            spelled.fail(
                part,
                f"a factor that makes an even number of dimensions of each head ({head_dim})",
                factor,
            )
        scaling: dict[str, Any] = {}
        if kind != "default":
            scaling["scaling_factor"] = parameters.number("factor")
        if kind == "llama3":
            length = _read_original_length(reader, parameters, context_length)
            low = parameters.number("low_freq_factor")
            high = parameters.number("high_freq_factor")
            if low >= high:
                parameters.fail("high_freq_factor", f"more than low_freq_factor ({low})", high)
            scaling |= {
                "low_freq_factor": low,
                "high_freq_factor": high,
                "original_context_length": length,
            }
        return cls(theta=theta, rotary_dims=rotary_dims, scaling=_ROPE_SCALINGS[kind], **scaling)


def _read_either(
    reader: ConfigReader, parameters: ConfigReader, key: str, outside: str, default: float
) -> float:
    """Returns what `parameters` say under `key`, or else the configuration under `outside`.

    Some writers repeat the value under `key` there: it must be the same one.
    """
    if parameters.has(key):
        inside: float = parameters.number(key)
        return inside
    value: float = reader.number(outside, default=default)
    repeated = reader.number(key, default=value)
    if repeated != value:
        reader.fail(key, f"the value of '{outside}' ({value:g})", repeated)
    return value


def _read_original_length(
    reader: ConfigReader, parameters: ConfigReader, context_length: int
) -> int:
    key = "original_max_position_embeddings"
    source = reader if reader.has(key) else parameters
    length: int = source.integer(key, default=context_length)
    return length
