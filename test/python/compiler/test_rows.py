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
from combinations import ALL, Combination, every_way
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
    "one_deep": (32, 1, "in_out", "f32", True),
    "narrow": (7, 48, "in_out", "f32", False),
}
# Narrower than a panel: not packed.
UNPACKED = {"narrow"}
BATCHES = (
    *((1, rows) for rows in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 17)),
    *((2, 1), (3, 1), (8, 1), (9, 1), (17, 1), (2, 3), (3, 5), (5, 2)),
    # Several blocks of rows.
    *((1, 131), (3, 97)),
)
# Levels that have a schedule, with that of every target; for this machine always.
SCHEDULED = [
    pytest.param(
        combination,
        id=str(combination),
        marks=[] if combination.target == "native" else every_way,
    )
    for combination in ALL
    if combination.level >= 2
]
# Depths that are no whole steps of a tile, and one that is.
DEPTHS = (1, 2, 3, 15, 17, 31, 32, 33, 37, 101)


def get_weights(name: str) -> dict[str, NDArray[Any]]:
    outputs, inputs, layout, dtype, bias = PROJECTIONS[name]
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    shape = (outputs, inputs) if layout == "out_in" else (inputs, outputs)
    weights = {f"{name}.w": rng.standard_normal(shape).astype(DType(dtype).numpy)}
    if bias:
        weights[f"{name}.b"] = rng.standard_normal(outputs).astype(np.float32)
    return weights


@functools.cache
def get_executable(combination: Combination) -> Executable:
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
    return module.compile(**combination.options).bind(weights)


def get_rows(name: str, batch: tuple[int, int]) -> NDArray[np.float32]:
    rng = np.random.default_rng(zlib.crc32(f"{name} {batch}".encode()))
    return rng.standard_normal((*batch, PROJECTIONS[name][1])).astype(np.float32)


def project(combination: Combination, name: str, x: NDArray[np.float32]) -> NDArray[np.float32]:
    result = get_executable(combination).function(name)(x)
    assert isinstance(result, np.ndarray)
    return result


@pytest.mark.parametrize("combination", SCHEDULED)
@pytest.mark.parametrize("name", PROJECTIONS)
def test_rows(name: str, combination: Combination) -> None:
    layout = PROJECTIONS[name][2]
    weights = list(get_weights(name).values())
    for batch in BATCHES:
        x = get_rows(name, batch)
        want = reference.linear(x, *weights, weight_layout=layout)
        error = reference.linear_error(x, *weights, weight_layout=layout)
        assert_close(project(combination, name, x), want, error, what=f"{name} of {batch}")


@pytest.mark.parametrize("combination", SCHEDULED)
@pytest.mark.parametrize("name", sorted(PROJECTIONS.keys() - UNPACKED))
def test_batch_equals_its_members(name: str, combination: Combination) -> None:
    for batch in ((8, 1), (3, 5)):
        x = get_rows(name, batch)
        together = project(combination, name, x)
        for b, s in np.ndindex(batch):
            alone = project(combination, name, np.ascontiguousarray(x[b : b + 1, s : s + 1]))
            np.testing.assert_array_equal(together[b : b + 1, s : s + 1], alone, f"{b}, {s}")


@functools.cache
def get_depths(element: str) -> Executable:
    module = None
    for depth in DEPTHS:
        name = f"depth_{depth}"
        module = graph = Graph(name) if module is None else module.function(name)
        x = graph.input("x", ["batch", "seq", depth], element)
        weight = graph.weight(f"{name}.w", [45, depth], element)
        graph.output("y", ops.gelu(ops.linear(x, weight)))
    assert module is not None
    weights = {f"depth_{depth}.w": draw((45, depth), element) for depth in DEPTHS}
    return module.compile().bind(weights)


def draw(shape: tuple[int, ...], element: str) -> NDArray[Any]:
    rng = np.random.default_rng(zlib.crc32(f"{shape}".encode()))
    return rng.standard_normal(shape).astype(DType(element).numpy)


@pytest.mark.parametrize("element", ["f32", "bf16"])
@pytest.mark.parametrize("depth", DEPTHS)
def test_any_depth(depth: int, element: str) -> None:
    function = get_depths(element).function(f"depth_{depth}")
    weight = draw((45, depth), element)
    for batch in ((1, 1), (2, 1), (3, 5), (1, 17)):
        x = draw((*batch, depth), element)
        got = function(x)
        assert isinstance(got, np.ndarray)
        # The product is rounded to the element type before gelu, whose slope is at most 1.13.
        product = reference.linear(x, weight)
        rounding = np.abs(product) * (2 ** (24 - 8) if element == "bf16" else 1)
        error = 1.13 * (reference.linear_error(x, weight) + rounding)
        error += reference.gelu_error(product)
        assert_close(got, reference.gelu(product), error, what=f"depth {depth} of {batch}")
        for b, s in np.ndindex(batch):
            alone = function(np.ascontiguousarray(x[b : b + 1, s : s + 1]))
            np.testing.assert_array_equal(got[b : b + 1, s : s + 1], alone, f"{b}, {s}")
