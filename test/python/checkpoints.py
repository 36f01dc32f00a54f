"""Checkpoints made with `transformers`: seeded random weights in every shape that matters.

`CASES` names them. A checkpoint is saved as the hub has it; its own configuration file and weights
are all that our code gets to see. Weights are spread wide enough that the most likely token is
clearly ahead of the second one, and biases and norms are random too: the zeros and ones of a fresh
model would hide a bias left out.
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import tokenizers
import torch
import transformers
from tokenizers import decoders, models, pre_tokenizers, trainers

from gpt_mlir import LLM
from gpt_mlir.generation import default_model

# The reference models are tiny: more threads than one only get into each other's way.
torch.set_num_threads(1)
transformers.utils.logging.disable_progress_bar()

CONTEXT = 192

_GPT2 = {"n_embd": 48, "n_head": 3, "n_layer": 2, "n_positions": CONTEXT, "vocab_size": 101}
_COMMON = {
    "num_hidden_layers": 2,
    "max_position_embeddings": CONTEXT,
    "vocab_size": 101,
    "intermediate_size": 88,
}
_NEOX = _COMMON | {"hidden_size": 64, "num_attention_heads": 4}
_LLAMA = _COMMON | {"hidden_size": 64, "num_attention_heads": 4}
_LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 48,
}

# Name -> configuration class, its arguments, and how to store it (dtype, size of a shard).
CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "gpt2": ("GPT2Config", _GPT2, {}),
    "gpt2-untied": (
        "GPT2Config",
        # Head dimension 20; activation of its own; scores divided by the number of the layer.
        _GPT2
        | {
            "n_embd": 60,
            "n_inner": 100,
            "activation_function": "gelu",
            "tie_word_embeddings": False,
            "scale_attn_by_inverse_layer_idx": True,
        },
        {},
    ),
    "gpt2-bf16": ("GPT2Config", _GPT2, {"dtype": torch.bfloat16}),
    "neox": ("GPTNeoXConfig", _NEOX, {}),
    "neox-sequential": (
        "GPTNeoXConfig",
        # Head dimension 18, of which 6 are rotated.
        _NEOX
        | {
            "hidden_size": 54,
            "num_attention_heads": 3,
            "rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.34},
            "use_parallel_residual": False,
            "attention_bias": False,
            "hidden_act": "gelu_new",
            "tie_word_embeddings": True,
        },
        {},
    ),
    "neox-linear": (
        "GPTNeoXConfig",
        _NEOX
        | {
            "rope_parameters": {
                "rope_type": "linear",
                "factor": 3.0,
                "rope_theta": 5000.0,
                "partial_rotary_factor": 1.0,
            }
        },
        {"dtype": torch.float16},
    ),
    "llama": ("LlamaConfig", _LLAMA, {"shard": "60KB"}),
    "llama-gqa": (
        "LlamaConfig",
        # Heads of dimension 20, which do not add up to the hidden size.
        _LLAMA
        | {
            "num_key_value_heads": 2,
            "head_dim": 20,
            "rope_parameters": _LLAMA3,
            "tie_word_embeddings": True,
        },
        {},
    ),
    "llama-mqa": (
        "LlamaConfig",
        _LLAMA
        | {
            "num_key_value_heads": 1,
            "attention_bias": True,
            "mlp_bias": True,
            "vocab_size": 67,
            "rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 20000.0},
        },
        {},
    ),
    "llama-bf16": (
        "LlamaConfig",
        _LLAMA | {"num_key_value_heads": 2},
        {"dtype": torch.bfloat16, "shard": "40KB"},
    ),
}


# The cases, and the model that comes with the package.
ALL = [*CASES, "shakespeare"]

# A model for `save_tokenizer`, for tests that are about text.
TEXT_MODEL = ("GPT2Config", _GPT2 | {"vocab_size": 300}, {})


def save(case: str, folder: Path) -> Path:
    """Makes the checkpoint `case` in `folder`."""
    name, arguments, storage = TEXT_MODEL if case == "text" else CASES[case]
    torch.manual_seed(0)
    config = getattr(transformers, name)(
        bos_token_id=1, eos_token_id=None, initializer_range=0.15, **arguments
    )
    model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter += 0.2 * torch.randn_like(parameter)
    model = model.to(storage.get("dtype", torch.float32))
    model.save_pretrained(folder, max_shard_size=storage.get("shard", "1GB"))
    return folder


def save_tokenizer(folder: Path, vocab_size: int = 300) -> None:
    """Adds a byte-level tokenizer that knows every byte and a few words; its token 0 ends texts."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["to be or not to be, that is the question"] * 3, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))


@functools.cache
def folder_of(case: str) -> Path:
    """Returns the folder of a checkpoint, made when first asked for."""
    if case == "shakespeare":
        return default_model()
    return save(case, Path(tempfile.mkdtemp(prefix=f"gpt-mlir-{case}-")))


@functools.cache
def llm_of(case: str) -> LLM:
    """Returns a checkpoint compiled by us."""
    return LLM.from_pretrained(folder_of(case))


@functools.cache
def reference_of(case: str) -> Any:
    """Returns the checkpoint in `transformers`, computing in float32."""
    return transformers.AutoModelForCausalLM.from_pretrained(
        folder_of(case), dtype=torch.float32, attn_implementation="eager"
    ).eval()
