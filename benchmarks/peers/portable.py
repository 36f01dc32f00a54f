"""Models in plain PyTorch, for peers that import a traced graph: what they have in common.

The models of `transformers` do not trace well: their caches are objects. Here keys and values are
tensors that come in and go out, one pair for each layer, and nothing depends on a size in Python.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

__all__ = ["PortableModel", "Weights", "portable_model", "rope_frequencies", "rotate"]

Weights = dict[str, torch.Tensor]


class PortableModel(nn.Module):
    """A model of a folder.

    Attributes:
        layers: Number of blocks.
        heads: Number of heads.
        kv_heads: Number of key and value heads.
        head_dim: Features of a head.
    """

    embedding: torch.Tensor

    def __init__(self, config: dict[str, Any], *, cached: bool) -> None:
        """Reads the sizes; weights are taken by the constructor of the architecture."""
        super().__init__()
        hidden = config.get("n_embd") or config["hidden_size"]
        self.cached = cached
        self.layers: int = config.get("n_layer") or config["num_hidden_layers"]
        self.heads: int = config.get("n_head") or config["num_attention_heads"]
        self.kv_heads: int = config.get("num_key_value_heads") or self.heads
        self.head_dim: int = hidden // self.heads

    def keep(self, name: str, value: torch.Tensor) -> None:
        """Takes a weight."""
        self.register_buffer(name, value.contiguous())

    @abstractmethod
    def embed(self, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Returns `[batch, seq, hidden]` of ids and positions `[batch, seq]`."""

    @abstractmethod
    def project(
        self, layer: int, x: torch.Tensor, positions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Returns queries, keys and values `[batch, heads, seq, head_dim]` of a block."""

    @abstractmethod
    def finish(self, layer: int, x: torch.Tensor, heads: torch.Tensor) -> torch.Tensor:
        """Returns the result of a block from its input and its heads, joined."""

    @abstractmethod
    def normalize(self, x: torch.Tensor) -> torch.Tensor:
        """Applies the last norm."""

    def run(
        self,
        ids: torch.Tensor,
        positions: torch.Tensor,
        mask: torch.Tensor,
        past: tuple[torch.Tensor, ...],
        *,
        last: bool,
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Computes logits, of the last token or of all, and the caches with the new tokens."""
        x = self.embed(ids, positions)
        present: list[torch.Tensor] = []
        for layer in range(self.layers):
            q, k, v = self.project(layer, x, positions)
            if past:
                k = torch.cat([past[2 * layer], k], dim=2)
                v = torch.cat([past[2 * layer + 1], v], dim=2)
                present += [k, v]
            if self.kv_heads != self.heads:
                k, v = self._repeat(k), self._repeat(v)
            heads = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
            heads = heads.transpose(1, 2).flatten(2)
            x = self.finish(layer, x, heads)
        if last:
            x = x[:, -1:]
        return functional.linear(self.normalize(x), self.embedding), present

    def _repeat(self, x: torch.Tensor) -> torch.Tensor:
        """Gives each group of query heads its key or value head, as `transformers` does."""
        batch, heads, seq, features = x.shape
        times = self.heads // self.kv_heads
        wide = x[:, :, None, :, :].expand(batch, heads, times, seq, features)
        return wide.reshape(batch, heads * times, seq, features)

    def split(self, x: torch.Tensor, heads: int) -> torch.Tensor:
        """Returns `[batch, heads, seq, head_dim]` of `[batch, seq, features]`."""
        return x.view(x.shape[0], -1, heads, self.head_dim).transpose(1, 2)

    def forward(self, ids: torch.Tensor, *past: torch.Tensor) -> Any:
        """Computes logits, and caches if the model has them.

        With a cache: ids `[1, seq]`, key and value `[1, heads, past, head_dim]` of each layer to
        logits `[1, 1, vocab]` of the last token, keys and values of all tokens. Without: ids to
        logits `[1, seq, vocab]`.
        """
        count = ids.shape[1]
        before = past[0].shape[2] if self.cached else 0
        positions = torch.arange(count) + before
        keys_at = torch.arange(before + count) if self.cached else positions
        mask = keys_at[None, :] <= positions[:, None]
        logits, present = self.run(ids, positions[None, :], mask, past, last=self.cached)
        return (logits, *present) if self.cached else logits

    def example(self) -> tuple[torch.Tensor, ...]:
        """Returns arguments to trace the model with."""
        ids = torch.zeros((1, 3), dtype=torch.int64)
        if not self.cached:
            return (ids,)
        past = torch.zeros((1, self.kv_heads, 2, self.head_dim))
        return (ids, *(past.clone() for _ in range(2 * self.layers)))

    @property
    def cache_names(self) -> list[tuple[str, str]]:
        """What traced caches are called, where they come in and where they go out."""
        kinds = [f"{kind}{layer}" for layer in range(self.layers) for kind in ("key", "value")]
        return [(f"past_{kind}", f"present_{kind}") for kind in kinds] if self.cached else []


def rotate(x: torch.Tensor, positions: torch.Tensor, frequencies: torch.Tensor) -> torch.Tensor:
    """Rotates the first features of x `[batch, heads, seq, head_dim]`, in two halves."""
    angles = positions.to(torch.float32)[:, :, None] * frequencies[None, None, :]
    angles = torch.cat([angles, angles], dim=-1)[:, None]
    rotated = angles.shape[-1]
    part, rest = x[..., :rotated], x[..., rotated:]
    first, second = part.chunk(2, dim=-1)
    turned = torch.cat([-second, first], dim=-1)
    result = part * angles.cos() + turned * angles.sin()
    return torch.cat([result, rest], dim=-1) if rotated < x.shape[-1] else result


def rope_frequencies(rotated: int, theta: float) -> torch.Tensor:
    """Returns the angles per position `[rotated / 2]`."""
    exponents = torch.arange(0, rotated, 2, dtype=torch.float32) / rotated
    return theta**-exponents


def portable_model(folder: Path, *, cached: bool) -> PortableModel:
    """Reads a model with its weights, as f32."""
    from safetensors.torch import load_file

    from benchmarks.peers.portable_gpt import PortableGpt
    from benchmarks.peers.portable_llama import PortableLlama

    config = json.loads((folder / "config.json").read_text())
    weights = {k: v.float() for k, v in load_file(folder / "model.safetensors").items()}
    kind = PortableLlama if config["model_type"] == "llama" else PortableGpt
    return kind(config, weights, cached=cached).eval()
