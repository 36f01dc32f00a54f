"""rope, attention and cached_attention against NumPy."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import reference
from cases import Array, Case, Operand, Sizes, compile_cases, parametrize
from tolerance import assert_close

from gpt_mlir.graph import ops


def integers(low: int, high: int) -> Callable[[np.random.Generator, tuple[int, ...]], Array]:
    return lambda rng, shape: rng.integers(low, high, shape)


def label(attributes: dict[str, object]) -> str:
    text = "_".join(f"{key}_{value}" for key, value in attributes.items())
    return "".join(c if c.isalnum() else "_" for c in text)


# RoPE.

LLAMA3 = {
    "theta": 500000.0,
    "scaling": "llama3",
    "scaling_factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_context_length": 512,  # so that all three ranges of wavelengths occur
}
ROPE = [
    Case(
        f"rope_{dtype}_{'at' if positioned else 'zero'}_{head_dim}_{label(attributes)}"[:100],
        partial(ops.rope, **attributes),
        partial(reference.rope, **attributes),
        [
            Operand(("b", "s", attributes["num_heads"] * head_dim), dtype),
            *([Operand(("b",), "i64", integers(0, 3000))] if positioned else []),
        ],
        [{"b": 1, "s": 1}, {"b": 2, "s": 17}, {"b": 3, "s": 33}],
        error=partial(reference.rope_error, **attributes),
    )
    for dtype, positioned, head_dim, attributes in (
        *(
            ("f32", positioned, 16, {"num_heads": 3, "style": style})
            for style in ("half_split", "interleaved")
            for positioned in (False, True)
        ),
        ("bf16", True, 6, {"num_heads": 2, "style": "half_split"}),
        ("f16", True, 10, {"num_heads": 1, "style": "interleaved"}),
        ("f32", True, 15, {"num_heads": 2, "rotary_dims": 4}),
        ("f32", True, 17, {"num_heads": 2, "rotary_dims": 6, "style": "interleaved"}),
        ("f32", False, 2, {"num_heads": 1, "theta": 100.0}),
        ("f32", True, 16, {"num_heads": 2, "scaling": "linear", "scaling_factor": 4.0}),
        ("f32", True, 64, {"num_heads": 2, **LLAMA3}),
        ("bf16", False, 32, {"num_heads": 2, "style": "interleaved", **LLAMA3}),
    )
]

# Attention: (heads, key/value heads, D, E), (B, S, T) and attributes.

LENGTHS = ((1, 1, 1), (2, 3, 3), (1, 1, 33), (3, 5, 17), (1, 31, 31))


def attention_case(
    dtype: str,
    heads: tuple[int, int, int, int],
    mask: tuple[str | int, ...] | None = None,
    mask_dtype: str = "f32",
    **attributes: object,
) -> Case:
    num_heads, num_kv_heads, d, e = heads
    full = {"num_heads": num_heads, "num_kv_heads": num_kv_heads, **attributes}
    operands = [
        Operand(("b", "s", num_heads * d), dtype),
        Operand(("b", "t", num_kv_heads * d), dtype),
        Operand(("b", "t", num_kv_heads * e), dtype),
    ]
    if mask is not None:
        operands.append(Operand(mask, mask_dtype))
    return Case(
        f"attention_{dtype}_{'_'.join(map(str, heads))}_{label(attributes)}"
        f"{'_mask_' + mask_dtype + ''.join(map(str, mask)) if mask else ''}",
        partial(ops.attention, **full),
        partial(reference.attention, **full),
        operands,
        [{"b": b, "s": s, "t": t, "h": num_heads} for b, s, t in LENGTHS],
        error=partial(reference.attention_error, **full),
        static=(3,),
    )


ATTENTION = [
    *(
        attention_case("f32", heads, causal=causal)
        for heads in ((1, 1, 16, 16), (4, 4, 3, 3), (6, 2, 5, 5), (5, 1, 17, 17), (4, 2, 8, 3))
        for causal in (False, True)
    ),
    attention_case("bf16", (4, 2, 15, 15), causal=True),
    attention_case("f16", (3, 3, 8, 8), causal=True),
    attention_case("f32", (2, 1, 8, 8), causal=True, scale=0.3),
    attention_case("f32", (2, 2, 8, 8), causal=True, window=1),
    attention_case("f32", (4, 2, 7, 7), causal=True, window=3),
    attention_case("bf16", (2, 2, 8, 8), causal=True, window=100),
    attention_case("f32", (4, 2, 5, 5), ("s", "t")),
    attention_case("f32", (4, 2, 5, 5), ("b", 1, "s", "t"), causal=True),
    attention_case("f32", (4, 2, 5, 5), ("h", 1, "t"), causal=True, window=4),
    attention_case("f32", (3, 1, 5, 5), ("b", "h", "s", "t"), "bf16"),
    attention_case("bf16", (2, 1, 5, 5), (1, "t"), "f32", scale=1.0),
]

# Cached attention: the caches in f32 and in smaller types, full and partly filled.


def cached_case(
    dtype: str, cache: str, heads: tuple[int, int, int, int], seq: int | str, **attributes: object
) -> Case:
    num_heads, num_kv_heads, d, e = heads
    full = {"num_heads": num_heads, "num_kv_heads": num_kv_heads, **attributes}
    return Case(
        f"cached_{dtype}_{cache}_{'_'.join(map(str, heads))}_{seq}_{label(attributes)}",
        partial(ops.cached_attention, **full),
        lambda *arrays: reference.cached_attention_with_error(*arrays, **full)[0],
        [
            Operand(("b", seq, num_heads * d), dtype),
            Operand(("b", seq, num_kv_heads * d), dtype),
            Operand(("b", seq, num_kv_heads * e), dtype),
            Operand(("b", num_kv_heads, "c", d), cache),
            Operand(("b", num_kv_heads, "c", e), cache),
            # Some outside of the cache: these are clamped.
            Operand(("b",), "i64", integers(-3, 40)),
        ],
        [
            {"b": b, "s": s, "c": c}
            for b, s, c in ((1, 1, 1), (2, 1, 17), (3, 5, 33), (2, 3, 3), (1, 17, 31), (4, 1, 64))
        ],
        error=lambda *arrays: reference.cached_attention_with_error(*arrays, **full)[1],
        static=(2,),
    )


CACHED = [
    cached_case(dtype, cache, heads, seq, **attributes)
    for dtype, cache, heads, seq, attributes in (
        ("f32", "f32", (1, 1, 16, 16), "s", {}),
        ("f32", "f32", (4, 2, 7, 7), 1, {}),
        ("f32", "f32", (6, 1, 5, 3), "s", {}),
        ("f32", "bf16", (4, 2, 8, 8), "s", {}),
        ("bf16", "bf16", (2, 2, 15, 15), "s", {}),
        ("f16", "f32", (4, 1, 8, 8), 1, {}),
        ("f32", "f32", (4, 2, 6, 6), "s", {"window": 4}),
        ("f32", "f16", (2, 1, 6, 6), 1, {"window": 1, "scale": 0.7}),
    )
]

CASES = [*ROPE, *ATTENTION]
executable = compile_cases(CASES)
cached_executable = compile_cases(CACHED)


@parametrize(CASES)
def test_op(case: Case, function: str, sizes: Sizes) -> None:
    case.check(executable(), function, sizes)


@parametrize(CACHED)
def test_cached_attention(case: Case, function: str, sizes: Sizes) -> None:
    attributes_error = case.error
    assert callable(attributes_error)
    case.check(cached_executable(), function, sizes)


def test_causal_attention_sees_no_future() -> None:
    """Changing a key or value changes no result before it."""
    run = executable().function("attention_f32_6_2_5_5_causal_True")
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((1, 9, n)).astype(np.float32) for n in (30, 10, 10))
    before = run(q, k, v)
    for position in range(9):
        other_k, other_v = k.copy(), v.copy()
        other_k[:, position] = 1e6
        other_v[:, position] = np.nan
        after = run(q, other_k, other_v)
        np.testing.assert_array_equal(after[:, :position], before[:, :position])
        assert np.isnan(after[:, position]).all()


@pytest.mark.parametrize("name", ["cached_f32_f32_1_1_16_16_s_"])
def test_cached_attention_never_reads_behind_the_position(name: str) -> None:
    run = cached_executable().function(name)
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((2, 3, 16)).astype(np.float32) for _ in range(3))
    positions = np.array([2, 5])
    caches = rng.standard_normal((2, 2, 1, 11, 16)).astype(np.float32)
    for b, position in enumerate(positions):
        caches[:, b, :, position + 3 :] = np.nan
    output = run(q, k, v, *caches.copy(), positions)["y0"]
    assert np.isfinite(output).all()
    (want, _, _), error = reference.cached_attention_with_error(
        q, k, v, *caches, positions, num_heads=1
    )
    assert_close(output, want, error)


@pytest.mark.parametrize("window", [None, 4])
def test_cached_attention_continues_attention(window: int | None) -> None:
    """Token by token over a cache gives what attention over the whole sequence gives."""
    suffix = "window_4" if window else ""
    heads = (4, 2, 6, 6) if window else (6, 1, 5, 3)
    run = cached_executable().function(f"cached_f32_f32_{'_'.join(map(str, heads))}_s_{suffix}")
    num_heads, num_kv_heads, d, e = heads
    rng = np.random.default_rng(1)
    q, k, v = (
        rng.standard_normal((2, 13, n)).astype(np.float32)
        for n in (num_heads * d, num_kv_heads * d, num_kv_heads * e)
    )
    caches = [np.full((2, num_kv_heads, 13, n), np.nan, np.float32) for n in (d, e)]
    parts = []
    for start, stop in itertools.pairwise((0, 4, 5, 6, 9, 13)):
        positions = np.full(2, start)
        result = run(q[:, start:stop], k[:, start:stop], v[:, start:stop], *caches, positions)
        parts.append(result["y0"])
        caches = [result["y1"], result["y2"]]
    want, error = reference.attention_with_error(
        q, k, v, num_heads=num_heads, num_kv_heads=num_kv_heads, causal=True, window=window
    )
    assert_close(np.concatenate(parts, 1), want, error)
