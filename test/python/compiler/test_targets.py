"""Code for older processors than this one: complete, and as exact as that for this one.

Whatever an instruction set lacks is arithmetic in the code: loading a library fails if it calls a
function of LLVM's compiler runtime.
"""

from __future__ import annotations

import numpy as np
import pytest
from combinations import TARGETS as ALL_TARGETS
from combinations import can_run
from tolerance import assert_close

from gpt_mlir import DType
from gpt_mlir.graph import Graph, ops
from gpt_mlir.verify import reference

TARGETS = [
    pytest.param(
        target.cpu,
        marks=pytest.mark.skipif(not can_run(target), reason=f"this machine is no {target.cpu}"),
    )
    for target in ALL_TARGETS.values()
    if target.cpu.startswith("x86-64-v")
]


@pytest.mark.parametrize("cpu", TARGETS)
@pytest.mark.parametrize("dtype", ["bf16", "f16"])
@pytest.mark.parametrize(("outputs", "inputs"), [(37, 33), (96, 64)], ids=["odd", "whole"])
def test_narrow_floats(cpu: str, dtype: str, outputs: int, inputs: int) -> None:
    """A projection that ends in masked vectors, and one whose tiles are packed."""
    rng = np.random.default_rng(7)
    narrow = DType(dtype).numpy
    weight = rng.standard_normal((outputs, inputs)).astype(narrow)
    graph = Graph("project")
    x = graph.input("x", ["batch", "seq", inputs], dtype)
    graph.output("y", ops.linear(x, graph.weight("w", weight.shape, dtype)))
    run = graph.compile(target_cpu=cpu).bind({"w": weight})
    for rows in (1, 3, 17):
        value = rng.standard_normal((1, rows, inputs)).astype(narrow)
        exact = reference.linear(value, weight)
        error = reference.linear_error(value, weight)
        assert_close(np.asarray(run(value)), exact, error, what=f"{cpu}, {rows} rows")


@pytest.mark.parametrize("cpu", TARGETS)
@pytest.mark.parametrize("dtype", ["f32", "bf16", "f16"])
def test_scattered_elements(cpu: str, dtype: str) -> None:
    """A transposition is gathered, a rotation of neighbours is shuffled out of masked vectors."""
    heads, head_dim = 3, 14
    rng = np.random.default_rng(11)
    value = rng.standard_normal((2, 19, heads * head_dim)).astype(DType(dtype).numpy)
    graph = Graph("scatter")
    x = graph.input("x", ["batch", "seq", heads * head_dim], dtype)
    graph.output("rotated", ops.rope(x, num_heads=heads, style="interleaved"))
    graph.output("transposed", ops.transpose(x, permutation=[2, 0, 1]))
    results = graph.compile(target_cpu=cpu)(value)
    np.testing.assert_array_equal(np.asarray(results["transposed"]), value.transpose(2, 0, 1))
    attributes = {"num_heads": heads, "style": "interleaved"}
    exact = reference.rope(value, **attributes)
    error = reference.rope_error(value, **attributes)
    assert_close(np.asarray(results["rotated"]), exact, error, what=cpu)
