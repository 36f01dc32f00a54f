"""A small GPT built op by op: each op, attention, a block, the full forward, generation, the cache.

The model of the project's first tests: vocabulary 256, hidden size 64, 4 heads, 2 layers, 32
tokens. Every test is a graph of a few lines against NumPy.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tolerance import assert_close

from gpt_mlir import Executable, Graph, Tensor, compile_module
from gpt_mlir.graph import ops
from gpt_mlir.verify import reference

VOCAB, HIDDEN, HEADS, LAYERS, INNER, SEQ = 256, 64, 4, 2, 256, 32
HEAD_DIM = HIDDEN // HEADS

# Roundings in f32 of two layers of products of up to 256 terms, relative to logits of order 1:
# as a share of the largest logit.
LOGITS = 1e-5

Array = NDArray[Any]


def attention(block: Graph, x: Tensor) -> Tensor:
    q, k, v = ops.split(ops.linear(x, block.weight("qkv", (3 * HIDDEN, HIDDEN))), 3)
    q, k = ops.rope(q, num_heads=HEADS), ops.rope(k, num_heads=HEADS)
    heads = ops.attention(q, k, v, num_heads=HEADS, causal=True)
    return ops.linear(heads, block.weight("out", (HIDDEN, HIDDEN)))


def layer_norm(block: Graph, name: str, x: Tensor) -> Tensor:
    scale, shift = (block.weight(f"{name}.{part}", (HIDDEN,)) for part in ("weight", "bias"))
    return ops.layer_norm(x, scale, shift, epsilon=1e-5)


def transformer_block(block: Graph, x: Tensor) -> Tensor:
    x = x + block.call(attention, layer_norm(block, "ln_1", x), scope="attn")
    inner = ops.gelu(ops.linear(layer_norm(block, "ln_2", x), block.weight("up", (INNER, HIDDEN))))
    return x + ops.linear(inner, block.weight("down", (HIDDEN, INNER)))


def forward(graph: Graph, ids: Tensor) -> Tensor:
    table = graph.weight("embedding", (VOCAB, HIDDEN))
    x = ops.embedding(table, ids)
    for layer in range(LAYERS):
        x = graph.call(transformer_block, x, scope=f"h.{layer}")
    return ops.linear(layer_norm(graph, "ln_f", x), table)


@cache
def model() -> Graph:
    graph = Graph()
    graph.output("logits", forward(graph, graph.input("ids", ("batch", "seq"), "i64")))
    return graph


@cache
def weights() -> dict[str, Array]:
    rng = np.random.default_rng(0)
    return {
        name: np.float32(rng.standard_normal(w.shape) / HIDDEN**0.5 + name.endswith("weight"))
        for name, w in model().weights.items()
    }


@cache
def executable() -> Executable:
    return model().compile().bind(weights())


def ids(batch: int = 2, seq: int = SEQ) -> Array:
    return np.random.default_rng(1).integers(0, VOCAB, (batch, seq))


def reference_forward(tokens: Array) -> Array:
    w = weights()

    def norm(name: str, x: Array) -> Array:
        return reference.layer_norm(x, w[f"{name}.weight"], w[f"{name}.bias"], epsilon=1e-5)

    x = reference.embedding(w["embedding"], tokens)
    for layer in (f"h.{i}" for i in range(LAYERS)):
        qkv = reference.linear(norm(f"{layer}.ln_1", x), w[f"{layer}.attn.qkv"])
        q, k, v = reference.split(qkv, 3)
        q, k = reference.rope(q, num_heads=HEADS), reference.rope(k, num_heads=HEADS)
        heads = reference.attention(q, k, v, num_heads=HEADS, causal=True)
        x = x + reference.linear(heads, w[f"{layer}.attn.out"])
        up = reference.linear(norm(f"{layer}.ln_2", x), w[f"{layer}.up"])
        x = x + reference.linear(reference.gelu(up), w[f"{layer}.down"])
    return reference.linear(norm("ln_f", x), w["embedding"])


def test_embedding() -> None:
    g = Graph()
    g.output(
        "x", ops.embedding(g.weight("table", (VOCAB, HIDDEN)), g.input("ids", (2, SEQ), "i64"))
    )
    table = weights()["embedding"]
    np.testing.assert_array_equal(g.compile()(ids(), weights={"table": table}), table[ids()])


def test_causal_mask() -> None:
    g = Graph()
    g.output("mask", ops.causal_mask((SEQ, SEQ), graph=g))
    np.testing.assert_array_equal(g.compile()(), np.triu(np.full((SEQ, SEQ), -np.inf), 1))


def test_masked_softmax() -> None:
    g = Graph()
    scores = g.input("scores", (HEADS, SEQ, SEQ))
    g.output("p", ops.masked_softmax(scores, ops.causal_mask((SEQ, SEQ), graph=g)))
    x = np.float32(np.random.default_rng(2).standard_normal((HEADS, SEQ, SEQ)))
    p = g.compile()(x)
    mask = reference.causal_mask(SEQ, SEQ)
    assert_close(p, reference.masked_softmax(x, mask), reference.masked_softmax_error(x, mask))
    assert (np.triu(p, 1) == 0).all()


def test_rope() -> None:
    g = Graph()
    g.output("y", ops.rope(g.input("x", ("batch", "seq", HIDDEN)), num_heads=HEADS))
    x = np.float32(np.random.default_rng(3).standard_normal((2, SEQ, HIDDEN)))
    want, error = (f(x, num_heads=HEADS) for f in (reference.rope, reference.rope_error))
    assert_close(g.compile()(x), want, error)


def test_attention_op_equals_attention_spelled_out() -> None:
    g = Graph()
    q, k, v = (g.input(name, ("seq", HEAD_DIM)) for name in "qkv")
    mask = ops.causal_mask(("seq", "seq"), graph=g)
    g.output("y", ops.masked_softmax(q @ k.T / HEAD_DIM**0.5, mask) @ v)
    rng = np.random.default_rng(4)
    q_, k_, v_ = (np.float32(rng.standard_normal((SEQ, HEAD_DIM))) for _ in range(3))
    want, error = reference.attention_with_error(
        q_[None], k_[None], v_[None], num_heads=1, causal=True
    )
    assert_close(g.compile()(q_, k_, v_), want[0], error[0])


def test_forward() -> None:
    logits, want = executable()(ids()), reference_forward(ids())
    np.testing.assert_allclose(logits, want, atol=LOGITS * np.abs(want).max(), rtol=0)


def test_no_position_sees_the_future() -> None:
    tokens = ids(1)
    logits = executable()(tokens)
    tokens[:, SEQ // 2 :] += 1
    tokens %= VOCAB
    changed = executable()(tokens)
    np.testing.assert_array_equal(changed[:, : SEQ // 2], logits[:, : SEQ // 2])
    assert (changed[:, SEQ // 2 :] != logits[:, SEQ // 2 :]).any(-1).all()


def test_a_batch_equals_its_members() -> None:
    together = executable()(ids(3))
    for member, tokens in zip(together, ids(3), strict=True):
        np.testing.assert_array_equal(executable()(tokens[None])[0], member)


def test_greedy_and_sampled_generation() -> None:
    g = Graph("choose")
    logits = ops.last_token(forward(g, g.input("ids", ("batch", "seq"), "i64")))
    g.output("greedy", ops.argmax(logits))
    g.output("sampled", ops.sample(logits, g.input("uniform", ("batch", 1))))
    choose = g.compile().bind(weights())

    tokens = ids(2, 5)
    for _ in range(8):
        chosen = choose(ids=tokens, uniform=np.zeros((2, 1), np.float32))
        want = reference_forward(tokens)[:, -1:].argmax(-1)
        np.testing.assert_array_equal(chosen["greedy"], want)
        tokens = np.concatenate([tokens, chosen["greedy"]], 1)

    uniform = np.random.default_rng(5).random((2, 1))
    drawn = choose(ids=tokens, uniform=np.float32(uniform))["sampled"]
    np.testing.assert_array_equal(
        drawn, reference.sample(reference_forward(tokens)[:, -1:], uniform)
    )


@pytest.mark.parametrize("prompt", [1, 5, SEQ])
def test_cache_step_by_step_equals_the_full_pass(prompt: int) -> None:
    run = compile_module(model().insert_kv_cache(logits="all")).bind(weights())
    tokens, want = ids(), executable()(ids())
    caches = {
        cache.name: np.full((2, HEADS, SEQ, HEAD_DIM), np.nan, np.float32)
        for cache in run.function("prefill").signature.caches
    }
    assert len(caches) == 2 * LAYERS

    logits = [
        run.function("prefill")(ids=tokens[:, :prompt], positions=np.zeros(2, np.int64), **caches)
    ]
    for position in range(prompt, SEQ):
        step = {"ids": tokens[:, position : position + 1], "positions": np.full(2, position)}
        logits.append(run.function("decode")(**step, **caches))
    together = np.concatenate(logits, 1)
    np.testing.assert_allclose(together, want, atol=LOGITS * np.abs(want).max(), rtol=0)
    assert all(np.isfinite(cache).all() for cache in caches.values())
