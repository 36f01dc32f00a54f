"""Conversions between f64 and narrow floats round once and call no compiler runtime."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from compiler_modules import parse
from numpy.typing import NDArray

from gpt_mlir import CompileOptions, compile_module

# Functions have no arguments in f64: its bits are passed.
CONVERT = """
#id = affine_map<(i) -> (i)>
func.func @convert(%x: tensor<?x{source}>) -> tensor<?x{result}> {{
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x{source}>
  %e = tensor.empty(%n) : tensor<?x{result}>
  %y = linalg.generic {{indexing_maps = [#id, #id], iterator_types = ["parallel"]}}
      ins(%x : tensor<?x{source}>) outs(%e : tensor<?x{result}>) {{
  ^bb0(%in: {source}, %out: {result}):
    {first}
    {second}
    linalg.yield %1 : {result}
  }} -> tensor<?x{result}>
  return %y : tensor<?x{result}>
}}
"""
DTYPES = {"bf16": np.dtype(ml_dtypes.bfloat16), "f16": np.dtype(np.float16)}
INFINITY = {"bf16": 0x7F80, "f16": 0x7C00}
CPUS = ["native", "x86-64"]


def values(bits: NDArray[np.int64], name: str) -> NDArray[np.float64]:
    """Returns the magnitudes of bit patterns; infinity is the power of two beyond the largest."""
    finite = np.minimum(bits, INFINITY[name] - 1)
    magnitudes = finite.astype(np.uint16).view(DTYPES[name]).astype(np.float64)
    beyond = 2.0 ** (128 if name == "bf16" else 16)
    return np.where(bits == INFINITY[name], beyond, magnitudes)


def nearest(x: NDArray[np.float64], name: str) -> NDArray[np.int64]:
    """Returns the bit patterns of the narrow numbers nearest to magnitudes, even ones of two."""
    order = np.arange(INFINITY[name] + 1, dtype=np.int64)
    below = np.searchsorted(values(order, name), x, side="right") - 1
    above = np.minimum(below + 1, INFINITY[name])
    down, up = x - values(below, name), values(above, name) - x
    return np.where((up < down) | ((up == down) & (below % 2 == 1)), above, below)


def magnitudes(name: str) -> NDArray[np.float64]:
    """Returns all narrow numbers, all middles between two, and numbers next to these."""
    all_values = values(np.arange(INFINITY[name] + 1, dtype=np.int64), name)
    middles = (all_values[:-1] + all_values[1:]) / 2
    points = np.concatenate([all_values, middles])
    near = [np.nextafter(points, 0), np.nextafter(points, np.inf), points * (1 + 2.0**-30)]
    rng = np.random.default_rng(0)
    spread = np.exp2(rng.uniform(-160, 130, 1 << 16))
    ends = np.array([5e-324, np.finfo(np.float64).max])
    return np.concatenate([points, *near, spread, ends])


def compiled(cpu: str, **parts: str) -> Callable[..., Any]:
    options = CompileOptions(target_cpu=cpu, cache=False)
    return compile_module(parse(CONVERT.format(**parts)), options)


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("name", DTYPES)
def test_f64_is_rounded_once(name: str, cpu: str) -> None:
    run = compiled(
        cpu,
        source="i64",
        result=name,
        first="%0 = arith.bitcast %in : i64 to f64",
        second=f"%1 = arith.truncf %0 : f64 to {name}",
    )
    x = magnitudes(name)
    for sign, sign_bit in ((1.0, 0), (-1.0, 0x8000)):
        got = np.asarray(run((sign * x).view(np.int64))).view(np.uint16)
        np.testing.assert_array_equal(got, nearest(x, name) | sign_bit)
    special = np.array([np.inf, -np.inf, np.nan])
    got = np.asarray(run(special.view(np.int64)))
    np.testing.assert_array_equal(got.astype(np.float64), special)


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("name", DTYPES)
def test_f64_from_narrow_is_exact(name: str, cpu: str) -> None:
    run = compiled(
        cpu,
        source=name,
        result="i64",
        first=f"%0 = arith.extf %in : {name} to f64",
        second="%1 = arith.bitcast %0 : f64 to i64",
    )
    x = np.arange(1 << 16).astype(np.uint16).view(DTYPES[name])
    got = np.asarray(run(x)).view(np.float64)
    with np.errstate(invalid="ignore"):
        want = x.astype(np.float64)
    np.testing.assert_array_equal(got, want)
