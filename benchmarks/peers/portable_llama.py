"""LLaMA in plain PyTorch, for peers that import a traced graph."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from benchmarks.peers.portable import PortableModel, Weights, rope_frequencies, rotate

__all__ = ["PortableLlama"]

_NAMES = {
    "norm1": "input_layernorm",
    "q": "self_attn.q_proj",
    "k": "self_attn.k_proj",
    "v": "self_attn.v_proj",
    "out": "self_attn.o_proj",
    "norm2": "post_attention_layernorm",
    "gate": "mlp.gate_proj",
    "up": "mlp.up_proj",
    "down": "mlp.down_proj",
}


class PortableLlama(PortableModel):
    """RMSNorm, rotations, grouped queries, SwiGLU; the output projection is the embedding."""

    final: torch.Tensor
    frequencies: torch.Tensor

    def __init__(self, config: dict[str, Any], weights: Weights, *, cached: bool) -> None:
        """Takes the weights."""
        super().__init__(config, cached=cached)
        self.epsilon: float = config["rms_norm_eps"]
        self.keep("embedding", weights["model.embed_tokens.weight"])
        for layer in range(self.layers):
            for ours, theirs in _NAMES.items():
                self.keep(f"{ours}{layer}", weights[f"model.layers.{layer}.{theirs}.weight"])
        self.keep("final", weights["model.norm.weight"])
        theta = config["rope_parameters"]["rope_theta"]
        self.keep("frequencies", rope_frequencies(self.head_dim, theta))

    def _linear(self, name: str, layer: int, x: torch.Tensor) -> torch.Tensor:
        return functional.linear(x, getattr(self, f"{name}{layer}"))

    def _norm(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        variance = x.pow(2).mean(-1, keepdim=True)
        return weight * (x * torch.rsqrt(variance + self.epsilon))

    def embed(self, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """See `PortableModel`."""
        return functional.embedding(ids, self.embedding)

    def project(
        self, layer: int, x: torch.Tensor, positions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """See `PortableModel`."""
        h = self._norm(x, getattr(self, f"norm1{layer}"))
        q = self.split(self._linear("q", layer, h), self.heads)
        k = self.split(self._linear("k", layer, h), self.kv_heads)
        v = self.split(self._linear("v", layer, h), self.kv_heads)
        return rotate(q, positions, self.frequencies), rotate(k, positions, self.frequencies), v

    def finish(self, layer: int, x: torch.Tensor, heads: torch.Tensor) -> torch.Tensor:
        """See `PortableModel`."""
        x = x + self._linear("out", layer, heads)
        h = self._norm(x, getattr(self, f"norm2{layer}"))
        inner = functional.silu(self._linear("gate", layer, h)) * self._linear("up", layer, h)
        return x + self._linear("down", layer, inner)

    def normalize(self, x: torch.Tensor) -> torch.Tensor:
        """See `PortableModel`."""
        return self._norm(x, self.final)
