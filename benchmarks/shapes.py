"""The models that are measured, their sizes and their work.

A model here is a configuration in the hub's form; weights are random. What an ideal machine would
have to do for one call (floating-point operations, bytes read from memory) follows from the sizes
alone and is the same for everybody: it is what roofline shares are computed from.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

__all__ = ["DTYPE_BYTES", "MODELS", "Dtype", "Sizes", "model_sizes"]

Dtype = Literal["f32", "bf16"]

DTYPE_BYTES: dict[str, int] = {"f32": 4, "bf16": 2}


def _gpt2(vocab: int, hidden: int, heads: int, layers: int) -> dict[str, Any]:
    return {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "vocab_size": vocab,
        "n_embd": hidden,
        "n_head": heads,
        "n_layer": layers,
        "n_positions": 1024,
        "activation_function": "gelu_new",
        "bos_token_id": 0,
        "eos_token_id": None,
    }


def _llama(
    vocab: int, hidden: int, inner: int, heads: int, kv_heads: int, layers: int
) -> dict[str, Any]:
    return {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": vocab,
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "num_hidden_layers": layers,
        "max_position_embeddings": 2048,
        "rms_norm_eps": 1e-5,
        "hidden_act": "silu",
        "tie_word_embeddings": True,
        "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0},
        "bos_token_id": 0,
        "eos_token_id": None,
    }


# What the configuration of each model says; the bundled checkpoint has its own. The tiny ones
# are for quick runs.
MODELS: dict[str, dict[str, Any]] = {
    "gpt2-124m": _gpt2(50257, 768, 12, 12),
    "gpt2-tiny": _gpt2(503, 128, 4, 2),
    "llama-1b": _llama(128256, 2048, 8192, 32, 8, 16),
    "llama-tiny": _llama(512, 128, 256, 4, 2, 2),
    # The model of the roadmap: LayerNorm, GELU, RoPE over whole heads, tied output.
    "roadmap": {
        "model_type": "gpt_neox",
        "architectures": ["GPTNeoXForCausalLM"],
        "vocab_size": 256,
        "hidden_size": 64,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "intermediate_size": 256,
        "max_position_embeddings": 64,
        "hidden_act": "gelu",
        "use_parallel_residual": False,
        "tie_word_embeddings": True,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 10000.0,
            "partial_rotary_factor": 1.0,
        },
        "bos_token_id": 0,
        "eos_token_id": None,
    },
}


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The sizes of a model that decide its work.

    Attributes:
        vocab: Size of the vocabulary.
        hidden: Features of a token.
        attention: Features of all query heads.
        kv: Features of all key heads, as many as those of all value heads.
        inner: Features inside the feed-forward network.
        gated: Whether the feed-forward network has a third matrix, for gates.
        layers: Number of blocks.
        weight_bytes: Bytes of one stored weight.
    """

    vocab: int
    hidden: int
    attention: int
    kv: int
    inner: int
    gated: bool
    layers: int
    weight_bytes: int

    @property
    def layer_weights(self) -> int:
        """Elements of all matrices of all blocks."""
        attention = 2 * self.hidden * (self.attention + self.kv)
        return self.layers * (attention + (3 if self.gated else 2) * self.hidden * self.inner)

    def flops(self, start: int, count: int, *, outputs: int = 1) -> float:
        """Returns the operations to append `count` tokens to `start`, with `outputs` logits."""
        # Each token attends to itself and to all before it.
        attended = count * start + count * (count + 1) / 2
        products = 2.0 * count * self.layer_weights + 2.0 * outputs * self.vocab * self.hidden
        return products + 4.0 * self.layers * self.attention * attended

    def bytes(self, start: int, count: int, *, batch: int = 1, cache_bytes: int = 4) -> float:
        """Returns the bytes that must be read once: all weights that are used, and the caches."""
        weights = self.weight_bytes * (self.layer_weights + self.vocab * self.hidden)
        return weights + 2.0 * cache_bytes * batch * self.layers * self.kv * (start + count)


def model_sizes(folder: Path) -> Sizes:
    """Reads the sizes of a model from its folder."""
    config = json.loads((folder / "config.json").read_text())
    hidden = config.get("hidden_size") or config["n_embd"]
    heads = config.get("num_attention_heads") or config["n_head"]
    half = config.get("dtype", config.get("torch_dtype")) in ("bfloat16", "float16")
    return Sizes(
        vocab=config["vocab_size"],
        hidden=hidden,
        attention=hidden,
        kv=hidden // heads * (config.get("num_key_value_heads") or heads),
        inner=config.get("intermediate_size") or config.get("n_inner") or 4 * hidden,
        gated=config["model_type"] == "llama",
        layers=config.get("num_hidden_layers") or config["n_layer"],
        weight_bytes=2 if half else 4,
    )
