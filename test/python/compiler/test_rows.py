"""Projections of any number of rows with weights: single rows, tails of tiles, batches.

Where the weight is packed, a row of a product has the same bits whatever rows are beside it: one
row alone, which reads the panels itself, and a row of a tile sum in the same order.
"""

from __future__ import annotations

import functools
import zlib
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from tolerance import assert_close

from gpt_mlir import DType, Executable
from gpt_mlir.graph import Graph, ops
from gpt_mlir.verify import reference

# name -> (outputs, inputs, layout, stored type of the weight, with a bias): depths that are
# multiples of a tile and not, whole panels and padded ones, less than one panel.
PROJECTIONS: dict[str, tuple[int, int, Literal["out_in", "in_out"], str, bool]] = {
    "whole": (96, 64, "out_in", "f32", True),
    "padded": (97, 48, "out_in", "f32", False),
    "in_out": (131, 80, "in_out", "f32", True),
    "bf16": (67, 48, "out_in", "bf16", True),
    "bf16_in_out": (64, 32, "in_out", "bf16", False),
    "f16": (33, 16, "in_out", "f16", False),
    "odd_depth": (40, 37, "out_in", "f32", True),
    "narrow": (7, 48, "in_out", "f32", False),
}
# Too deep for whole steps, or narrower than a panel: not packed.
UNPACKED = {"odd_depth", "narrow"}
BATCHES = (
    *((1, rows) for rows in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 17)),
    *((2, 1), (3, 1), (8, 1), (9, 1), (17, 1), (2, 3), (3, 5), (5, 2)),
)
LEVELS = (2, 3)


def get_weights(name: str) -> dict[str, NDArray[Any]]:
    outputs, inputs, layout, dtype, bias = PROJECTIONS[name]
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    shape = (outputs, inputs) if layout == "out_in" else (inputs, outputs)
    weights = {f"{name}.w": rng.standard_normal(shape).astype(DType(dtype).numpy)}
    if bias:
        weights[f"{name}.b"] = rng.standard_normal(outputs).astype(np.float32)
    return weights


@functools.cache
def get_executable(level: int) -> Executable:
    module = None
    for name, (_, inputs, layout, dtype, _) in PROJECTIONS.items():
        module = graph = Graph(name) if module is None else module.function(name)
        x = graph.input("x", ["batch", "seq", inputs])
        tensors = [
            graph.weight(key, value.shape, dtype if key.endswith(".w") else "f32")
            for key, value in get_weights(name).items()
        ]
        graph.output("y", ops.linear(x, *tensors, weight_layout=layout))
    assert module is not None
    weights = {key: value for name in PROJECTIONS for key, value in get_weights(name).items()}
    return module.compile(opt_level=level).bind(weights)


def get_rows(name: str, batch: tuple[int, int]) -> NDArray[np.float32]:
    rng = np.random.default_rng(zlib.crc32(f"{name} {batch}".encode()))
    return rng.standard_normal((*batch, PROJECTIONS[name][1])).astype(np.float32)


def project(level: int, name: str, x: NDArray[np.float32]) -> NDArray[np.float32]:
    result = get_executable(level).function(name)(x)
    assert isinstance(result, np.ndarray)
    return result


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", PROJECTIONS)
def test_rows(name: str, level: int) -> None:
    layout = PROJECTIONS[name][2]
    weights = list(get_weights(name).values())
    for batch in BATCHES:
        x = get_rows(name, batch)
        want = reference.linear(x, *weights, weight_layout=layout)
        error = reference.linear_error(x, *weights, weight_layout=layout)
        assert_close(project(level, name, x), want, error, what=f"{name} of {batch}")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", sorted(PROJECTIONS.keys() - UNPACKED))
def test_batch_equals_its_members(name: str, level: int) -> None:
    for batch in ((8, 1), (3, 5)):
        x = get_rows(name, batch)
        together = project(level, name, x)
        for b, s in np.ndindex(batch):
            alone = project(level, name, np.ascontiguousarray(x[b : b + 1, s : s + 1]))
            np.testing.assert_array_equal(together[b : b + 1, s : s + 1], alone, f"{b}, {s}")
