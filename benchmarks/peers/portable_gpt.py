"""GPT-2 and GPT-NeoX in plain PyTorch, for peers that import a traced graph."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from benchmarks.peers.portable import PortableModel, Weights, rope_frequencies, rotate

__all__ = ["PortableGpt"]


class PortableGpt(PortableModel):
    """LayerNorm, GELU, and positions that are looked up (GPT-2) or rotations (GPT-NeoX)."""

    wpe: torch.Tensor
    frequencies: torch.Tensor
    final_w: torch.Tensor
    final_b: torch.Tensor

    def __init__(self, config: dict[str, Any], weights: Weights, *, cached: bool) -> None:
        """Takes the weights."""
        super().__init__(config, cached=cached)
        self.is_gpt2 = config["model_type"] == "gpt2"
        self.normalized = (self.heads * self.head_dim,)
        self.parallel = not self.is_gpt2 and config["use_parallel_residual"]
        approximate = config.get("activation_function") == "gelu_new"
        self.gelu = "tanh" if approximate else "none"
        if self.is_gpt2:
            self._register_gpt2(weights)
        else:
            self._register_neox(weights, config["rope_parameters"])

    def _register_gpt2(self, weights: Weights) -> None:
        self.keep("embedding", weights["transformer.wte.weight"])
        self.keep("wpe", weights["transformer.wpe.weight"])
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
                self.keep(f"{ours}_w{layer}", weight.t() if weight.ndim == 2 else weight)
                self.keep(f"{ours}_b{layer}", weights[f"transformer.h.{layer}.{theirs}.bias"])
        self.keep("final_w", weights["transformer.ln_f.weight"])
        self.keep("final_b", weights["transformer.ln_f.bias"])

    def _register_neox(self, weights: Weights, rope: dict[str, Any]) -> None:
        self.keep("embedding", weights["gpt_neox.embed_in.weight"])
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
                    self.keep(f"{ours}_{letter}{layer}", value)
        self.keep("final_w", weights["gpt_neox.final_layer_norm.weight"])
        self.keep("final_b", weights["gpt_neox.final_layer_norm.bias"])
        rotated = int(self.head_dim * rope["partial_rotary_factor"])
        self.keep("frequencies", rope_frequencies(rotated, rope["rope_theta"]))

    def _weights(self, name: str, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        return getattr(self, f"{name}_w{layer}"), getattr(self, f"{name}_b{layer}")

    def _norm(self, name: str, layer: int, x: torch.Tensor) -> torch.Tensor:
        weight, bias = self._weights(name, layer)
        return functional.layer_norm(x, self.normalized, weight, bias, 1e-5)

    def _feed_forward(self, layer: int, x: torch.Tensor) -> torch.Tensor:
        inner = functional.linear(self._norm("norm2", layer, x), *self._weights("up", layer))
        inner = functional.gelu(inner, approximate=self.gelu)
        return functional.linear(inner, *self._weights("down", layer))

    def embed(self, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """See `PortableModel`."""
        x = functional.embedding(ids, self.embedding)
        return x + functional.embedding(positions, self.wpe) if self.is_gpt2 else x

    def project(
        self, layer: int, x: torch.Tensor, positions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """See `PortableModel`."""
        qkv = functional.linear(self._norm("norm1", layer, x), *self._weights("qkv", layer))
        q, k, v = (self.split(each, self.heads) for each in qkv.chunk(3, dim=-1))
        if not self.is_gpt2:
            q, k = (rotate(each, positions, self.frequencies) for each in (q, k))
        return q, k, v

    def finish(self, layer: int, x: torch.Tensor, heads: torch.Tensor) -> torch.Tensor:
        """See `PortableModel`."""
        attended = x + functional.linear(heads, *self._weights("out", layer))
        return attended + self._feed_forward(layer, x if self.parallel else attended)

    def normalize(self, x: torch.Tensor) -> torch.Tensor:
        """See `PortableModel`."""
        return functional.layer_norm(x, self.normalized, self.final_w, self.final_b, 1e-5)
