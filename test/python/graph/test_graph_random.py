"""Random graphs against NumPy: what one op does must not depend on its neighbours.

Fusion and in-place buffers couple ops that are right one by one. Each graph here is a random DAG in
which values are used several times, weights are shared, some ops sit in blocks, and inputs and
intermediate values are returned; all are compiled together, at every optimization level.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gpt_mlir import Executable, Graph, Tensor
from gpt_mlir.graph import ops
from gpt_mlir.verify import reference

Array = NDArray[Any]

SEEDS = range(3)
MORE_SEEDS = range(3, 18)
LEVELS = (0, 1, 3)
LENGTH = 9  # ops in a graph
FEATURES = 24

# Every op keeps values near 1 (see `OPS`), so that errors of 2^-24 times the terms of a sum grow by
# no more than a small factor from op to op. Relative to the largest value of a result.
TOLERANCE = 1e-4


class Both:
    """A value twice: in the graph, and exactly in NumPy."""

    def __init__(self, tensor: Tensor, array: Array) -> None:
        self.tensor = tensor
        self.array = array


class Builder:
    """Builds one random graph and its exact results at the same time."""

    def __init__(self, graph: Graph, seed: int) -> None:
        self.graph = graph
        self.rng = np.random.default_rng(seed)
        self.arrays: dict[str, Array] = {}
        self.batch, self.seq = (int(n) for n in self.rng.integers(1, 8, 2))

    def input(self, name: str) -> Both:
        array = np.float32(self.rng.standard_normal((self.batch, self.seq, FEATURES)))
        self.arrays[name] = array
        return Both(self.graph.input(name, ("batch", "seq", FEATURES)), reference.widen(array))

    def weight(self, name: str, shape: tuple[int, ...]) -> Both:
        if name not in self.arrays:
            scale = 1 / FEATURES**0.5 if len(shape) > 1 else 1.0
            self.arrays[name] = np.float32(scale * self.rng.standard_normal(shape))
            self.graph.input(name, shape)
        return Both(self.graph.inputs[name], reference.widen(self.arrays[name]))

    def apply(self, op: Callable[..., Any], exact: Callable[..., Any], *operands: Both) -> Both:
        tensors = [operand.tensor for operand in operands]
        if self.rng.random() < 0.25:  # the same op in a function of its own
            tensor = self.graph.call(lambda _, *inner: op(*inner), *tensors)
        else:
            tensor = op(*tensors)
        return Both(tensor, exact(*(operand.array for operand in operands)))


def linear(b: Builder, x: Both, _: Both) -> Both:
    layout = str(b.rng.choice(["out_in", "in_out"]))
    weight = b.weight(f"matrix{b.rng.integers(3)}", (FEATURES, FEATURES))
    operands = [x, weight] + ([b.weight("bias", (FEATURES,))] if b.rng.random() < 0.5 else [])
    op, exact = (functools.partial(f, weight_layout=layout) for f in (ops.linear, reference.linear))
    return b.apply(op, exact, *operands)


def norm(b: Builder, x: Both, _: Both) -> Both:
    scale = b.weight("scale", (FEATURES,))
    if b.rng.random() < 0.5:
        op, exact = (functools.partial(f, epsilon=0.1) for f in (ops.rms_norm, reference.rms_norm))
        return b.apply(op, exact, x, scale)
    op, exact = (functools.partial(f, epsilon=0.1) for f in (ops.layer_norm, reference.layer_norm))
    return b.apply(op, exact, x, scale, b.weight("bias", (FEATURES,)))


def attention(b: Builder, x: Both, y: Both) -> Both:
    op, exact = (
        functools.partial(f, num_heads=3, causal=True) for f in (ops.attention, reference.attention)
    )
    return b.apply(op, exact, x, y, y if b.rng.random() < 0.5 else x)


def rope(b: Builder, x: Both, _: Both) -> Both:
    style = str(b.rng.choice(["half_split", "interleaved"]))
    op, exact = (
        functools.partial(f, num_heads=2, rotary_dims=8, style=style)
        for f in (ops.rope, reference.rope)
    )
    return b.apply(op, exact, x)


def glu(b: Builder, x: Both, y: Both) -> Both:
    """Cuts two values up and puts parts of both together."""

    def op(p: Tensor, q: Tensor) -> Tensor:
        first, second, third = ops.split(p, 3)
        other = ops.split(q, 3, num_groups=2)[1]
        wide = ops.linear(ops.silu(first) * other + second, matrix.tensor)
        return wide + q * 0.5 + ops.linear(third, matrix.tensor)

    def exact(p: Array, q: Array) -> Array:
        first, second, third = reference.split(p, 3)
        other = reference.split(q, 3, num_groups=2)[1]
        wide = reference.linear(reference.silu(first) * other + second, matrix.array)
        return wide + q * 0.5 + reference.linear(third, matrix.array)

    matrix = b.weight("narrow", (FEATURES, FEATURES // 3))
    return Both(op(x.tensor, y.tensor), exact(x.array, y.array))


def scores(b: Builder, x: Both, y: Both) -> Both:
    """Attention spelled out: transpose, matmul, scale, masked softmax."""
    s = x.tensor.shape[1]
    mask = ops.causal_mask((s, s))
    exact_mask = reference.causal_mask(b.seq, b.seq)
    return b.apply(
        lambda p, q, m: ops.masked_softmax(p @ q.mT / FEATURES**0.5, m) @ q,
        lambda p, q, m: reference.masked_softmax(p @ q.swapaxes(1, 2) / FEATURES**0.5, m) @ q,
        x,
        y,
        Both(mask, exact_mask),
    )


OPS: list[Callable[[Builder, Both, Both], Both]] = [
    lambda b, x, y: b.apply(lambda p, q: (p + q) * 0.7, lambda p, q: (p + q) * 0.7, x, y),
    lambda b, x, y: b.apply(lambda p, q: p - q, np.subtract, x, y),
    lambda b, x, y: b.apply(lambda p, q: p * q, np.multiply, norm(b, x, y), norm(b, y, x)),
    lambda b, x, y: b.apply(ops.gelu, reference.gelu, x),
    lambda b, x, y: b.apply(ops.silu, reference.silu, x),
    lambda b, x, y: b.apply(ops.softmax, reference.softmax, x),
    linear,
    norm,
    attention,
    rope,
    glu,
    scores,
]


def build(graph: Graph, seed: int) -> tuple[dict[str, Array], dict[str, Array]]:
    """Builds a graph; returns its inputs and exact outputs."""
    b = Builder(graph, seed)
    values = [b.input("x"), b.input("y")]
    for _ in range(LENGTH):
        picks = b.rng.integers(max(0, len(values) - 5), len(values), 2)
        x, y = (values[int(pick)] for pick in picks)
        values.append(norm(b, OPS[int(b.rng.integers(len(OPS)))](b, x, y), y))
    chosen = {"first": values[0], "last": values[-1]}
    for pick in b.rng.integers(2, len(values) - 1, 3):
        chosen[f"value{pick}"] = values[int(pick)]
    chosen["token"] = Both(ops.last_token(values[-1].tensor), values[-1].array[:, -1:])
    for name, value in chosen.items():
        graph.output(name, value.tensor)
    return b.arrays, {name: value.array for name, value in chosen.items()}


@functools.cache
def compiled(
    level: int, seeds: range
) -> tuple[Executable, dict[int, tuple[dict[str, Array], dict[str, Array]]]]:
    graph = Graph(f"random{seeds[0]}")
    expected = {}
    for seed in seeds:
        graph = graph if seed == seeds[0] else graph.function(f"random{seed}")
        expected[seed] = build(graph, seed)
    return graph.compile(opt_level=level), expected


def check(level: int, seeds: range, seed: int) -> None:
    executable, expected = compiled(level, seeds)
    inputs, outputs = expected[seed]
    kept = {name: array.copy() for name, array in inputs.items()}
    results = executable.function(f"random{seed}")(**inputs)
    assert isinstance(results, dict)
    assert [*results] == [*outputs]
    for name, want in outputs.items():
        limit = TOLERANCE * np.abs(want).max()
        np.testing.assert_allclose(results[name], want, rtol=0, atol=limit, err_msg=name)
    for name, array in inputs.items():
        np.testing.assert_array_equal(array, kept[name])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("level", LEVELS)
def test_random_graph(level: int, seed: int) -> None:
    check(level, SEEDS, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", MORE_SEEDS)
@pytest.mark.parametrize("level", LEVELS)
def test_more_random_graphs(level: int, seed: int) -> None:
    check(level, MORE_SEEDS, seed)
