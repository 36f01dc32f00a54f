"""A checkpoint as a GGUF file, for llama.cpp: same weights, same bits, no vocabulary.

llama.cpp wants vectors (norms, biases) in f32 whatever the type of the matrices is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.base import Array

__all__ = ["write_gguf"]

_GPT2_LAYER = {
    "ln_1": "attn_norm",
    "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output",
    "ln_2": "ffn_norm",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
}
_LLAMA_LAYER = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def write_gguf(folder: Path, path: Path) -> None:
    """Writes the GPT-2 or LLaMA of a folder to a file."""
    import gguf

    from gpt_mlir.weights import Checkpoint

    config = json.loads((folder / "config.json").read_text())
    checkpoint = Checkpoint.open(folder)
    is_gpt2 = config["model_type"] == "gpt2"
    writer = gguf.GGUFWriter(path, config["model_type"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("no_vocab")
    if is_gpt2:
        _describe(writer, config["n_positions"], config["n_embd"], config["n_layer"])
        writer.add_feed_forward_length(4 * config["n_embd"])
        writer.add_head_count(config["n_head"])
        writer.add_layer_norm_eps(config.get("layer_norm_epsilon", 1e-5))
        tensors = _gpt2(checkpoint, config)
    else:
        hidden, heads = config["hidden_size"], config["num_attention_heads"]
        _describe(writer, config["max_position_embeddings"], hidden, config["num_hidden_layers"])
        writer.add_feed_forward_length(config["intermediate_size"])
        writer.add_head_count(heads)
        writer.add_head_count_kv(config["num_key_value_heads"])
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
        writer.add_rope_dimension_count(hidden // heads)
        writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
        tensors = _llama(checkpoint, config)
    for name, array in tensors:
        if array.ndim == 1:
            writer.add_tensor(name, array.astype(np.float32))
        elif array.dtype == np.float32:
            writer.add_tensor(name, np.ascontiguousarray(array))
        else:
            raw = np.ascontiguousarray(array).view(np.uint8)
            writer.add_tensor(name, raw, raw_dtype=gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: Any, context: int, hidden: int, layers: int) -> None:
    writer.add_context_length(context)
    writer.add_embedding_length(hidden)
    writer.add_block_count(layers)


def _gpt2(checkpoint: Any, config: dict[str, Any]) -> Iterator[tuple[str, Array]]:
    yield "token_embd.weight", checkpoint.array("transformer.wte.weight")
    yield "position_embd.weight", checkpoint.array("transformer.wpe.weight")
    for layer in range(config["n_layer"]):
        for theirs, name in _GPT2_LAYER.items():
            for kind in ("weight", "bias"):
                array = checkpoint.array(f"transformer.h.{layer}.{theirs}.{kind}")
                yield f"blk.{layer}.{name}.{kind}", array.T
    for kind in ("weight", "bias"):
        yield f"output_norm.{kind}", checkpoint.array(f"transformer.ln_f.{kind}")


def _llama(checkpoint: Any, config: dict[str, Any]) -> Iterator[tuple[str, Array]]:
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    yield "token_embd.weight", checkpoint.array("model.embed_tokens.weight")
    for layer in range(config["num_hidden_layers"]):
        for theirs, name in _LLAMA_LAYER.items():
            array = checkpoint.array(f"model.layers.{layer}.{theirs}.weight")
            if name in heads:  # llama.cpp rotates neighbours, the hub's form the two halves
                halves = array.reshape(heads[name], 2, -1, array.shape[1])
                array = halves.swapaxes(1, 2).reshape(array.shape)
            yield f"blk.{layer}.{name}.weight", array
    yield "output_norm.weight", checkpoint.array("model.norm.weight")
