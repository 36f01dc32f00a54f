"""GPT-2 and GPT-NeoX in plain PyTorch, for peers that import a traced graph.

The models of `transformers` do not trace well: their caches are objects. Here keys and values are
tensors that come in and go out, one pair for each layer, and nothing depends on a size in Python.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

__all__ = ["PortableGpt"]


class PortableGpt(nn.Module):
    """A model of a folder.

    With a cache: (ids `[1, seq]`, key and value `[1, heads, past, head_dim]` of each layer) to
    (logits `[1, 1, vocab]` of the last token, keys and values of all tokens). Without: ids to
    logits `[1, seq, vocab]`.

    Attributes:
        layers: Number of blocks.
        heads: Number of heads.
        head_dim: Features of a head.
    """

    embedding: torch.Tensor
    wpe: torch.Tensor
    frequencies: torch.Tensor
    final_w: torch.Tensor
    final_b: torch.Tensor

    def __init__(self, folder: Path, *, cached: bool) -> None:
        """Reads the weights, as f32."""
        from safetensors.torch import load_file

        super().__init__()
        config = json.loads((folder / "config.json").read_text())
        weights = {k: v.float() for k, v in load_file(folder / "model.safetensors").items()}
        self.cached = cached
        self.is_gpt2 = config["model_type"] == "gpt2"
        hidden = config["n_embd"] if self.is_gpt2 else config["hidden_size"]
        self.layers: int = config["n_layer"] if self.is_gpt2 else config["num_hidden_layers"]
        self.heads: int = config["n_head"] if self.is_gpt2 else config["num_attention_heads"]
        self.head_dim: int = hidden // self.heads
        self.normalized = (hidden,)
        self.parallel = not self.is_gpt2 and config["use_parallel_residual"]
        approximate = config.get("activation_function") == "gelu_new"
        self.gelu = "tanh" if approximate else "none"
        if self.is_gpt2:
            self._register_gpt2(weights)
        else:
            self._register_neox(weights, config["rope_parameters"])

    def _keep(self, name: str, value: torch.Tensor) -> None:
        self.register_buffer(name, value.contiguous())

    def _register_gpt2(self, weights: dict[str, torch.Tensor]) -> None:
        self._keep("embedding", weights["transformer.wte.weight"])
        self._keep("wpe", weights["transformer.wpe.weight"])
        names = {
            "norm1": "ln_1",
            "qkv": "attn.c_attn",
            "out": "attn.c_proj",
            "norm2": "ln_2",
            "up": "mlp.c_fc",
            "down": "mlp.c_proj",
        }
        for layer in range(self.layers):
            for ours, theirs in names.items():
                weight = weights[f"transformer.h.{layer}.{theirs}.weight"]
                self._keep(f"{ours}_w{layer}", weight.t() if weight.ndim == 2 else weight)
                self._keep(f"{ours}_b{layer}", weights[f"transformer.h.{layer}.{theirs}.bias"])
        self._keep("final_w", weights["transformer.ln_f.weight"])
        self._keep("final_b", weights["transformer.ln_f.bias"])

    def _register_neox(self, weights: dict[str, torch.Tensor], rope: dict[str, Any]) -> None:
        self._keep("embedding", weights["gpt_neox.embed_in.weight"])
        names = {
            "norm1": "input_layernorm",
            "qkv": "attention.query_key_value",
            "out": "attention.dense",
            "norm2": "post_attention_layernorm",
            "up": "mlp.dense_h_to_4h",
            "down": "mlp.dense_4h_to_h",
        }
        for layer in range(self.layers):
            for ours, theirs in names.items():
                for letter, kind in (("w", "weight"), ("b", "bias")):
                    value = weights[f"gpt_neox.layers.{layer}.{theirs}.{kind}"]
                    if ours == "qkv":  # from q, k, v of each head to all q, all k, all v
                        parts = value.view(self.heads, 3, self.head_dim, -1)
                        value = parts.transpose(0, 1).reshape(value.shape)
                    self._keep(f"{ours}_{letter}{layer}", value)
        self._keep("final_w", weights["gpt_neox.final_layer_norm.weight"])
        self._keep("final_b", weights["gpt_neox.final_layer_norm.bias"])
        rotated = int(self.head_dim * rope["partial_rotary_factor"])
        exponents = torch.arange(0, rotated, 2, dtype=torch.float32) / rotated
        self._keep("frequencies", rope["rope_theta"] ** -exponents)

    def _weights(self, name: str, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        return getattr(self, f"{name}_w{layer}"), getattr(self, f"{name}_b{layer}")

    def _norm(self, name: str, layer: int, x: torch.Tensor) -> torch.Tensor:
        weight, bias = self._weights(name, layer)
        return functional.layer_norm(x, self.normalized, weight, bias, 1e-5)

    def _feed_forward(self, layer: int, x: torch.Tensor) -> torch.Tensor:
        inner = functional.linear(self._norm("norm2", layer, x), *self._weights("up", layer))
        inner = functional.gelu(inner, approximate=self.gelu)
        return functional.linear(inner, *self._weights("down", layer))

    def _rotate(self, x: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        angles = positions.to(torch.float32)[:, None] * self.frequencies[None, :]
        angles = torch.cat([angles, angles], dim=-1)
        rotated = angles.shape[-1]
        part, rest = x[..., :rotated], x[..., rotated:]
        first, second = part.chunk(2, dim=-1)
        turned = torch.cat([-second, first], dim=-1)
        return torch.cat([part * angles.cos() + turned * angles.sin(), rest], dim=-1)

    def forward(self, ids: torch.Tensor, *past: torch.Tensor) -> Any:
        """Computes logits, and the caches if there are any."""
        count = ids.shape[1]
        before = past[0].shape[2] if self.cached else 0
        positions = torch.arange(count) + before
        keys_at = torch.arange(before + count) if self.cached else positions
        mask = keys_at[None, :] <= positions[:, None]
        x = functional.embedding(ids, self.embedding)
        if self.is_gpt2:
            x = x + functional.embedding(positions, self.wpe)
        present: list[torch.Tensor] = []
        for layer in range(self.layers):
            qkv = functional.linear(self._norm("norm1", layer, x), *self._weights("qkv", layer))
            q, k, v = (
                each.view(1, -1, self.heads, self.head_dim).transpose(1, 2)
                for each in qkv.chunk(3, dim=-1)
            )
            if not self.is_gpt2:
                q, k = self._rotate(q, positions), self._rotate(k, positions)
            if self.cached:
                k = torch.cat([past[2 * layer], k], dim=2)
                v = torch.cat([past[2 * layer + 1], v], dim=2)
                present += [k, v]
            heads = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
            joined = heads.transpose(1, 2).reshape(1, -1, self.heads * self.head_dim)
            attended = x + functional.linear(joined, *self._weights("out", layer))
            x = attended + self._feed_forward(layer, x if self.parallel else attended)
        if self.cached:
            x = x[:, -1:]
        x = functional.layer_norm(x, self.normalized, self.final_w, self.final_b, 1e-5)
        logits = functional.linear(x, self.embedding)
        return (logits, *present) if self.cached else logits

    def example(self) -> tuple[torch.Tensor, ...]:
        """Returns arguments to trace the model with."""
        ids = torch.zeros((1, 3), dtype=torch.int64)
        if not self.cached:
            return (ids,)
        past = torch.zeros((1, self.heads, 2, self.head_dim))
        return (ids, *(past.clone() for _ in range(2 * self.layers)))

    @property
    def cache_names(self) -> list[tuple[str, str]]:
        """What traced caches are called, where they come in and where they go out."""
        kinds = [f"{kind}{layer}" for layer in range(self.layers) for kind in ("key", "value")]
        return [(f"past_{kind}", f"present_{kind}") for kind in kinds] if self.cached else []
