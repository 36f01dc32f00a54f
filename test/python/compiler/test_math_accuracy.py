"""The error of approximated functions, and the form of the code that they become.

Every function of `gpt-approximate-math`, and rsqrt, which is a root and a quotient, is compared
with float64 over all exponents, densely where it is not constant, and at special values; with fused
multiply-add, without, in loops and in explicit vectors.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Literal

import ml_dtypes
import numpy as np
import pytest
from compiler_modules import parse
from numpy.typing import NDArray

from gpt_mlir import CompileOptions, Executable, Graph, compile_module
from gpt_mlir.compiler import emit
from gpt_mlir.graph import ops

# The errors that the pass states, in units in the last place of the correct result.
MAX_ULP = {"exp": 1.1, "tanh": 2.7, "erf": 2.2, "sin": 0.51, "cos": 0.51, "rsqrt": 1.5}

# Of an exp whose result is rounded to bf16, in its own units.
MAX_NARROW_ULP = 0.52

# GELU adds 1 to a value in [-1, 1] and multiplies twice: a few roundings of the largest result.
MAX_GELU_ERROR = 3e-7

# Where the functions are neither constant nor linear, and the ends that must be right.
DENSE = {
    "exp": [(-104.5, 89.0), (-1.0, 1.0), (-104.0, -87.0), (88.0, 88.8)],
    "tanh": [(-10.5, 10.5), (-0.7, 0.7)],
    "erf": [(-4.5, 4.5), (-0.5, 0.5)],
    "sin": [(-4.0, 4.0), (-131072.0, 131072.0), (-(2.0**28), 2.0**28)],
    "cos": [(-4.0, 4.0), (-131072.0, 131072.0), (-(2.0**28), 2.0**28)],
    # Two binades stand for all: the others differ by powers of two.
    "rsqrt": [(1.0, 4.0), (0.0, 1.0)],
}

_erf = np.frompyfunc(math.erf, 1, 1)
REFERENCES: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "exp": np.exp,
    "tanh": np.tanh,
    "erf": lambda x: np.asarray(_erf(x), np.float64),
    "sin": np.sin,
    "cos": np.cos,
    "rsqrt": lambda x: 1 / np.sqrt(x),
}
FUNCTIONS = [*REFERENCES]

LOOPS = (
    "gpt-to-linalg-pipeline,gpt-linalg-to-loops-pipeline,gpt-approximate-math,"
    "gpt-loops-to-llvm-pipeline"
)
VECTORS = (
    "gpt-linalg-to-loops-pipeline,gpt-approximate-math,convert-vector-to-llvm,"
    "gpt-loops-to-llvm-pipeline"
)

# Processor classes: with and without fused multiply-add.
NATIVE = CompileOptions(pipeline=LOOPS, cache=False)
NO_FMA = CompileOptions(pipeline=LOOPS, cache=False, target_cpu="x86-64")

LOOP = """
func.func @f(%x: tensor<?xf32>) -> tensor<?xf32> {{
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %e = tensor.empty(%n) : tensor<?xf32>
  %y = linalg.generic {{
    indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
    iterator_types = ["parallel"]
  }} ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) {{
  ^bb0(%in: f32, %out: f32):
    %0 = math.{function} %in : f32
    linalg.yield %0 : f32
  }} -> tensor<?xf32>
  return %y : tensor<?xf32>
}}
"""

VECTOR_LOOP = """
func.func @f(%x: tensor<{n}xf32>) -> tensor<{n}xf32> {{
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %n = arith.constant {n} : index
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<{n}xf32>
  %y = scf.for %i = %c0 to %n step %c16 iter_args(%t = %e) -> tensor<{n}xf32> {{
    %0 = vector.transfer_read %x[%i], %zero {{in_bounds = [true]}}
        : tensor<{n}xf32>, vector<16xf32>
    %1 = vector.shape_cast %0 : vector<16xf32> to vector<2x8xf32>
    %2 = math.{function} %1 : vector<2x8xf32>
    %3 = vector.shape_cast %2 : vector<2x8xf32> to vector<16xf32>
    %4 = vector.transfer_write %3, %t[%i] {{in_bounds = [true]}}
        : vector<16xf32>, tensor<{n}xf32>
    scf.yield %4 : tensor<{n}xf32>
  }}
  return %y : tensor<{n}xf32>
}}
"""


def ulp_error(got: NDArray[np.float32], want: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the distance to the correct result; infinite where NaN or infinity is wrong."""
    limit = np.finfo(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = want.astype(np.float32)
        unit = np.spacing(np.minimum(np.abs(rounded), np.float32(2.0**127))).astype(np.float64)
        error = np.abs(got.astype(np.float64) - want) / unit
        # Beyond the largest number either it or infinity is less than an ulp away.
        overflow = np.isinf(rounded) & np.isfinite(want) & (got >= limit.max)
        same = (got == rounded) | (np.isnan(got) & np.isnan(rounded)) | overflow
    return np.where(same, np.minimum(np.nan_to_num(error, nan=0.0, posinf=0.0), 0.5), error)


def all_exponents(largest: float, count: int = 1 << 19) -> NDArray[np.float32]:
    """Returns numbers of both signs that are dense in every binade, denormal ones included."""
    end = int(np.float32(largest).view(np.uint32))
    magnitudes = np.linspace(0, end, count).astype(np.uint32).view(np.float32)
    return np.concatenate([-magnitudes[::-1], magnitudes])


def arguments(function: str) -> NDArray[np.float32]:
    largest = 2.0**28 if function in ("sin", "cos") else float(np.finfo(np.float32).max)
    dense = [np.linspace(low, high, 1 << 18) for low, high in DENSE[function]]
    return np.concatenate([all_exponents(largest), *dense], dtype=np.float32, casting="same_kind")


def compiled(function: str, options: CompileOptions = NATIVE) -> Executable:
    return compile_module(parse(LOOP.format(function=function)), options)


def call(run: Executable, x: NDArray[np.float32]) -> NDArray[np.float32]:
    got = run(x)
    assert isinstance(got, np.ndarray)
    return got


def assert_accurate(run: Executable, function: str, x: NDArray[np.float32]) -> None:
    got = call(run, x)
    with np.errstate(all="ignore"):
        want = REFERENCES[function](x.astype(np.float64))
    error = np.nan_to_num(ulp_error(got, want), nan=np.inf)
    at = int(np.argmax(error))
    assert error[at] <= MAX_ULP[function], (
        f"{function}({x[at]!r}) = {got[at]!r}, expected {want[at]!r}: {error[at]:.3f} ulp"
    )


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("options", [NATIVE, NO_FMA], ids=["native", "no-fma"])
def test_error_is_as_stated(function: str, options: CompileOptions) -> None:
    x = arguments(function)
    assert_accurate(compiled(function, options), function, x)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_vectors(function: str) -> None:
    x = arguments(function)[::16]
    x = np.ascontiguousarray(x[: x.size // 16 * 16])
    options = CompileOptions(pipeline=VECTORS, cache=False)
    run = compile_module(parse(VECTOR_LOOP.format(function=function, n=x.size)), options)
    assert_accurate(run, function, x)


@pytest.mark.parametrize(
    ("function", "special"),
    [
        ("exp", {np.inf: np.inf, -np.inf: 0.0, 0.0: 1.0, 88.73: np.inf, -104.0: 0.0}),
        ("exp", {3e38: np.inf, -3e38: 0.0, 1e-45: 1.0, -1e-45: 1.0, -103.9: 1e-45}),
        ("tanh", {np.inf: 1.0, -np.inf: -1.0, 0.0: 0.0, 3e38: 1.0, 1e-45: 1e-45}),
        ("erf", {np.inf: 1.0, -np.inf: -1.0, 0.0: 0.0, 3e38: 1.0, 1e-45: 1e-45}),
        ("sin", {np.inf: np.nan, -np.inf: np.nan, 0.0: 0.0, 1e-45: 1e-45, 3e38: np.nan}),
        ("cos", {np.inf: np.nan, -np.inf: np.nan, 0.0: 1.0, 1e-45: 1.0, 3e38: np.nan}),
        ("rsqrt", {np.inf: 0.0, -np.inf: np.nan, -1.0: np.nan, 0.0: np.inf}),
        (
            "rsqrt",
            {4.0: 0.5, 2.0**-126: 2.0**63, 2.0**-148: 2.0**74, -1e-45: np.nan, -0.0: -np.inf},
        ),
    ],
)
def test_special_values(function: str, special: dict[float, float]) -> None:
    special = {**special, np.nan: np.nan}
    x = np.array([*special], np.float32)
    for repeat in (1, 16):  # the scalar remainder of a loop and its vector body
        got = compiled(function)(np.repeat(x, repeat))
        want = np.repeat(np.array([*special.values()], np.float32), repeat)
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("function", ["tanh", "erf", "sin"])
def test_odd_functions(function: str) -> None:
    x = np.concatenate([arguments(function)[::7], np.zeros(1, np.float32)])
    run = compiled(function)
    got, mirrored = call(run, x), call(run, -x)
    np.testing.assert_array_equal(got, -mirrored)
    np.testing.assert_array_equal(np.signbit(got), ~np.signbit(mirrored))
    assert np.abs(got).max() <= 1


NARROW_LOOP = """
func.func @f(%x: tensor<?xf32>) -> tensor<?xbf16> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %e = tensor.empty(%n) : tensor<?xbf16>
  %y = linalg.generic {
    indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
    iterator_types = ["parallel"]
  } ins(%x : tensor<?xf32>) outs(%e : tensor<?xbf16>) {
  ^bb0(%in: f32, %out: bf16):
    %0 = math.exp %in : f32
    %1 = arith.truncf %0 : f32 to bf16
    linalg.yield %1 : bf16
  } -> tensor<?xbf16>
  return %y : tensor<?xbf16>
}
"""


@pytest.mark.parametrize("options", [NATIVE, NO_FMA], ids=["native", "no-fma"])
def test_exp_that_is_rounded_to_bf16(options: CompileOptions) -> None:
    run = compile_module(parse(NARROW_LOOP), options)
    x = arguments("exp")
    got = call(run, x).astype(np.float64)
    with np.errstate(over="ignore", under="ignore"):
        want = np.exp(x.astype(np.float64))
    # bf16 has 8 bits: half a unit in the last place, and what the polynomial is off.
    unit = 2.0 ** (np.floor(np.log2(np.maximum(want, 2.0**-126))) - 7)
    flushed = (want < 2.0**-125) & (got == 0)
    largest = float(ml_dtypes.finfo(ml_dtypes.bfloat16).max)
    overflow = np.isinf(got) & (want >= largest)
    with np.errstate(invalid="ignore"):
        wrong = ~(np.abs(got - want) <= MAX_NARROW_ULP * unit) & ~flushed & ~overflow
    assert not wrong.any(), (x[wrong][:4], got[wrong][:4], want[wrong][:4])
    special = {np.inf: np.inf, -np.inf: 0, 0.0: 1, 3e38: np.inf, -3e38: 0, -87.0: 0}
    for value, result in special.items():
        assert (call(run, np.full(17, value, np.float32)) == result).all()
    for bits in (0x7FC00000, 0x7F800001, 0xFFFFFFFF):
        nan = np.full(17, bits, np.uint32).view(np.float32)
        assert np.isnan(call(run, nan).astype(np.float32)).all()


def test_masked_scores_weigh_nothing() -> None:
    graph = Graph("softmax")
    graph.output("y", ops.softmax(graph.input("x", ("n", 33), "f32")))
    x = np.random.default_rng(0).normal(0, 5, (7, 33)).astype(np.float32)
    hidden = np.triu(np.ones((7, 33), bool), 1)
    got = call(compile_module(graph.module, NATIVE), np.where(hidden, np.float32(-np.inf), x))
    assert (got[hidden] == 0).all()
    np.testing.assert_allclose(got.sum(-1), 1, rtol=1e-6)


Approximate = Literal["none", "tanh"]


def gelu(approximate: Approximate) -> Graph:
    graph = Graph("gelu")
    x = graph.input("x", ("n", 64), "f32")
    graph.output("y", ops.gelu(x, approximate=approximate))
    return graph


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu(approximate: Approximate) -> None:
    x = np.linspace(-12, 12, 1 << 18, dtype=np.float32).reshape(-1, 64)
    got = call(compile_module(gelu(approximate).module, NATIVE), x)
    wide = x.astype(np.float64)
    inner = math.sqrt(2 / math.pi) * (wide + 0.044715 * wide**3)
    factor = REFERENCES["erf"](wide / math.sqrt(2)) if approximate == "none" else np.tanh(inner)
    want = 0.5 * wide * (1 + factor)
    assert np.abs(got - want).max() <= MAX_GELU_ERROR * np.abs(want).max()


@pytest.mark.parametrize("approximate", ["none", "tanh"])
@pytest.mark.parametrize(
    ("cpu", "registers"),
    [("znver4", "zmm"), ("x86-64-v4", "[yz]mm"), ("x86-64-v3", "ymm"), ("x86-64", None)],
)
def test_gelu_is_simd_code(approximate: Approximate, cpu: str, registers: str | None) -> None:
    options = CompileOptions(pipeline=LOOPS, target_cpu=cpu, target_triple="x86_64-linux-gnu")
    assembly = emit(gelu(approximate).module, "asm", options).decode()
    calls = re.findall(r"\bcall\w*\s+(\w+)", assembly)
    assert not {"tanhf", "expf", "erff", "fmaf"} & set(calls)
    if registers is None:
        assert re.search(r"\bmulps\s.*%xmm", assembly)
    else:
        # At least the polynomial of degree 4 that all functions share.
        assert len(re.findall(rf"\bvfn?m(?:add|sub)\w*ps\b.*%{registers}", assembly)) >= 8


@pytest.mark.parametrize("opt_level", range(4))
def test_default_pipeline(opt_level: int) -> None:
    graph = Graph("f")
    x = graph.input("x", ("batch", "seq", 64), "f32")
    hidden = ops.linear(x, graph.weight("w", (64, 64)))
    hidden = ops.rms_norm(hidden, graph.weight("scale", (64,)), epsilon=1e-6)
    rotated = ops.rope(ops.silu(ops.gelu(ops.gelu(hidden, approximate="tanh"))), num_heads=2)
    graph.output("y", ops.softmax(rotated))
    assembly = emit(graph.module, "asm", CompileOptions(opt_level=opt_level)).decode()
    called = {
        name
        for name in ("tanhf", "erff", "expf", "sinf", "cosf", "sincosf")
        if re.search(rf"\b{name}\b", assembly)
    }
    # Levels 0 and 1 keep the functions of libm.
    assert bool(called) == (opt_level < 2), called
    # An instruction at every level.
    assert not re.search(r"\br?sqrtf\b", assembly)


@pytest.mark.parametrize("opt_level", [2, 3])
@pytest.mark.parametrize(
    ("triple", "cpu", "root", "quotient"),
    [
        ("x86_64-linux-gnu", "znver4", r"vsqrts[sd]|vsqrtps", r"vdivss|vdivps"),
        ("x86_64-linux-gnu", "x86-64-v4", r"vsqrts[sd]|vsqrtps", r"vdivss|vdivps"),
        ("x86_64-linux-gnu", "x86-64-v3", r"vsqrtss|vsqrtps", r"vdivss|vdivps"),
        ("x86_64-linux-gnu", "x86-64-v2", r"sqrtss|sqrtps", r"divss|divps"),
        ("aarch64-linux-gnu", "neoverse-n1", r"fsqrt", r"fdiv"),
    ],
)
def test_rsqrt_is_no_estimate(
    triple: str, cpu: str, root: str, quotient: str, opt_level: int
) -> None:
    """In norms, of many rows and of one: neither a call nor an instruction of 12 or 14 bits."""
    graph = Graph("norms")
    x = graph.input("x", ("rows", 100), "f32")
    one = graph.input("one", (1, 100), "f32")
    scale = graph.weight("scale", (100,))
    graph.output("rms", ops.rms_norm(x, scale, epsilon=1e-6))
    graph.output("layer", ops.layer_norm(one, scale, epsilon=1e-6))
    options = CompileOptions(opt_level=opt_level, target_cpu=cpu, target_triple=triple)
    assembly = emit(graph.module, "asm", options).decode()
    assert len(re.findall(rf"\t(?:{root})\s", assembly)) >= 2
    assert len(re.findall(rf"\t(?:{quotient})\s", assembly)) >= 2
    assert not re.search(r"rsqrt|\bsqrtf|rcp\d*[ps]s|frecpe", assembly)
