"""Attention, rotary embedding and the KV cache."""

from __future__ import annotations

from typing import Literal

from gpt_mlir.dialects import gpt
from gpt_mlir.graph.op_call import OpCall
from gpt_mlir.graph.tensor import Tensor

__all__ = ["attention", "cached_attention", "rope"]


def rope(
    input: Tensor,
    positions: Tensor | None = None,
    *,
    num_heads: int,
    rotary_dims: int | None = None,
    theta: float = 10000.0,
    style: Literal["half_split", "interleaved"] = "half_split",
    scaling: Literal["none", "linear", "llama3"] = "none",
    scaling_factor: float = 1.0,
    low_freq_factor: float = 1.0,
    high_freq_factor: float = 4.0,
    original_context_length: int = 8192,
) -> Tensor:
    """Rotary position embedding of queries or keys.

    Args:
        input: `[B, S, num_heads * head_dim]`, f32, bf16 or f16.
        positions: `[B]`, i64: the position of the first token of each sequence; 0 if None.
        num_heads: Heads in `input`.
        rotary_dims: Features of each head that are rotated; None for all. Even.
        theta: Base of the frequencies.
        style: Which features form a pair: `half_split` (GPT-NeoX, LLaMA) or `interleaved` (GPT-J).
        scaling: Scaling of the frequencies for long contexts.
        scaling_factor: The factor of `linear` and `llama3`.
        low_freq_factor: Of `llama3`.
        high_freq_factor: Of `llama3`.
        original_context_length: Of `llama3`, in tokens.

    Returns:
        A tensor like `input`.

    Raises:
        GraphError: A constraint of `gpt.rope` is broken, or an argument is of the wrong kind.
    """
    call = OpCall("rope")
    return call.build(
        gpt.RopeOp,
        input=call.tensor("input", input),
        positions=call.optional_tensor("positions", positions),
        num_heads=call.integer("num_heads", num_heads),
        rotary_dims=call.optional_integer("rotary_dims", rotary_dims),
        theta=call.real("theta", theta),
        style=call.choice("style", style, gpt.RopeStyle),
        scaling=call.choice("scaling", scaling, gpt.RopeScaling),
        scaling_factor=call.real("scaling_factor", scaling_factor),
        low_freq_factor=call.real("low_freq_factor", low_freq_factor),
        high_freq_factor=call.real("high_freq_factor", high_freq_factor),
        original_context_length=call.integer("original_context_length", original_context_length),
    )


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    num_heads: int,
    num_kv_heads: int | None = None,
    causal: bool = False,
    scale: float | None = None,
    window: int | None = None,
) -> Tensor:
    """Multi-head, multi-query or grouped-query attention.

    Args:
        query: `[B, S, num_heads * D]`, f32, bf16 or f16.
        key: `[B, T, num_kv_heads * D]`, of the dtype of `query`.
        value: `[B, T, num_kv_heads * E]`, of the dtype of `query`.
        mask: Added to the scaled scores; broadcasts to `[B, num_heads, S, T]`.
        num_heads: Heads of `query`.
        num_kv_heads: Heads of `key` and `value`; `num_heads` if None.
        causal: Hide keys behind the position of the query, `i + T - S`.
        scale: Factor of the scores; `1 / sqrt(D)` if None.
        window: With `causal`: hide keys at this distance or more, too.

    Returns:
        `[B, S, num_heads * E]`, of the dtype of `query`.

    Raises:
        GraphError: A constraint of `gpt.attention` is broken, or an argument is of the wrong kind.
    """
    call = OpCall("attention")
    return call.build(
        gpt.AttentionOp,
        query=call.tensor("query", query),
        key=call.tensor("key", key),
        value=call.tensor("value", value),
        mask=call.optional_tensor("mask", mask),
        num_heads=call.integer("num_heads", num_heads),
        num_kv_heads=call.integer(
            "num_kv_heads", num_heads if num_kv_heads is None else num_kv_heads
        ),
        causal=call.flag("causal", causal),
        scale=call.optional_real("scale", scale),
        window=call.optional_integer("window", window),
    )


def cached_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_cache: Tensor,
    value_cache: Tensor,
    positions: Tensor,
    *,
    num_heads: int,
    num_kv_heads: int | None = None,
    scale: float | None = None,
    window: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Causal attention over a KV cache that gains the new keys and values.

    Usually the compiler makes these (`Graph.insert_kv_cache`); a graph can also use them itself.

    Args:
        query: `[B, S, num_heads * D]`, f32, bf16 or f16.
        key: `[B, S, num_kv_heads * D]`, of the dtype of `query`.
        value: `[B, S, num_kv_heads * E]`, of the dtype of `query`.
        key_cache: `[B, num_kv_heads, C, D]`, f32, bf16 or f16.
        value_cache: `[B, num_kv_heads, C, E]`, f32, bf16 or f16.
        positions: `[B]`, i64: the position of the first new token of each sequence.
        num_heads: Heads of `query`.
        num_kv_heads: Heads of keys and values; `num_heads` if None.
        scale: Factor of the scores; `1 / sqrt(D)` if None.
        window: Hide keys at this distance or more.

    Returns:
        The output `[B, S, num_heads * E]` and the two updated caches.

    Raises:
        GraphError: A constraint of `gpt.cached_attention` is broken, or an argument is of the wrong
            kind.
    """
    call = OpCall("cached_attention")
    output, updated_key, updated_value = call.build_all(
        gpt.CachedAttentionOp,
        query=call.tensor("query", query),
        key=call.tensor("key", key),
        value=call.tensor("value", value),
        key_cache=call.tensor("key_cache", key_cache),
        value_cache=call.tensor("value_cache", value_cache),
        positions=call.tensor("positions", positions),
        num_heads=call.integer("num_heads", num_heads),
        num_kv_heads=call.integer(
            "num_kv_heads", num_heads if num_kv_heads is None else num_kv_heads
        ),
        scale=call.optional_real("scale", scale),
        window=call.optional_integer("window", window),
    )
    return output, updated_key, updated_value
