"""Attention of bf16 in pairs: the form that processors with `vdpbf16ps` run, on any processor.

The schedule is that of these processors. Only behind the step that makes the instruction of a
product of pairs, a pass of the tests takes each one apart into arithmetic in f32.
"""

from __future__ import annotations

import functools
import itertools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import CompiledCases
from combinations import DEFAULT
from test_attention_ops import LENGTHS, LONG, attention_case
from test_cached_attention_ops import LONG as LONG_CACHES
from test_cached_attention_ops import cached_case
from tolerance import assert_close

import gpt_mlir
from gpt_mlir import DType
from gpt_mlir.compiler import load_pass_plugin, schedule_text
from gpt_mlir.verify import reference

BF16 = DType.BF16.numpy
# Which the build leaves beside the staged package.
PLUGINS = Path(gpt_mlir.__file__).parents[2] / "test" / "plugins"

# The step that makes instructions, and what makes arithmetic of them again.
_STEP = """  transform.apply_registered_pass "gpt-lower-pair-products" to %functions
    : (!transform.any_op) -> !transform.any_op
"""
_EMULATED = """  %lowered = transform.apply_registered_pass "gpt-lower-pair-products" to %functions
    : (!transform.any_op) -> !transform.any_op
  transform.apply_registered_pass "gpt-emulate-pair-products" to %lowered
    : (!transform.any_op) -> !transform.any_op
"""

_FOLDER = tempfile.TemporaryDirectory(prefix="gpt-mlir-schedule-")


@functools.cache
def options() -> dict[str, Any]:
    """Returns the schedule, and that LLVM, which has no part in this, shall take little time."""
    text = schedule_text("x86-avx512-bf16")
    assert text.count(_STEP) == 1
    path = Path(_FOLDER.name) / "pairs.mlir"
    path.write_text(text.replace(_STEP, _EMULATED), encoding="utf-8")
    load_pass_plugin(PLUGINS / "GPTEmulatedInstructions.so")
    return {"schedule": str(path), "llvm_opt_level": 0}


CASES = [
    # Odd numbers of features and of keys, more lanes than queries, several tiles.
    attention_case("bf16", (1, 1, 1, 1), causal=True, static=(3,)),
    attention_case("bf16", (4, 2, 15, 17), causal=True),
    attention_case("bf16", (2, 1, 64, 64), lengths=(*LENGTHS, *LONG), static=(8,), causal=True),
    attention_case("bf16", (2, 2, 80, 20), lengths=LONG, causal=True, window=37),
    attention_case("bf16", (2, 1, 18, 33), lengths=LONG, causal=False, scale=-0.3),
    attention_case("bf16", (2, 1, 20, 5), ("s", "t"), "bf16", lengths=LONG),
    attention_case("bf16", (4, 2, 5, 5), ("h", 1, "t"), "f32", causal=True, window=4),
    cached_case("bf16", "bf16", (4, 2, 64, 18), "s", sizes=LONG_CACHES),
    cached_case("bf16", "bf16", (4, 2, 7, 9), "s", window=4),
]
executable = CompiledCases(CASES, options)
test_op = executable.test(in_turn=False)


@pytest.mark.parametrize("position", [2, 63, 64, 597])
def test_nothing_behind_the_last_key_is_read(position: int) -> None:
    """Neither as a key nor as the other half of a pair of keys."""
    run = executable.function("cached_bf16_bf16_4_2_64_18_s_", DEFAULT)
    rng = np.random.default_rng(position)
    q, k, v = (rng.standard_normal((1, 3, n)).astype(BF16) for n in (256, 128, 36))
    caches = [rng.standard_normal((1, 2, 700, n)).astype(BF16) for n in (64, 18)]
    for cache in caches:
        cache[:, :, position:] = np.nan
    positions = np.array([position])
    output = run(q, k, v, *(cache.copy() for cache in caches), positions)["y0"]
    (want, _, _), error = reference.cached_attention_with_error(
        q, k, v, *caches, positions, num_heads=4, num_kv_heads=2
    )
    assert_close(output, want, error)


def test_no_future_is_seen() -> None:
    """Changing a key or value changes no result before it: a hidden weight is exactly 0."""
    run = executable.function("attention_bf16_2_1_64_64_causal_True", DEFAULT)
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((1, 9, n)).astype(BF16) for n in (128, 64, 64))
    before = run(q, k, v)
    for position in range(9):
        other_k, other_v = k.copy(), v.copy()
        other_k[:, position] = 1e6
        other_v[:, position] = 1e30
        after = run(q, other_k, other_v)
        np.testing.assert_array_equal(after[:, :position], before[:, :position])
        assert (after[:, position] != before[:, position]).any()


def test_rows_that_see_no_key_are_nan() -> None:
    run = executable.function("attention_bf16_2_1_64_64_causal_True", DEFAULT)
    rng = np.random.default_rng(0)
    q, k, v = (
        rng.standard_normal((1, s, n)).astype(BF16) for s, n in ((40, 128), (35, 64), (35, 64))
    )
    got = run(q, k, v)
    assert np.isnan(got[:, :5].astype(np.float32)).all()
    assert np.isfinite(got[:, 5:].astype(np.float32)).all()


@pytest.mark.parametrize("pieces", [[100], [99, 1], [37, 63], [1] * 100], ids=str)
def test_pieces_of_a_prompt_give_the_same_bits(pieces: list[int]) -> None:
    """Pairs and tiles of keys are counted from the first key on, wherever the queries are."""
    run = executable.function("cached_bf16_bf16_4_2_64_18_s_", DEFAULT)
    rng = np.random.default_rng(1)
    q, k, v = (rng.standard_normal((1, 100, n)).astype(BF16) for n in (256, 128, 36))
    caches = [np.full((1, 2, 130, n), np.nan, BF16) for n in (64, 18)]
    whole = run(q, k, v, *(cache.copy() for cache in caches), np.zeros(1, np.int64))["y0"]
    parts = []
    for begin, end in itertools.pairwise((0, *itertools.accumulate(pieces))):
        result = run(q[:, begin:end], k[:, begin:end], v[:, begin:end], *caches, np.array([begin]))
        parts.append(result["y0"])
        caches = [result["y1"], result["y2"]]
    assert np.concatenate(parts, 1).tobytes() == whole.tobytes()


def test_threads_give_the_same_bits() -> None:
    run = executable.function("attention_bf16_2_1_64_64_causal_True", DEFAULT)
    rng = np.random.default_rng(2)
    arrays = [rng.standard_normal((2, 100, n)).astype(BF16) for n in (128, 64, 64)]
    results = [run.with_num_threads(n)(*arrays) for n in (1, 2, 5)]
    for other in results[1:]:
        assert other.tobytes() == results[0].tobytes()
