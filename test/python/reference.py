"""NumPy references of every gpt op, in float64, written from the op descriptions.

Each function takes arrays (of any dtype; they are widened to float64) and the attributes of the op
under their names, and returns what the op computes. Functions called `*_error` return a bound of
the error of a computation in f32, in units of f32's unit roundoff: see `tolerance.py`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tolerance import LIBM

Array = NDArray[Any]

_erf = np.vectorize(math.erf, otypes=[np.float64])


def widen(x: Array) -> Array:
    """Returns `x` as float64, without rounding."""
    return np.asarray(x).astype(np.float64)


# Activations and softmax.


def gelu(x: Array, *, approximate: str = "none") -> Array:
    x = widen(x)
    if approximate == "tanh":
        return x * 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return x * 0.5 * (1 + _erf(x / np.sqrt(2)))


def gelu_error(x: Array, **_: Any) -> Array:
    # 1 + erf and 1 + tanh cancel for negative x: their error is absolute, and multiplied by x. The
    # argument of tanh, about x + x^3 / 20, is itself rounded a few times.
    x = np.abs(widen(x))
    return x * (2 * LIBM + 4)


def silu(x: Array) -> Array:
    with np.errstate(over="ignore"):
        return widen(x) / (1 + np.exp(-widen(x)))


def silu_error(x: Array) -> Array:
    # Rounding of the argument of exp changes it by |x| units.
    return np.abs(silu(x)) * (np.abs(widen(x)) + LIBM + 4)


def softmax(x: Array) -> Array:
    x = widen(x)
    with np.errstate(invalid="ignore"):
        e = np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
        return e / e.sum(-1, keepdims=True)


def softmax_error(x: Array) -> Array:
    # x - m is rounded, which changes exp by |x - m| units; the sum of N positive terms by N units.
    x = widen(x)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = softmax(x)
        spread = np.where(p > 0, -np.log(np.where(p > 0, p, 1)), 0)
    return p * (spread + spread.max(initial=0) + x.shape[-1] + 2 * LIBM + 4)


def masked_softmax(x: Array, mask: Array) -> Array:
    return softmax(widen(x) + widen(mask))


def masked_softmax_error(x: Array, mask: Array) -> Array:
    # The sum of score and mask is rounded, too.
    x, mask = np.broadcast_arrays(widen(x), widen(mask))
    largest = np.abs(np.where(np.isfinite(mask), x + mask, 0)).max(initial=0)
    return softmax_error(x + mask) + 2 * largest * softmax(x + mask)


def causal_mask(
    queries: int, keys: int, positions: Array | None = None, *, window: int | None = None
) -> Array:
    if positions is None:
        position = np.arange(queries)[:, None] + keys - queries
    else:
        position = (np.asarray(positions)[:, None] + np.arange(queries))[:, None, :, None]
    key = np.arange(keys)
    visible = key <= position
    if window is not None:
        visible = visible & (key > position - window)
    return np.where(visible, 0.0, -np.inf)


# Norms.


def layer_norm(x: Array, weight: Array, bias: Array | None = None, *, epsilon: float) -> Array:
    x = widen(x)
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    result = (x - mean) / np.sqrt(variance + epsilon) * widen(weight)
    return result if bias is None else result + widen(bias)


def layer_norm_error(
    x: Array, weight: Array, bias: Array | None = None, *, epsilon: float
) -> Array:
    # The mean of D terms is off by D units of the largest; so is each x - mean. The variance is a
    # sum of D squares of such differences.
    x = widen(x)
    deviation = np.sqrt(x.var(-1, keepdims=True) + epsilon)
    largest = np.abs(x).max(-1, keepdims=True, initial=0)
    error = 2 * (x.shape[-1] + 8) * largest / deviation * np.abs(widen(weight))
    return error if bias is None else error + 2 * np.abs(widen(bias))


def rms_norm(x: Array, weight: Array, *, epsilon: float, unit_offset: bool = False) -> Array:
    x = widen(x)
    scale = widen(weight) + (1 if unit_offset else 0)
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + epsilon) * scale


def rms_norm_error(x: Array, weight: Array, *, epsilon: float, unit_offset: bool = False) -> Array:
    # A sum of D squares; 1 + weight is rounded relative to the larger of both.
    result = rms_norm(x, weight, epsilon=epsilon, unit_offset=unit_offset)
    rounding = rms_norm(x, np.abs(weight) + 1, epsilon=epsilon) if unit_offset else 0
    return (np.shape(x)[-1] + 8) * np.abs(result) + 2 * np.abs(rounding)


# Projections.


def linear(
    x: Array, weight: Array, bias: Array | None = None, *, weight_layout: str = "out_in"
) -> Array:
    w = widen(weight).T if weight_layout == "out_in" else widen(weight)
    result = widen(x) @ w
    return result if bias is None else result + widen(bias)


def linear_error(
    x: Array, weight: Array, bias: Array | None = None, *, weight_layout: str = "out_in"
) -> Array:
    # A sum of K products, in any order, is off by at most K units of the sum of their magnitudes.
    terms = np.shape(x)[-1] + 2
    return terms * linear(
        np.abs(x),
        np.abs(weight),
        None if bias is None else np.abs(bias),
        weight_layout=weight_layout,
    )


def matmul(lhs: Array, rhs: Array) -> Array:
    return widen(lhs) @ widen(rhs)


def matmul_error(lhs: Array, rhs: Array) -> Array:
    return (np.shape(lhs)[-1] + 1) * matmul(np.abs(lhs), np.abs(rhs))


# Attention.


def rope_frequencies(
    dims: int,
    *,
    theta: float = 10000.0,
    scaling: str = "none",
    scaling_factor: float = 1.0,
    low_freq_factor: float = 1.0,
    high_freq_factor: float = 4.0,
    original_context_length: int = 8192,
) -> Array:
    """Returns the angle per position of each of the `dims / 2` pairs."""
    f = theta ** (-2.0 * np.arange(dims // 2) / dims)
    if scaling == "linear":
        return f / scaling_factor
    if scaling == "llama3":
        wavelength = 2 * np.pi / f
        t = (original_context_length / wavelength - low_freq_factor) / (
            high_freq_factor - low_freq_factor
        )
        between = (1 - t) * f / scaling_factor + t * f
        low = np.where(
            wavelength > original_context_length / low_freq_factor, f / scaling_factor, between
        )
        return np.where(wavelength < original_context_length / high_freq_factor, f, low)
    return f


def rope(
    x: Array,
    positions: Array | None = None,
    *,
    num_heads: int,
    rotary_dims: int | None = None,
    style: str = "half_split",
    **frequencies: Any,
) -> Array:
    x = widen(x)
    batch, seq, features = x.shape
    heads = x.reshape(batch, seq, num_heads, features // num_heads).copy()
    dims = rotary_dims or heads.shape[-1]
    start = np.zeros(batch) if positions is None else np.asarray(positions)
    angle = (start[:, None] + np.arange(seq))[:, :, None] * rope_frequencies(dims, **frequencies)
    cos, sin = np.cos(angle)[:, :, None], np.sin(angle)[:, :, None]
    if style == "half_split":
        first, second = slice(0, dims // 2), slice(dims // 2, dims)
    else:
        first, second = slice(0, dims, 2), slice(1, dims, 2)
    a, b = heads[..., first].copy(), heads[..., second].copy()
    heads[..., first] = a * cos - b * sin
    heads[..., second] = b * cos + a * sin
    return heads.reshape(x.shape)


def rope_error(x: Array, positions: Array | None = None, **attributes: Any) -> Array:
    # The angle, at most the position, is rounded: the position times the roundings of the
    # frequency and of the product. The magnitude of a pair does not grow.
    x = np.abs(widen(x))
    last = (0 if positions is None else np.max(positions, initial=0)) + x.shape[1]
    largest = 2 * x.max(-1, keepdims=True, initial=0)
    return np.broadcast_to((3 * last + 2 * LIBM + 4) * largest, x.shape)


def _heads(x: Array, count: int) -> Array:
    batch, seq, features = x.shape
    return widen(x).reshape(batch, seq, count, features // count).transpose(0, 2, 1, 3)


def _attend(
    query: Array, key: Array, value: Array, mask: Array, scale: float | None
) -> tuple[Array, Array]:
    """Attends with heads in dimension 1 of all; returns the result and its error."""
    groups = query.shape[1] // key.shape[1]
    key, value = np.repeat(key, groups, 1), np.repeat(value, groups, 1)
    scale = 1 / np.sqrt(query.shape[-1]) if scale is None else scale
    scores = scale * (query @ key.swapaxes(-1, -2))
    p = softmax(scores + mask)
    result = p @ value
    # An error of a score is a relative error of its probability.
    score_error = (
        abs(scale) * (query.shape[-1] + 4) * (np.abs(query) @ np.abs(key).swapaxes(-1, -2))
    )
    finite_mask = np.where(np.isfinite(mask), np.abs(mask), 0)
    worst = (score_error + finite_mask).max(initial=0) + np.abs(scores).max(initial=0)
    error = (2 * worst + 2 * key.shape[2] + 2 * LIBM + 8) * (p @ np.abs(value))
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
) -> tuple[Array, Array]:
    num_kv_heads = num_kv_heads or num_heads
    total = np.zeros(()) if mask is None else widen(mask)
    if causal:
        total = total + causal_mask(query.shape[1], key.shape[1], window=window)
    q, k, v = _heads(query, num_heads), _heads(key, num_kv_heads), _heads(value, num_kv_heads)
    return _attend(q, k, v, total, scale)


def attention(*operands: Array | None, **attributes: Any) -> Array:
    return attention_with_error(*operands, **attributes)[0]  # type: ignore[arg-type]


def attention_error(*operands: Array | None, **attributes: Any) -> Array:
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
) -> tuple[tuple[Array, Array, Array], Array]:
    """Returns the three results of the op and the error of the first."""
    num_kv_heads = num_kv_heads or num_heads
    keys = update_cache(key_cache, key, positions).astype(key_cache.dtype)
    values = update_cache(value_cache, value, positions).astype(value_cache.dtype)
    seq, capacity = query.shape[1], key_cache.shape[2]
    start = np.clip(positions, 0, capacity - seq)
    mask = causal_mask(seq, capacity, start, window=window)
    used = np.isfinite(mask).any(-2)[:, :, :, None]
    result, error = _attend(
        _heads(query, num_heads),
        np.where(used, widen(keys), 0),
        np.where(used, widen(values), 0),
        mask,
        scale,
    )
    return (result, keys, values), error


# Embeddings, shapes, sampling.


def embedding(table: Array, ids: Array) -> Array:
    return np.asarray(table)[np.clip(ids, 0, len(table) - 1)]


def position_ids(like: Array, positions: Array | None = None) -> Array:
    batch, seq = np.shape(like)[:2]
    start = np.zeros(batch, np.int64) if positions is None else np.asarray(positions)
    return start[:, None] + np.arange(seq)


def split(x: Array, num_parts: int, *, num_groups: int = 1) -> tuple[Array, ...]:
    size = x.shape[-1] // (num_parts * num_groups)
    parts = x.reshape(*x.shape[:-1], num_groups, num_parts, size)
    shape = (*x.shape[:-1], num_groups * size)
    return tuple(parts[..., p, :].reshape(shape) for p in range(num_parts))


def argmax(x: Array) -> Array:
    x = widen(x)
    return np.argmax(np.where(np.isnan(x), -np.inf, x), -1)


def sample(logits: Array, uniform: Array) -> Array:
    p = softmax(logits)
    above = np.cumsum(p, -1) > widen(uniform)[..., None]
    last = logits.shape[-1] - 1 - np.argmax(p[..., ::-1] > 0, -1)
    return np.where(above.any(-1), np.argmax(above, -1), last)
