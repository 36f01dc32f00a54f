"""gelu, silu, softmax, masked_softmax and causal_mask against NumPy."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from cases import ODD, Array, Case, CompiledCases, Operand
from combinations import Combination, each_way, ways

from gpt_mlir import Executable, Graph, Tensor
from gpt_mlir.graph import ops
from gpt_mlir.verify import reference

FLOATS = ("f32", "bf16", "f16")


def wide(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers from tiny to large: all parts of an activation's curve."""
    return rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 2, shape)


def additive(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """A mask that hides a third of the keys and shifts others, but never hides the first."""
    mask = np.where(rng.random(shape) < 1 / 3, -np.inf, rng.standard_normal(shape))
    mask[..., 0] = 0
    return mask


ACTIVATIONS = [
    Case(
        f"{name}_{dtype}",
        op,
        exact,
        [Operand(("n", "m"), dtype, wide)],
        [*({"n": n, "m": n + 2} for n in ODD), {"n": 0, "m": 3}],
        error=error,
        static=(3,),
    )
    for dtype in FLOATS
    for name, op, exact, error in (
        ("gelu", ops.gelu, reference.gelu, reference.gelu_error),
        (
            "gelu_tanh",
            partial(ops.gelu, approximate="tanh"),
            partial(reference.gelu, approximate="tanh"),
            reference.gelu_error,
        ),
        ("silu", ops.silu, reference.silu, reference.silu_error),
    )
]

SOFTMAX = [
    Case(
        f"softmax_{dtype}_{'x'.join(dims)}",
        ops.softmax,
        reference.softmax,
        [Operand(tuple(dims), dtype, wide)],
        [dict.fromkeys("abc", 2) | {"n": n} for n in (*ODD, 257)],
        error=reference.softmax_error,
    )
    for dims, dtype in (("n", "f32"), ("an", "bf16"), ("abn", "f16"), ("abcn", "f32"))
]

MASKED = [
    Case(
        f"masked_softmax_{dtype}_{mask_dtype}_{''.join(map(str, mask))}",
        ops.masked_softmax,
        reference.masked_softmax,
        [Operand(("b", "h", "s", "t"), dtype), Operand(mask, mask_dtype, additive)],
        [{"b": 2, "h": 3, "s": s, "t": t} for s, t in ((1, 1), (3, 5), (17, 31), (1, 33))],
        error=reference.masked_softmax_error,
    )
    for dtype, mask_dtype, mask in (
        ("f32", "f32", ("s", "t")),
        ("f32", "f32", ("b", 1, "s", "t")),
        ("f32", "f32", ("b", "h", "s", "t")),
        ("f32", "f32", ("t",)),
        ("bf16", "f32", ("s", "t")),
        ("f32", "bf16", (1, 1, "s", "t")),
        ("f16", "f16", ("h", "s", 1)),
    )
]

CASES = [*ACTIVATIONS, *SOFTMAX, *MASKED]
executable = CompiledCases(CASES)
test_op = executable.test()
test_every_way = executable.test_every_way()


@each_way
def test_extreme_values(combination: Combination) -> None:
    graph = Graph()
    x = graph.input("x", ("n",))
    for name in ("silu", "gelu", "softmax"):
        graph.output(name, getattr(ops, name)(x))
    graph.output("tanh", ops.gelu(x, approximate="tanh"))
    run = graph.compile(**combination.options)

    large = run(np.float32([-np.inf, -3e38, -1e4, -100, 0, 100, 1e4, 3e38]))
    for name in ("silu", "gelu", "tanh"):
        np.testing.assert_allclose(
            large[name][1:], [0, 0, 0, 0, 100, 1e4, np.float32(3e38)], 1e-6, 1e-30
        )
    np.testing.assert_array_equal(large["softmax"], [0, 0, 0, 0, 0, 0, 0, 1])

    hidden = run(np.float32([-np.inf, 1000, -np.inf, 1000]))
    np.testing.assert_array_equal(hidden["softmax"], [0, 0.5, 0, 0.5])
    assert np.isnan(run(np.float32([-np.inf, -np.inf]))["softmax"]).all()
    assert all(np.isnan(value).any() for value in run(np.float32([1, np.nan])).values())


@each_way
def test_a_row_masked_throughout_is_nan(combination: Combination) -> None:
    graph = Graph()
    x, mask = graph.input("x", (2, 3)), graph.input("mask", (2, 3))
    graph.output("y", ops.masked_softmax(x, mask))
    hidden = np.float32([[-np.inf] * 3, [0, -np.inf, 0]])
    y = graph.compile(**combination.options)(np.ones((2, 3), np.float32), hidden)
    assert np.isnan(y[0]).all()
    np.testing.assert_array_equal(y[1], [0.5, 0, 0.5])


def mask_graph() -> Graph:
    """All forms of causal_mask, as functions of one module."""
    graph = Graph("square")
    s = graph.input("x", ("s",)).shape[0]
    graph.output("mask", ops.causal_mask((s, s)))
    for name, attributes in (
        ("wide", {}),
        ("window", {"window": 3}),
        ("bf16", {"window": 1, "dtype": "bf16"}),
        ("static", {}),
        ("positions", {}),
        ("positions_window", {"window": 2, "dtype": "f16"}),
    ):
        graph = graph.function(name)
        s = 5 if name == "static" else graph.input("x", ("s",)).shape[0]
        t = 7 if name == "static" else graph.input("y", ("t",)).shape[0]
        positions: Tensor | None = None
        if name.startswith("positions"):
            positions = graph.input("positions", ("b",), "i64")
        graph.output("mask", ops.causal_mask((s, t), positions, graph=graph, **attributes))
    return graph


@pytest.fixture(scope="module", params=ways("masks"))
def masks(request: pytest.FixtureRequest) -> Executable:
    return mask_graph().compile(**request.param.options)


@pytest.mark.parametrize(("s", "t"), [(1, 1), (1, 5), (5, 7), (17, 17), (3, 33), (5, 2)])
def test_causal_mask(masks: Executable, s: int, t: int) -> None:
    x, y = np.zeros(s, np.float32), np.zeros(t, np.float32)
    positions = np.array([0, 3, t])

    def check(name: str, *arguments: Array, **attributes: int) -> None:
        mask = np.asarray(masks.function(name)(*arguments))
        keys = s if name == "square" else t
        start = positions if name.startswith("positions") else None
        want = reference.causal_mask(s, keys, start, **attributes)
        np.testing.assert_array_equal(mask.astype(np.float64), want)

    check("square", x)
    check("wide", x, y)
    check("window", x, y, window=3)
    check("bf16", x, y, window=1)
    check("positions", x, y, positions)
    check("positions_window", x, y, positions, window=2)
    if (s, t) == (5, 7):
        check("static")
