"""The models that are measured: their sizes, their work, and their checkpoints.

A model here is a configuration in the hub's form; weights are random. What an ideal machine would
have to do for one call (floating-point operations, bytes read from memory) follows from the sizes
alone and is the same for everybody: it is what roofline shares are computed from.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["MODELS", "Sizes", "model_folder", "model_sizes"]

_SEED = 1
_SPREAD = 0.05

# What the configuration of each model says; the bundled checkpoint has its own.
MODELS: dict[str, dict[str, Any]] = {
    "gpt2-124m": {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "vocab_size": 50257,
        "n_embd": 768,
        "n_head": 12,
        "n_layer": 12,
        "n_positions": 1024,
        "activation_function": "gelu_new",
        "bos_token_id": 0,
        "eos_token_id": None,
    },
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
    """The sizes of a model that decide its work (multi-head attention, two-layer feed-forward).

    Attributes:
        vocab: Size of the vocabulary.
        hidden: Features of a token.
        inner: Features inside the feed-forward network.
        layers: Number of blocks.
        weight_bytes: Bytes of one stored weight.
    """

    vocab: int
    hidden: int
    inner: int
    layers: int
    weight_bytes: int = 4

    @property
    def layer_weights(self) -> int:
        """Elements of all matrices of all blocks."""
        return self.layers * (4 * self.hidden**2 + 2 * self.hidden * self.inner)

    def flops(self, start: int, count: int, *, outputs: int = 1) -> float:
        """Returns the operations to append `count` tokens to `start`, with `outputs` logits."""
        # Each token attends to itself and to all before it.
        attended = count * start + count * (count + 1) / 2
        products = 2.0 * count * self.layer_weights + 2.0 * outputs * self.vocab * self.hidden
        return products + 4.0 * self.layers * self.hidden * attended

    def bytes(self, start: int, count: int) -> float:
        """Returns the bytes that must be read once: all weights that are used, and the cache."""
        weights = self.weight_bytes * (self.layer_weights + self.vocab * self.hidden)
        return weights + 2.0 * 4 * self.layers * self.hidden * (start + count)


def model_folder(name: str, scratch: Path) -> Path:
    """Returns the folder of a model; makes its checkpoint if it is not there yet."""
    if name == "shakespeare":
        from gpt_mlir.generation import default_model

        return default_model()
    folder = scratch / "models" / name
    text = json.dumps(MODELS[name], indent=2)
    config = folder / "config.json"
    if not config.exists() or config.read_text() != text:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _write_weights(MODELS[name], folder)
        config.write_text(text)  # last: the mark of a complete folder
    return folder


def model_sizes(folder: Path) -> Sizes:
    """Reads the sizes of a model from its folder."""
    config = json.loads((folder / "config.json").read_text())
    hidden = config.get("hidden_size") or config["n_embd"]
    half = config.get("dtype", config.get("torch_dtype")) in ("bfloat16", "float16")
    return Sizes(
        vocab=config["vocab_size"],
        hidden=hidden,
        inner=config.get("intermediate_size") or config.get("n_inner") or 4 * hidden,
        layers=config.get("num_hidden_layers") or config["n_layer"],
        weight_bytes=2 if half else 4,
    )


def _write_weights(config: dict[str, Any], folder: Path) -> None:
    """Writes random f32 weights under the names of the hub."""
    import numpy as np
    from safetensors.numpy import save_file

    from gpt_mlir.models import architecture, load_config

    (folder / "config.json").write_text(json.dumps(config))
    read = load_config(folder)
    (folder / "config.json").unlink()
    generator = np.random.default_rng(_SEED)
    weights = {}
    for name, shape in architecture(read.model_type).weight_shapes(read).items():
        values = generator.standard_normal(shape, np.float32) * np.float32(_SPREAD)
        is_norm = len(shape) == 1 and name.endswith(".weight")
        weights[name] = values + np.float32(1) if is_norm else values
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
