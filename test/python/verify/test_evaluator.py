"""The evaluator: what it computes beside calls and control flow, and how wide its tolerance is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gpt_mlir import Graph, InputError, Tensor, ir
from gpt_mlir.compiler import CompileOptions, compile_module
from gpt_mlir.graph import ops
from gpt_mlir.verify.evaluator import evaluate, expect
from gpt_mlir.verify.program import call_compiled

FEATURES = 24

Array = NDArray[Any]


def block(graph: Graph, x: Tensor) -> Tensor:
    scale = graph.weight("norm", (FEATURES,))
    y = ops.rms_norm(x, scale, epsilon=1e-5)
    q, k, v = ops.split(ops.linear(y, graph.weight("qkv", (3 * FEATURES, FEATURES))), 3)
    q, k = (ops.rope(t, num_heads=2, rotary_dims=8) for t in (q, k))
    return x + ops.attention(q, k, v, num_heads=2, causal=True)


def cached_module() -> ir.Module:
    graph = Graph()
    x = ops.embedding(graph.weight("table", (50, FEATURES)), graph.input("ids", ("b", "s"), "i64"))
    for layer in range(2):
        x = graph.call(block, x, scope=f"h.{layer}")
    graph.output("logits", ops.linear(x, graph.weight("table", (50, FEATURES))))
    graph.output("ids", ops.argmax(ops.linear(x, graph.weight("table", (50, FEATURES)))))
    return graph.insert_kv_cache(keep_function=False)


def arguments(signature: Any, sizes: dict[str, int]) -> list[Array]:
    rng = np.random.default_rng(3)
    arrays = []
    for argument in signature.arguments:
        shape = [
            sizes[dim] if size is None else size
            for size, dim in zip(argument.shape, argument.dims, strict=True)
        ]
        if argument.dtype.is_float:
            scale = shape[-1] ** -0.5 if argument.kind == "weight" else 1.0
            arrays.append((scale * rng.standard_normal(shape)).astype(argument.dtype.numpy))
        else:
            arrays.append(rng.integers(0, 4, shape))
    return arrays


def test_positions_outside_of_a_cache_are_clamped() -> None:
    """A call refuses them, and the code is compared nevertheless."""
    module = cached_module()
    executable = compile_module(module, CompileOptions(opt_level=1))
    signature = executable.function("prefill").signature
    arrays = arguments(signature, {"batch": 2, "b": 2, "seq": 3, "s": 3, "capacity": 9})
    place = next(i for i, a in enumerate(signature.arguments) if a.kind == "positions")
    arrays[place] = np.array([-2, 8])
    returned = call_compiled(executable)("prefill", arrays)
    for want, got in zip(expect(module, "prefill", arrays), returned, strict=True):
        assert not want.misses(got).any()


@pytest.mark.parametrize("function", ["prefill", "decode"])
def test_compiled_code_is_within_the_tolerance_and_a_wrong_one_is_not(function: str) -> None:
    module = cached_module()
    run = compile_module(module, CompileOptions(opt_level=1)).function(function)
    arrays = arguments(run.signature, {"batch": 2, "b": 2, "seq": 3, "s": 3, "capacity": 9})
    expected = expect(module, function, arrays)
    working = [array.copy() for array in arrays]
    by_name = {a.name: x for a, x in zip(run.signature.arguments, working, strict=True)}
    weights = {w.name: by_name.pop(w.name) for w in run.signature.weights}
    returned = run(weights=weights, **by_name)
    assert isinstance(returned, dict)
    caches = [by_name[cache.name] for cache in run.signature.caches]
    for want, got in zip(expected, [*returned.values(), *caches], strict=True):
        assert not want.misses(got).any()
        if want.dtype.is_float:
            largest = np.abs(want.value).max()
            assert (want.allowed <= 1e-4 * largest).all()
            assert want.misses(got + np.float32(2e-4 * largest)).all()
        else:
            assert want.misses(got + 1).any()


CONTROL_FLOW = """
func.func @main(%x: tensor<?x4xf32>, %i: tensor<1xi64>) -> (tensor<?x4xf32>, tensor<2xi64>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %rows = tensor.dim %x, %c0 : tensor<?x4xf32>
  %last = arith.subi %rows, %c1 : index
  %few = arith.cmpi slt, %rows, %c2 : index
  %picked = scf.if %few -> (tensor<?x4xf32>) {
    scf.yield %x : tensor<?x4xf32>
  } else {
    %front = tensor.extract_slice %x[0, 0] [%last, 4] [1, 1] : tensor<?x4xf32> to tensor<?x4xf32>
    scf.yield %front : tensor<?x4xf32>
  }
  %sum = scf.for %k = %c0 to %rows step %c1 iter_args(%t = %picked) -> (tensor<?x4xf32>) {
    %next = gpt.scale %t {factor = 2.0 : f64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
    scf.yield %next : tensor<?x4xf32>
  }
  %first = tensor.extract %i[%c0] : tensor<1xi64>
  %size = arith.index_cast %rows : index to i64
  %pair = tensor.from_elements %first, %size : tensor<2xi64>
  return %sum, %pair : tensor<?x4xf32>, tensor<2xi64>
}
"""


@pytest.mark.parametrize("rows", [1, 3])
def test_control_flow_and_sizes(rows: int) -> None:
    with ir.Context():
        module = ir.Module.parse(CONTROL_FLOW)
    x = np.arange(4.0 * rows).reshape(rows, 4).astype(np.float32)
    values, pair = evaluate(module, "main", [x, np.array([7])])
    np.testing.assert_array_equal(values, x[: max(1, rows - 1)] * 2.0**rows)
    np.testing.assert_array_equal(pair, [7, rows])


def test_an_op_that_is_not_known_is_named() -> None:
    with ir.Context():
        module = ir.Module.parse("func.func @main(%x: f32) { %y = math.exp %x : f32 return }")
    with pytest.raises(InputError, match=r"op 'math\.exp' cannot be evaluated"):
        evaluate(module, "main", [np.ones(())])
    with pytest.raises(InputError, match="no function 'other' with a body"):
        evaluate(module, "other", [])
