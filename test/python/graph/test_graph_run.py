"""Compiled graphs as Python callables: arrays of other libraries, threads, options."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
import torch

from gpt_mlir import Executable, Graph, InputError
from gpt_mlir.graph import ops


@cache
def attention_block() -> Executable:
    graph = Graph("attention_block")
    x = graph.input("x", ("batch", "seq", 64))
    h = ops.layer_norm(
        x, graph.weight("ln.weight", (64,)), graph.weight("ln.bias", (64,)), epsilon=1e-5
    )
    q, k, v = ops.split(ops.linear(h, graph.weight("qkv.weight", (192, 64))), 3)
    graph.output("y", x + ops.attention(q, k, v, num_heads=4, causal=True))
    rng = np.random.default_rng(0)
    weights = {
        name: np.float32(rng.standard_normal(w.shape) / 8) for name, w in graph.weights.items()
    }
    return graph.compile().bind(weights)


def data(batch: int = 2, seq: int = 7) -> np.ndarray:
    return np.float32(np.random.default_rng(seq).standard_normal((batch, seq, 64)))


def test_torch_tensors_through_dlpack() -> None:
    x = data()
    want = attention_block()(x=x)
    np.testing.assert_array_equal(attention_block()(x=torch.from_numpy(x)), want)
    back = torch.from_dlpack(attention_block()(x=torch.from_numpy(x)))
    torch.testing.assert_close(back, torch.from_numpy(want), rtol=0, atol=0)


def test_strided_inputs() -> None:
    x = data(4, 14)
    view = x[::2, ::-2]
    np.testing.assert_array_equal(attention_block()(view), attention_block()(view.copy()))


def test_result_owns_its_memory() -> None:
    x = data()
    y = attention_block()(x)
    kept = y.copy()
    attention_block()(data(2, 9))
    x[:] = 0
    np.testing.assert_array_equal(y, kept)


def test_threads_share_an_executable() -> None:
    run = attention_block()
    shapes = [(1 + i % 3, 1 + i % 11) for i in range(60)]
    want = [run(data(*shape)) for shape in shapes]
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda shape: run(data(*shape)), shapes))
    for one, other in zip(got, want, strict=True):
        np.testing.assert_array_equal(one, other)


def test_other_threads_run_during_a_call() -> None:
    """A call releases the GIL: another thread gets its turn meanwhile."""
    x = data(2, 256)
    attention_block()(x)
    start, finished = threading.Barrier(2), threading.Event()

    def work() -> None:
        start.wait()
        sum(range(1000))
        finished.set()

    thread = threading.Thread(target=work)
    interval = sys.getswitchinterval()
    thread.start()
    start.wait()
    sys.setswitchinterval(10)  # nobody is asked for the GIL from here on: it must be given up
    try:
        for _ in range(100):  # one call may be over before the other thread wakes up
            attention_block()(x)
            if finished.is_set():
                break
        assert finished.is_set()
    finally:
        sys.setswitchinterval(interval)
        thread.join()


@pytest.mark.parametrize("opt_level", [0, 1, 2, 3])
def test_optimization_levels_agree(opt_level: int) -> None:
    graph = Graph()
    x = graph.input("x", ("n", 8))
    graph.output("y", ops.softmax(ops.gelu(x) @ x.T))
    x_ = np.float32(np.random.default_rng(0).standard_normal((5, 8)))
    got, want = (graph.compile(opt_level=level)(x_) for level in (opt_level, 3))
    np.testing.assert_allclose(got, want, rtol=1e-5)


def test_several_outputs_and_functions() -> None:
    graph = Graph("parts")
    a, b = ops.split(graph.input("x", ("n", 6)), 2)
    graph.output("a", a)
    graph.output("b", b)
    other = graph.function("sum")
    other.output("s", other.input("x", (3,)) + other.input("y", (3,)))
    run = graph.compile()
    assert [*run] == ["parts", "sum"]
    x = np.arange(12, dtype=np.float32).reshape(2, 6)
    parts = run.function("parts")(x)
    np.testing.assert_array_equal(parts["a"], x[:, :3])
    np.testing.assert_array_equal(parts["b"], x[:, 3:])
    np.testing.assert_array_equal(run.function("sum")(x=x[0, :3], y=x[0, 3:]), [3, 5, 7])


def test_an_input_may_be_an_output() -> None:
    graph = Graph()
    x = graph.input("x", ("n",))
    graph.output("same", x)
    graph.output("again", x)
    graph.output("y", x + x)
    x_ = np.float32([1, 2, 3])
    results = graph.compile()(x_)
    np.testing.assert_array_equal(results["same"], x_)
    np.testing.assert_array_equal(results["again"], x_)
    results["same"][:] = 0
    np.testing.assert_array_equal(x_, [1, 2, 3])
    np.testing.assert_array_equal(results["again"], x_)


def test_equal_dim_names_must_have_equal_sizes() -> None:
    graph = Graph()
    x, y = graph.input("x", ("n", 4)), graph.input("y", ("n", 4))
    graph.output("z", x + y)
    run = graph.compile()
    with pytest.raises(InputError, match=r"'n'"):
        run(np.zeros((2, 4), np.float32), np.zeros((3, 4), np.float32))


def test_empty_tensors() -> None:
    assert attention_block()(data(2, 0)).shape == (2, 0, 64)
    assert attention_block()(np.zeros((0, 3, 64), np.float32)).shape == (0, 3, 64)
