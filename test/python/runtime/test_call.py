"""Calling compiled functions: values in, values out, and whose memory it is."""

from __future__ import annotations

import gc

import ml_dtypes
import numpy as np
import pytest
from runtime_modules import ACCUMULATE, AFFINE, DTYPES, IDENTITY, Compile, parse

from gpt_mlir import CompileOptions, Executable, compile_module
from gpt_mlir.dtypes import DType

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 3, 4), dtype=np.float32)
Y = RNG.standard_normal((2, 3, 4), dtype=np.float32)
WEIGHTS = {
    "scale.weight": RNG.standard_normal(4, dtype=np.float32),
    "scale.bias": RNG.standard_normal(4, dtype=np.float32),
}
# f32 arithmetic in another order than NumPy's (a fused multiply-add rounds once).
TOLERANCE = 1e-6


def expected(x: np.ndarray = X, y: np.ndarray = Y) -> np.ndarray:
    return x * WEIGHTS["scale.weight"] + WEIGHTS["scale.bias"] + y


def test_ways_to_pass_arguments(affine: Executable) -> None:
    run = affine.bind(WEIGHTS)
    for result in (run(X, Y), run(X, y=Y), run(y=Y, x=X), affine(X, Y, weights=WEIGHTS)):
        np.testing.assert_allclose(result, expected(), atol=TOLERANCE)
    function = affine.function("affine").bind({"scale.weight": WEIGHTS["scale.weight"]})
    assert [weight.name for weight in function.unbound_weights] == ["scale.bias"]
    function = function.bind({"scale.bias": WEIGHTS["scale.bias"]}, y=Y)
    assert not function.unbound_weights
    np.testing.assert_allclose(function(X), expected(), atol=TOLERANCE)


def test_binding_leaves_the_function_as_it_is(affine: Executable) -> None:
    affine.bind(WEIGHTS)
    assert len(affine.function("affine").unbound_weights) == 2


def test_shapes_of_a_call(affine: Executable) -> None:
    run = affine.bind(WEIGHTS)
    for shape in ((1, 1, 4), (5, 7, 4), (0, 3, 4), (2, 0, 4)):
        x = RNG.standard_normal(shape, dtype=np.float32)
        result = run(x, x)
        assert result.shape == shape
        np.testing.assert_allclose(result, expected(x, x), atol=TOLERANCE)


def test_signature(affine: Executable) -> None:
    signature = affine.function("affine").signature
    assert [tensor.name for tensor in signature.inputs] == ["x", "y"]
    assert [tensor.name for tensor in signature.weights] == ["scale.weight", "scale.bias"]
    assert str(signature.results[0]) == "z: f32[batch, seq, 4]"
    assert list(affine) == ["affine"]


@pytest.mark.parametrize("dtype", [DType.F32, DType.BF16, DType.F16, DType.I32, DType.I64])
def test_dtypes(compiled: Compile, dtype: DType) -> None:
    run = compiled(DTYPES.format(dtype=dtype))
    x = np.arange(1, 7).reshape(2, 3).astype(dtype.numpy)
    results = run(x)
    assert list(results) == ["sum", "first"]
    assert results["sum"].dtype == results["first"].dtype == dtype.numpy
    np.testing.assert_array_equal(results["sum"], x + x)
    assert results["first"].shape == ()
    assert results["first"] == x[0, 0]


def test_booleans(compiled: Compile) -> None:
    text = DTYPES.format(dtype="i1").replace("linalg.add", "linalg.max")
    x = np.array([[True, False, True]])
    np.testing.assert_array_equal(compiled(text)(x)["sum"], x)


def test_layouts_that_are_copied(affine: Executable) -> None:
    run = affine.bind(WEIGHTS)
    wide = RNG.standard_normal((2, 3, 8), dtype=np.float32)
    buffer = np.frombuffer(b"\0" + X.tobytes(), np.uint8)[1:].view(np.float32).reshape(X.shape)
    assert not buffer.flags.aligned
    for x in (wide[..., ::2], X[::-1], np.asfortranarray(X), X.transpose(1, 0, 2)[:2], buffer):
        y = np.ones(x.shape, np.float32)
        np.testing.assert_allclose(run(x, y), expected(x, y), atol=TOLERANCE)
    x = np.broadcast_to(np.float32(3), X.shape)  # strides of 0, read-only
    np.testing.assert_allclose(run(x, Y), expected(x), atol=TOLERANCE)


