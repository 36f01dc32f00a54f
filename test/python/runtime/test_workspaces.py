"""The memory of intermediates: kept from call to call, grown where it must, given back."""

from __future__ import annotations

import ctypes
import threading

import numpy as np
from numpy.typing import NDArray

from gpt_mlir import CompileOptions, Graph, _runtime
from gpt_mlir.compiler import emit
from gpt_mlir.compiler.manifest import read_signatures
from gpt_mlir.graph import ops
from gpt_mlir.runtime.function import Function

FEATURES = 64
PAGES = 4096


def load() -> tuple[_runtime.Library, Function]:
    graph = Graph()
    x = graph.input("x", ("seq", FEATURES))
    graph.output(
        "y", ops.matmul(ops.softmax(ops.matmul(x, ops.transpose(x, permutation=(1, 0)))), x)
    )
    image = emit(graph.module, "shared", CompileOptions(opt_level=0))
    library = _runtime.Library.from_bytes(image, "workspaces")
    return library, Function(library, read_signatures(graph.module)[0])


def call(run: Function, rows: int) -> NDArray[np.float32]:
    x = np.random.default_rng(rows).standard_normal((rows, FEATURES)).astype(np.float32)
    y = run(x)
    assert isinstance(y, np.ndarray)
    scores = x.astype(np.float64) @ x.T
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    np.testing.assert_allclose(y, powers / powers.sum(-1, keepdims=True) @ x, rtol=1e-3, atol=1e-4)
    return y


def resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * PAGES


def test_a_workspace_grows_and_is_used_again() -> None:
    library, run = load()
    assert library.workspace_bytes == 0
    call(run, 17)
    small = library.workspace_bytes
    assert small >= 17 * 17 * 4
    call(run, 200)
    large = library.workspace_bytes
    # The larger one takes the place of the smaller one.
    assert 200 * 200 * 4 <= large < 200 * 200 * 4 * 4
    for rows in (1, 17, 33, 200):
        call(run, rows)
        assert library.workspace_bytes == large


def test_calls_at_once_have_workspaces_of_their_own() -> None:
    library, run = load()
    call(run, 128)
    one = library.workspace_bytes
    errors = []

    def work() -> None:
        try:
            for _ in range(20):
                call(run, 128)
        except AssertionError as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert one <= library.workspace_bytes <= 3 * one


def test_workspaces_go_with_the_library() -> None:
    library, run = load()
    call(run, 2000)
    kept = library.workspace_bytes
    assert kept >= 2000 * 2000 * 4
    before = resident_bytes()
    del library, run
    # What the allocator keeps for itself is not what this is about.
    ctypes.CDLL(None).malloc_trim(0)
    assert before - resident_bytes() > kept / 2
