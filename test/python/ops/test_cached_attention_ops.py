"""cached_attention against NumPy: positions in and outside of the cache, caches of other types."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import pytest
from cases import Case, CompiledCases, Operand, integers, label
from combinations import DEFAULT, Combination, each_way
from tolerance import assert_close

from gpt_mlir import DType
from gpt_mlir.graph import ops
from gpt_mlir.verify import reference

# (B, S, C)
SIZES = ((1, 1, 1), (2, 1, 17), (3, 5, 33), (2, 3, 3), (1, 17, 31), (4, 1, 64))
# Several tiles of queries and keys, and several parts of the keys of one query.
LONG = ((1, 100, 130), (2, 33, 700), (2, 1, 700))


def cached_case(
    dtype: str,
    cache: str,
    heads: tuple[int, int, int, int],
    seq: int | str,
    *,
    sizes: tuple[tuple[int, int, int], ...] = SIZES,
    **attributes: object,
) -> Case:
    positions = integers(-3, max(c for _, _, c in sizes))
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
            Operand(("b",), "i64", positions),
        ],
        [{"b": b, "s": s, "c": c} for b, s, c in sizes],
        error=lambda *arrays: (
            reference.cached_attention_with_error(*arrays, **full)[1],
            0.0,
            0.0,
        ),
        static=(2,) if len(sizes) > 2 else (0,),
    )


CASES = [
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
        ("f32", "f32", (4, 2, 64, 18), "s", {"sizes": LONG}),
        ("f32", "bf16", (2, 1, 128, 128), 1, {"sizes": LONG[2:]}),
        ("f32", "f32", (8, 2, 20, 80), 1, {"sizes": LONG[2:], "window": 300}),
    )
]
executable = CompiledCases(CASES)
test_op = executable.test()
test_every_way = executable.test_every_way()


@each_way
def test_cached_attention_never_reads_behind_the_position(combination: Combination) -> None:
    run = executable.function("cached_f32_f32_1_1_16_16_s_", combination)
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


@each_way
def test_decoding_never_reads_behind_the_position(combination: Combination) -> None:
    run = executable.function("cached_f32_f32_8_2_20_80_1_window_300", combination)
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((2, 1, n)).astype(np.float32) for n in (160, 40, 160))
    positions = np.array([20, 600])
    caches = [rng.standard_normal((2, 2, 700, n)).astype(np.float32) for n in (20, 80)]
    for cache in caches:
        for b, position in enumerate(positions):
            cache[b, :, position:] = np.nan
            # Plain loops weigh what has left the window by zero; tiles do not read it.
            if combination.level >= 2:
                cache[b, :, : max(0, position - 299)] = np.nan
    output = run(q, k, v, *(cache.copy() for cache in caches), positions)["y0"]
    assert np.isfinite(output).all()


@pytest.mark.parametrize(
    ("name", "cache", "seq", "kv_heads", "sizes"),
    [
        ("cached_f32_bf16_2_1_128_128_1_", DType.BF16, 1, 1, (256, 128, 128)),
        ("cached_f32_f32_4_2_64_18_s_", DType.F32, 100, 2, (256, 128, 36)),
    ],
)
def test_results_are_the_same_bits_on_any_number_of_threads(
    name: str, cache: DType, seq: int, kv_heads: int, sizes: tuple[int, int, int]
) -> None:
    run = executable.function(name, DEFAULT)
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((2, seq, n)).astype(np.float32) for n in sizes]
    caches = [
        rng.standard_normal((2, kv_heads, 700, n // kv_heads)).astype(cache.numpy)
        for n in sizes[1:]
    ]
    positions = np.array([20, 599])
    results = [run.with_num_threads(n)(*arrays, *caches, positions)["y0"] for n in (1, 2, 5)]
    for other in results[1:]:
        assert other.tobytes() == results[0].tobytes()


@each_way
@pytest.mark.parametrize("window", [None, 4])
def test_cached_attention_continues_attention(window: int | None, combination: Combination) -> None:
    """Token by token over a cache gives what attention over the whole sequence gives."""
    suffix = "window_4" if window else ""
    heads = (4, 2, 6, 6) if window else (6, 1, 5, 3)
    run = executable.function(f"cached_f32_f32_{'_'.join(map(str, heads))}_s_{suffix}", combination)
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
