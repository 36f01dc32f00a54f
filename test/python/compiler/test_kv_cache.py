"""gpt-insert-kv-cache by numbers: what the cached functions compute is what the forward one does.

The graphs are not language models and have no checkpoint: the pass must hold for any graph. The
forward function is compiled from the same module, so that a difference can only come from the pass
or from the lowering of `gpt.cached_attention`.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gpt_mlir import CompileOptions, Graph, Tensor, compile_module
from gpt_mlir.compiler import run_pipeline
from gpt_mlir.errors import CompileError, InputError
from gpt_mlir.graph import ops
from gpt_mlir.runtime import Executable

Array = NDArray[Any]

VOCABULARY, FEATURES, CONTEXT = 37, 24, 20

# Cached and uncached attention add up the same products in f32, in another order; logits are of
# order 1, sums have at most CONTEXT or 4 * FEATURES terms, and a layer passes errors on.
TOLERANCE = 2e-5

# Keys and values stored in bf16 are off by 2^-9 of their size.
BF16_TOLERANCE = 2e-2


@dataclasses.dataclass(frozen=True)
class Shape:
    """What varies between the graphs."""

    num_heads: int
    num_kv_heads: int
    window: int | None = None
    rotary: bool = True
    layers: int = 2

    @property
    def head_dim(self) -> int:
        return FEATURES // self.num_heads


def block(graph: Graph, x: Tensor, *, shape: Shape) -> Tensor:
    """Attention and a gated MLP, each behind a norm."""
    kv = shape.num_kv_heads * shape.head_dim
    h = ops.rms_norm(x, graph.weight("norm", (FEATURES,)), epsilon=1e-5)
    q = ops.linear(h, graph.weight("q", (FEATURES, FEATURES)))
    k, v = ops.split(ops.linear(h, graph.weight("kv", (2 * kv, FEATURES))), 2)
    if shape.rotary:
        q = ops.rope(q, num_heads=shape.num_heads)
        k = ops.rope(k, num_heads=shape.num_kv_heads)
    x = x + ops.attention(
        q,
        k,
        v,
        num_heads=shape.num_heads,
        num_kv_heads=shape.num_kv_heads,
        causal=True,
        window=shape.window,
    )
    gate, up = ops.split(ops.linear(x, graph.weight("up", (4 * FEATURES, FEATURES))), 2)
    return x + ops.linear(ops.silu(gate) * up, graph.weight("down", (FEATURES, 2 * FEATURES)))


def build(shape: Shape) -> Graph:
    """Returns `forward(ids) -> logits`; learned positions where there is no rotary embedding."""
    graph = Graph("forward")
    ids = graph.input("ids", ("batch", "seq"), "i64")
    x = ops.embedding(graph.weight("wte", (VOCABULARY, FEATURES)), ids)
    if not shape.rotary:
        table = graph.weight("wpe", (CONTEXT, FEATURES))
        x = x + ops.embedding(table, ops.position_ids(ids))
    for layer in range(shape.layers):
        x = graph.call(block, x, scope=f"h.{layer}", shape=shape)
    graph.output("logits", ops.linear(x, graph.weight("head", (VOCABULARY, FEATURES))))
    return graph


def compile_cached(shape: Shape, options: str = "logits=all") -> Executable:
    """Compiles forward, prefill and decode and binds random weights."""
    module = build(shape).module
    run_pipeline(module, f"gpt-insert-kv-cache{{{options}}},cse,canonicalize")
    executable = compile_module(module)
    rng = np.random.default_rng(0)
    weights = {}
    for weight in executable.function("forward").signature.weights:
        extents = [extent or 0 for extent in weight.shape]
        scale = 1 / np.sqrt(extents[-1])
        weights[weight.name] = (rng.standard_normal(extents) * scale).astype(np.float32)
    return executable.bind(weights)


def make_caches(executable: Executable, batch: int, capacity: int = CONTEXT) -> dict[str, Array]:
    """Returns caches full of NaN: entries that were not written must never be read."""
    caches = {}
    for cache in executable.function("prefill").signature.caches:
        _, heads, _, head_dim = cache.shape
        shape = (batch, heads or 0, capacity, head_dim or 0)
        caches[cache.name] = np.full(shape, np.nan).astype(cache.dtype.numpy)
    return caches


def run(
    executable: Executable, function: str, ids: Array, position: int | Array, caches: Any
) -> Array:
    positions = np.broadcast_to(np.asarray(position, np.int64), ids.shape[:1]).copy()
    returned = executable.function(function)(
        ids=np.ascontiguousarray(ids), positions=positions, **caches
    )
    assert isinstance(returned, np.ndarray)
    return returned


def forward(executable: Executable, ids: Array) -> Array:
    returned = executable.function("forward")(ids=ids)
    assert isinstance(returned, np.ndarray)
    return returned


def random_ids(batch: int, length: int) -> Array:
    return np.random.default_rng(1).integers(0, VOCABULARY, (batch, length))


SHAPES = [
    pytest.param(Shape(4, 4), id="multi-head"),
    pytest.param(Shape(4, 2), id="grouped"),
    pytest.param(Shape(6, 1, window=3), id="multi-query-window"),
    pytest.param(Shape(2, 2, rotary=False), id="learned-positions"),
]


@pytest.mark.parametrize("shape", SHAPES)
def test_cached_equals_uncached(shape: Shape) -> None:
    """Whole prompt, in two parts, and token by token: the same logits as without a cache."""
    executable = compile_cached(shape)
    batch, length = 3, 11
    ids = random_ids(batch, length)
    want = forward(executable, ids)

    whole = run(executable, "prefill", ids, 0, make_caches(executable, batch))
    np.testing.assert_allclose(whole, want, atol=TOLERANCE)

    caches = make_caches(executable, batch)
    first = run(executable, "prefill", ids[:, :4], 0, caches)
    second = run(executable, "prefill", ids[:, 4:], 4, caches)
    np.testing.assert_allclose(np.concatenate([first, second], 1), want, atol=TOLERANCE)

    caches = make_caches(executable, batch)
    steps = [run(executable, "decode", ids[:, [i]], i, caches) for i in range(length)]
    np.testing.assert_allclose(np.concatenate(steps, 1), want, atol=TOLERANCE)


def test_sequences_at_different_positions() -> None:
    """One decode step of a batch whose sequences have different lengths."""
    executable = compile_cached(Shape(4, 2))
    ids = random_ids(3, 8)
    lengths = np.array([2, 7, 4])
    caches = make_caches(executable, 3)
    for row, length in enumerate(lengths):
        part = {name: cache[row : row + 1] for name, cache in caches.items()}
        run(executable, "prefill", ids[[row], :length], 0, part)
    new = ids[np.arange(3), lengths][:, None]
    got = run(executable, "decode", new, lengths, caches)
    for row, length in enumerate(lengths):
        want = forward(executable, ids[[row], : length + 1].copy())[:, -1:]
        np.testing.assert_allclose(got[[row]], want, atol=TOLERANCE)


def test_last_logits_and_full_cache() -> None:
    """A prefill that fills the cache to its end returns the logits of the last position."""
    executable = compile_cached(Shape(2, 1), "logits=last")
    ids = random_ids(2, 9)
    got = run(executable, "prefill", ids, 0, make_caches(executable, 2, capacity=9))
    assert got.shape == (2, 1, VOCABULARY)
    want = forward(executable, ids)[:, -1:]
    np.testing.assert_allclose(got, want, atol=TOLERANCE)


def test_narrow_cache() -> None:
    """Caches in bf16 keep the logits to about the precision of bf16."""
    executable = compile_cached(Shape(4, 2), "logits=all cache-element-type=bf16")
    ids = random_ids(2, 6)
    caches = make_caches(executable, 2)
    assert {cache.dtype.itemsize for cache in caches.values()} == {2}
    got = run(executable, "prefill", ids, 0, caches)
    want = forward(executable, ids)
    np.testing.assert_allclose(got, want, atol=BF16_TOLERANCE)
    assert np.abs(got - want).max() > TOLERANCE


def test_a_graph_that_cannot_be_cached() -> None:
    graph = Graph("forward")
    x = graph.input("x", ("batch", "seq", 8), "f32")
    graph.output("y", ops.attention(x, x, x, num_heads=1, causal=False))
    with pytest.raises(CompileError, match="'forward' cannot run incrementally"):
        run_pipeline(graph.module, "gpt-insert-kv-cache")


@pytest.mark.parametrize(
    ("length", "position", "capacity", "message"),
    [
        (5, 0, 3, "expected caches of 5 places or more for 5 new tokens, got 3"),
        (5, 6, 8, "argument 'positions': expected positions from 0 to 3 .* of 8 places, got 6"),
        (1, 8, 8, "argument 'positions': expected positions from 0 to 7 .* of 8 places, got 8"),
        (1, -1, 8, "argument 'positions': expected positions from 0 to 7 .* of 8 places, got -1"),
    ],
)
def test_positions_outside_of_the_caches_are_an_error(
    length: int, position: int, capacity: int, message: str
) -> None:
    executable = compile_cached(Shape(2, 1))
    caches = make_caches(executable, 2, capacity)
    ids = np.ones((2, length), np.int64)
    with pytest.raises(InputError, match=f"function 'prefill': {message}"):
        run(executable, "prefill", ids, np.array([0, position]), caches)
    assert all(np.isnan(cache).all() for cache in caches.values())


def test_positions_beside_an_input_of_one_row() -> None:
    """Only the sequence counts new tokens, not what else has a dimension 1."""
    graph = Graph("forward")
    x = graph.input("x", ("batch", "seq", 8), "f32")
    row = graph.input("row", ("batch", 1, 8), "f32")
    graph.output("y", ops.attention(x, x, x, num_heads=2, causal=True))
    graph.output("twice", row + row)
    executable = compile_module(graph.insert_kv_cache(), CompileOptions(opt_level=0))
    prefill = executable.function("prefill")
    caches = {cache.name: np.zeros((1, 2, 4, 4), np.float32) for cache in prefill.signature.caches}
    values = {"x": np.ones((1, 3, 8), np.float32), "row": np.ones((1, 1, 8), np.float32)}
    with pytest.raises(InputError, match="expected positions from 0 to 1 for 3 new tokens"):
        prefill(positions=np.array([2]), **values, **caches)
    prefill(positions=np.array([1]), **values, **caches)
    assert [np.any(caches["cache.0.key"][0, :, place]) for place in range(4)] == [0, 1, 1, 1]
