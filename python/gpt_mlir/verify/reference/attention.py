"""Attention, over a whole sequence and over a KV cache."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpt_mlir.dtypes import DType
from gpt_mlir.verify.reference.activation import causal_mask, softmax
from gpt_mlir.verify.reference.arrays import Array, widen
from gpt_mlir.verify.tolerance import F32_ROUNDOFF, LIBM, ROUNDOFF

__all__ = [
    "attention",
    "attention_error",
    "attention_with_error",
    "cached_attention_with_error",
    "update_cache",
]


# Where queries, keys and values are bf16, so may be the weights that values are multiplied with:
# one rounding, of a number that is 2^-13 off, which may move it to the other side of a tie.
_NARROW_WEIGHT = ROUNDOFF[DType.BF16] + 2.0**-13
# Weights below this may be zero then.
_SMALLEST_WEIGHT = 2.0**-125


def _heads(x: Array, count: int) -> Array:
    batch, seq, features = x.shape
    return widen(x).reshape(batch, seq, count, features // count).transpose(0, 2, 1, 3)


def _are_narrow(*arrays: Array) -> bool:
    return all(array.dtype == DType.BF16.numpy for array in arrays)


def _attend(
    query: Array, key: Array, value: Array, mask: Array, scale: float | None, narrow: bool
) -> tuple[Array, Array]:
    """Attends with heads in dimension 1 of all; returns the result and its error.

    With `narrow`, the weights may be rounded to bf16. As the sum that they are divided by is that
    of the rounded ones, relative errors d_j of the weights p_j change the result r by the sum of
    p_j d_j (v_j - r), which is at most d (sum of p_j |v_j| + |r|).
    """
    groups = query.shape[1] // key.shape[1]
    key, value = np.repeat(key, groups, 1), np.repeat(value, groups, 1)
    scale = 1 / np.sqrt(query.shape[-1]) if scale is None else scale
    scores = scale * (query @ key.swapaxes(-1, -2))
    p = softmax(scores + mask)
    result = p @ value
    if key.shape[2] == 0:
        result = np.full_like(result, np.nan)  # 0 / 0
    # An error of a score is a relative error of its probability.
    score_error = (
        abs(scale) * (query.shape[-1] + 4) * (np.abs(query) @ np.abs(key).swapaxes(-1, -2))
    )
    finite_mask = np.where(np.isfinite(mask), np.abs(mask), 0)
    worst = (score_error + finite_mask).max(-1, initial=0, keepdims=True)
    worst = worst + np.abs(scores).max(-1, initial=0, keepdims=True)
    error = (2 * worst + 2 * key.shape[2] + 2 * LIBM + 8) * (p @ np.abs(value))
    if narrow:
        visible = np.broadcast_to(np.isfinite(scores + mask), p.shape).astype(np.float64)
        error = error + _NARROW_WEIGHT / F32_ROUNDOFF * (p @ np.abs(value) + np.abs(result))
        error = error + _SMALLEST_WEIGHT / F32_ROUNDOFF * (visible @ np.abs(value))
    batch, heads, seq, features = result.shape
    shape = (batch, seq, heads * features)
    return result.transpose(0, 2, 1, 3).reshape(shape), error.transpose(0, 2, 1, 3).reshape(shape)


def attention_with_error(
    query: Array,
    key: Array,
    value: Array,
    mask: Array | None = None,
    *,
    num_heads: int,
    num_kv_heads: int | None = None,
    causal: bool = False,
    scale: float | None = None,
    window: int | None = None,
    narrow: bool | None = None,
) -> tuple[Array, Array]:
    """`gpt.attention` and the bound of its error.

    `narrow` says whether queries, keys and values are bf16, if their arrays do not.
    """
    if narrow is None:
        narrow = _are_narrow(query, key, value)
    num_kv_heads = num_kv_heads or num_heads
    total = np.zeros(()) if mask is None else widen(mask)
    if causal:
        total = total + causal_mask(query.shape[1], key.shape[1], window=window)
    q, k, v = _heads(query, num_heads), _heads(key, num_kv_heads), _heads(value, num_kv_heads)
    return _attend(q, k, v, total, scale, narrow)


def attention(*operands: Array | None, **attributes: Any) -> Array:
    """`gpt.attention`, exactly."""
    return attention_with_error(*operands, **attributes)[0]  # type: ignore[arg-type]


def attention_error(*operands: Array | None, **attributes: Any) -> Array:
    """Bound of the error of `gpt.attention` in units of f32's roundoff."""
    return attention_with_error(*operands, **attributes)[1]  # type: ignore[arg-type]


def update_cache(cache: Array, new: Array, positions: Array) -> Array:
    """Returns a cache with the heads of `new`, `[B, S, num_kv_heads * D]`, put in."""
    updated = widen(cache).copy()
    seq, capacity = new.shape[1], cache.shape[2]
    for b, position in enumerate(np.clip(positions, 0, capacity - seq)):
        updated[b, :, position : position + seq] = _heads(new, cache.shape[1])[b]
    return updated


def cached_attention_with_error(
    query: Array,
    key: Array,
    value: Array,
    key_cache: Array,
    value_cache: Array,
    positions: Array,
    *,
    num_heads: int,
    num_kv_heads: int | None = None,
    scale: float | None = None,
    window: int | None = None,
    narrow: bool | None = None,
) -> tuple[tuple[Array, Array, Array], Array]:
    """Returns the three results of the op and the error of the first.

    `narrow` says whether queries and caches are bf16, if their arrays do not.
    """
    if narrow is None:
        narrow = _are_narrow(query, key_cache, value_cache)
    num_kv_heads = num_kv_heads or num_heads
    keys = update_cache(key_cache, key, positions).astype(key_cache.dtype)
    values = update_cache(value_cache, value, positions).astype(value_cache.dtype)
    seq, capacity = query.shape[1], key_cache.shape[2]
    start = np.clip(positions, 0, capacity - seq)
    mask = causal_mask(seq, capacity, start, window=window)
    used = np.asarray(np.isfinite(mask).any(-2))[..., None]
    result, error = _attend(
        _heads(query, num_heads),
        np.where(used, widen(keys), 0),
        np.where(used, widen(values), 0),
        mask,
        scale,
        narrow,
    )
    return (result, keys, values), error
