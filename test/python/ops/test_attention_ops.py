"""attention against NumPy: MHA, MQA and GQA, masks, windows, head dimensions of any size."""

from __future__ import annotations

from functools import partial

import numpy as np
from cases import Case, CompiledCases, Operand, label
from combinations import Combination, each_way

from gpt_mlir.graph import ops
from gpt_mlir.verify import reference

# (B, S, T)
LENGTHS = ((1, 1, 1), (2, 3, 3), (1, 1, 33), (3, 5, 17), (1, 31, 31), (2, 0, 3), (0, 2, 2))
# Several tiles of queries and keys, full and not.
LONG = ((1, 64, 64), (2, 100, 100), (1, 2, 257), (1, 33, 97))


def attention_case(
    dtype: str,
    heads: tuple[int, int, int, int],
    mask: tuple[str | int, ...] | None = None,
    mask_dtype: str = "f32",
    static: tuple[int, ...] = (),
    lengths: tuple[tuple[int, int, int], ...] = LENGTHS,
    **attributes: object,
) -> Case:
    """Makes a case for `heads`: heads, key/value heads, D, E."""
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
        [{"b": b, "s": s, "t": t, "h": num_heads} for b, s, t in lengths],
        error=partial(reference.attention_error, **full),
        static=static,
    )


CASES = [
    *(
        attention_case("f32", heads, causal=causal, static=(3,) if causal else ())
        for heads in ((1, 1, 16, 16), (4, 4, 3, 3), (6, 2, 5, 5), (5, 1, 17, 17), (4, 2, 8, 3))
        for causal in (False, True)
    ),
    # No keys at all.
    attention_case("f32", (2, 1, 6, 6), lengths=((1, 3, 0), (1, 3, 2)), static=(0,)),
    attention_case("bf16", (4, 2, 15, 15), causal=True),
    attention_case("f16", (3, 3, 8, 8), causal=True),
    attention_case("f32", (2, 1, 8, 8), causal=True, scale=0.3),
    attention_case("f32", (2, 2, 8, 8), causal=True, window=1),
    attention_case("f32", (4, 2, 7, 7), causal=True, window=3),
    attention_case("bf16", (2, 2, 8, 8), causal=True, window=100),
    attention_case("f32", (2, 1, 64, 64), lengths=LONG, static=(2,), causal=True),
    attention_case("f32", (2, 2, 80, 20), lengths=LONG, causal=True, window=37),
    attention_case("bf16", (2, 1, 18, 33), lengths=LONG, causal=False),
    # One query, whose keys are cut into parts.
    attention_case(
        "f32", (4, 1, 20, 48), lengths=((2, 1, 700), (1, 1, 256)), static=(0,), causal=True
    ),
    attention_case("f32", (2, 2, 5, 5), ("h", 1, "t"), lengths=((1, 1, 300),), static=(0,)),
    attention_case("f32", (2, 1, 20, 5), ("s", "t"), "bf16", lengths=LONG),
    attention_case("f32", (4, 2, 5, 5), ("s", "t")),
    attention_case("f32", (4, 2, 5, 5), ("b", 1, "s", "t"), causal=True),
    attention_case("f32", (4, 2, 5, 5), ("h", 1, "t"), causal=True, window=4),
    attention_case("f32", (3, 1, 5, 5), ("b", "h", "s", "t"), "bf16"),
    attention_case("bf16", (2, 1, 5, 5), (1, "t"), "f32", scale=1.0),
]
executable = CompiledCases(CASES)
test_op = executable.test()
test_every_way = executable.test_every_way()


@each_way
def test_causal_attention_sees_no_future(combination: Combination) -> None:
    """Changing a key or value changes no result before it."""
    run = executable.function("attention_f32_6_2_5_5_causal_True", combination)
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((1, 9, n)).astype(np.float32) for n in (30, 10, 10))
    before = run(q, k, v)
    for position in range(9):
        other_k, other_v = k.copy(), v.copy()
        other_k[:, position] = 1e6
        other_v[:, position] = 1e30
        after = run(q, other_k, other_v)
        np.testing.assert_array_equal(after[:, :position], before[:, :position])
        assert (after[:, position] != before[:, position]).any()


@each_way
def test_rows_that_see_no_key_are_nan(combination: Combination) -> None:
    """Queries in front of the first key; the others are as ever."""
    run = executable.function("attention_f32_2_1_64_64_causal_True", combination)
    rng = np.random.default_rng(0)
    q, k, v = (
        rng.standard_normal((1, s, n)).astype(np.float32)
        for s, n in ((40, 128), (35, 64), (35, 64))
    )
    got = run(q, k, v)
    assert np.isnan(got[:, :5]).all()
    np.testing.assert_array_equal(np.isfinite(got[:, 5:]), True)
