"""embedding, position_ids, argmax and sample against NumPy."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import pytest
from cases import ODD, Array, Case, CompiledCases, Operand
from combinations import Combination, each_way, ways

from gpt_mlir import Executable, Graph
from gpt_mlir.graph import ops
from gpt_mlir.verify import reference

FLOATS = ("f32", "bf16", "f16")
VOCABULARY = 37


def ids(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Ids inside and, one in eight, outside of the table."""
    inside = rng.integers(0, VOCABULARY, shape)
    return np.where(
        rng.random(shape) < 1 / 8, rng.choice([-1, -(2**31), 2**31 - 1, VOCABULARY], shape), inside
    )


def offsets(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.integers(0, 1000, shape)


def ties(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Few different values: the maximum comes up more than once."""
    return rng.integers(-3, 3, shape)


EMBEDDING = [
    Case(
        f"embedding_{dtype}_{kind}_{''.join(dims)}",
        ops.embedding,
        reference.embedding,
        [Operand((VOCABULARY, "d"), dtype), Operand(tuple(dims), kind, ids)],
        [{"a": 2, "b": n, "c": 3, "d": n} for n in (0, *ODD)],
    )
    for dtype, kind, dims in (
        ("f32", "i64", "ab"),
        ("bf16", "i32", "ab"),
        ("f16", "i64", "b"),
        ("f32", "i32", "abc"),
        ("f32", "i64", ""),
    )
]

POSITIONS = [
    Case(
        f"position_ids_{like}_{len(operands)}",
        ops.position_ids,
        reference.position_ids,
        [Operand(dims, like, ids), *operands],
        [{"b": b, "s": s, "d": 3} for b, s in ((1, 1), (2, 17), (3, 5))],
    )
    for like, dims in (("i64", ("b", "s")), ("f32", ("b", "s", "d")))
    for operands in ([], [Operand(("b",), "i64", offsets)])
]

ARGMAX = [
    Case(
        f"argmax_{dtype}_{''.join(dims)}_{make.__name__ if make else 'normal'}",
        ops.argmax,
        reference.argmax,
        [Operand(tuple(dims), dtype, make)],
        [{"a": 2, "b": 3, "n": n} for n in (*ODD, 257)],
    )
    for (dtype, dims), make in itertools.product(
        (("f32", "abn"), ("bf16", "an"), ("f16", "n")), (None, ties)
    )
]

CASES = [*EMBEDDING, *POSITIONS, *ARGMAX]
executable = CompiledCases(CASES)
test_op = executable.test()
test_every_way = executable.test_every_way()


@each_way
def test_argmax_of_what_is_not_a_number(combination: Combination) -> None:
    run = executable.function("argmax_f16_n_normal", combination)
    nan, inf = np.nan, np.inf
    for row, want in (
        ([nan, 1, 2], 2),
        ([1, nan, 0], 0),
        ([nan, -inf, nan], 1),
        ([-inf, -inf], 0),
        ([-inf, inf, inf], 1),
        ([-0.0, 0.0], 0),
    ):
        assert run(np.float16(row)) == want
    assert 0 <= run(np.float16([nan, nan])) < 2


@pytest.fixture(scope="module", params=ways("sampler"))
def sampler(request: pytest.FixtureRequest) -> Executable:
    graph = Graph("rank_3")
    shape: tuple[int | str, ...]
    for function, dtype, shape in (
        ("rank_3", "f32", ("a", "b", "n")),
        ("rank_1", "f32", ("n",)),
        ("bf16", "bf16", ("a", "n")),
        ("static", "f32", (4, 17)),
        ("static_blocks", "f32", (4, 1300)),
    ):
        if function != "rank_3":
            graph = graph.function(function)
        logits = graph.input("logits", shape, dtype)
        graph.output("id", ops.sample(logits, graph.input("uniform", shape[:-1])))
    return graph.compile(**request.param.options)


# By how much the running sum of probabilities in f32 may be off, in lanes and blocks: indices whose
# part of [0, 1) ends so near to `uniform` may come out instead of the next one.
SUM_ERROR = 64 * 2.0**-23


def assert_drawn(index: Array, logits: Array, uniform: Array, error: float = SUM_ERROR) -> None:
    """Asserts that `index` is where the cumulative probability passes `uniform`, within `error`."""
    cumulative = np.cumsum(reference.softmax(logits), -1)
    below = np.concatenate([np.zeros_like(cumulative[..., :1]), cumulative], -1)
    take = partial(np.take_along_axis, axis=-1)
    assert (take(below, index[..., None])[..., 0] <= uniform + error).all()
    assert (take(below, index[..., None] + 1)[..., 0] > uniform - error).all()


# Blocks of 256 choices: less than one, one, one more, several with a rest.
@pytest.mark.parametrize("n", [*ODD, 256, 257, 1300, 50257])
def test_sample(request: pytest.FixtureRequest, sampler: Executable, n: int) -> None:
    rng = np.random.default_rng(n)
    # Level 0 adds one after the other: half an ulp of the sum for each.
    in_order = request.node.callspec.params["sampler"].level == 0
    error = max(SUM_ERROR, n * 2.0**-24) if in_order else SUM_ERROR
    forms = (("rank_3", (2, 5)), ("rank_1", ()), ("bf16", (3,)), ("static", (4,)))
    for function, lead in (*forms, ("static_blocks", (4,))):
        if n != {"static": 17, "static_blocks": 1300}.get(function, n):
            continue
        logits = np.asarray(3 * rng.standard_normal((*lead, n)), np.float32)
        uniform = np.asarray(rng.random(lead), np.float32)
        run = sampler.function(function)
        if function == "bf16":
            from ml_dtypes import bfloat16

            logits = logits.astype(bfloat16)
        index = np.asarray(run(logits, uniform))
        assert index.shape == lead
        assert_drawn(index, logits, uniform, error)


def test_sample_never_draws_what_is_hidden(sampler: Executable) -> None:
    run = sampler.function("rank_1")
    inf = np.inf
    largest = np.nextafter(np.float32(1), np.float32(0))
    for row, uniform, want in (
        ([-inf, 0, 0, -inf], 0.0, 1),
        ([-inf, 0, 0, -inf], largest, 2),
        ([0, -inf, 0], 0.75, 2),
        ([-inf, 5, -inf], largest, 1),
        ([0, -inf, -inf], largest, 0),
        ([0, 0, 0, 0], 0.25, 1),
        ([0, 0, 0, 0], 0.2499, 0),
        ([-200, 0], 0.0, 0 if np.exp(np.float32(-200)) > 0 else 1),
    ):
        assert run(np.float32(row), np.float32(uniform)) == want, (row, uniform)


def test_sample_among_blocks(sampler: Executable) -> None:
    """Blocks in which nothing can be drawn, and the ends of those in which something can."""
    run = sampler.function("rank_1")
    largest = np.nextafter(np.float32(1), np.float32(0))
    possible = [255, 512, 767, 1299]
    row = np.full(1300, -np.inf, np.float32)
    row[possible] = 0
    for choice, want in enumerate(possible):
        for uniform in (0.25 * choice, 0.25 * choice + 0.2499):
            assert run(row, np.float32(uniform)) == want, uniform
    assert run(row, largest) == 1299
    row[1299] = -np.inf
    assert run(row, largest) == 767


def test_sample_frequencies(sampler: Executable) -> None:
    run = sampler.function("rank_3")
    rng = np.random.default_rng(0)
    draws = 20000
    logits = np.float32([0, 1, -1, 2, -np.inf])
    uniform = rng.random((1, draws)).astype(np.float32)
    index = run(np.broadcast_to(logits, (1, draws, 5)).copy(), uniform)
    found = np.bincount(index[0], minlength=5) / draws
    # Four standard deviations of a frequency near one half.
    np.testing.assert_allclose(found, reference.softmax(logits), atol=4 * 0.5 / draws**0.5)