def test_bound_arrays_are_not_copied(affine: Executable) -> None:
    weights = {name: array.copy() for name, array in WEIGHTS.items()}
    run = affine.bind(weights)
    weights["scale.bias"] += 1
    np.testing.assert_allclose(run(X, Y), expected() + 1, atol=TOLERANCE)


def test_bound_arrays_are_kept_alive(affine: Executable) -> None:
    run = affine.bind({name: array.copy() for name, array in WEIGHTS.items()})
    gc.collect()
    np.testing.assert_allclose(run(X, Y), expected(), atol=TOLERANCE)


def test_read_only_arrays(affine: Executable) -> None:
    x = X.copy()
    x.flags.writeable = False
    np.testing.assert_allclose(affine.bind(WEIGHTS)(x, Y), expected(), atol=TOLERANCE)


def test_numbers_in_lists(compiled: Compile) -> None:
    run = compiled(DTYPES.format(dtype="i64"))
    np.testing.assert_array_equal(run([[1, 2, 3]])["sum"], [[2, 4, 6]])
    run = compiled(DTYPES.format(dtype="bf16"))
    np.testing.assert_array_equal(run([[1, 2.5, 3]])["sum"], [[2, 5, 6]])


def test_torch_tensors(affine: Executable, compiled: Compile) -> None:
    torch = pytest.importorskip("torch")
    run = affine.bind({name: torch.from_numpy(array) for name, array in WEIGHTS.items()})
    x = torch.from_numpy(X)
    np.testing.assert_allclose(run(x, Y), expected(), atol=TOLERANCE)
    np.testing.assert_allclose(run(x.clone().requires_grad_(), Y), expected(), atol=TOLERANCE)
    strided = torch.from_numpy(X.transpose(0, 2, 1).copy()).mT
    np.testing.assert_allclose(run(strided, Y), expected(), atol=TOLERANCE)
    x = torch.arange(6).reshape(2, 3).to(torch.bfloat16)
    result = compiled(DTYPES.format(dtype="bf16"))(x)["sum"]
    assert result.dtype == ml_dtypes.bfloat16
    np.testing.assert_array_equal(result.astype(np.float32), (x + x).float().numpy())
    # And back, without a copy.
    assert torch.from_dlpack(run(X, Y)).shape == (2, 3, 4)


def test_caches_are_updated_in_place(compiled: Compile) -> None:
    run = compiled(ACCUMULATE)
    total = np.zeros(4, np.float32)
    x = np.arange(4, dtype=np.float32)
    assert run(x, total) is None
    assert run(x=x, sum=total) is None
    bound = run.function("accumulate").bind(sum=total)
    bound(x)
    np.testing.assert_array_equal(total, 3 * x)
    assert [cache.cache for cache in bound.signature.caches] == ["key"]


def test_results_that_are_arguments_or_constants(compiled: Compile) -> None:
    run = compiled(IDENTITY)
    x = np.array([1, 2, 3])
    for _ in range(100):
        results = run(x)
        for name in ("y", "z"):
            np.testing.assert_array_equal(results[name], x)
            assert not np.shares_memory(results[name], x)
        assert not np.shares_memory(results["y"], results["z"])
        results["constant"] += 1  # is the caller's own
        np.testing.assert_array_equal(results["constant"], [2, 3])


def test_results_outlive_the_code() -> None:
    run = compile_module(parse(AFFINE), CompileOptions(cache=False)).bind(WEIGHTS)
    result = run(X, Y)
    view = result[1:]
    del run, result
    gc.collect()
    np.testing.assert_allclose(view, expected()[1:], atol=TOLERANCE)
    view += 1  # results are writable
