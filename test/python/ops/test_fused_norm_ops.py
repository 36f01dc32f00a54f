"""layer_norm and rms_norm in front of a projection, which packs their rows, against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases import ODD, Array, Case, CompiledCases, Operand
from combinations import DEFAULT
from test_norm_ops import shifted

from gpt_mlir import DType, Graph, Tensor
from gpt_mlir.graph import ops
from gpt_mlir.verify import reference
from gpt_mlir.verify.tolerance import F32_ROUNDOFF, ROUNDOFF

# Below, at and above a tile of rows, and several blocks of them; two dimensions of rows.
SIZES = [*({"a": 1, "b": n} for n in ODD), {"a": 3, "b": 7}, {"a": 2, "b": 129}]
EPSILON = 1e-5
# More columns than a panel has.
COLUMNS = 40

NORMS: dict[str, tuple[Callable[..., Tensor], Callable[..., Any], Callable[..., Any]]] = {
    "layer_norm": (ops.layer_norm, reference.layer_norm, reference.layer_norm_error),
    "rms_norm": (ops.rms_norm, reference.rms_norm, reference.rms_norm_error),
}


def make_case(
    name: str, dtype: str, features: int, make: Callable[..., Array] | None, readers: int
) -> Case:
    """Returns a norm that `readers` projections read, of activations and weights of one type."""
    norm, exact, bound = NORMS[name]

    def op(x: Tensor, w: Tensor, *parameters: Tensor) -> Any:
        h = norm(x, *parameters, epsilon=EPSILON)
        return tuple(ops.linear(h, w) for _ in range(readers))

    def compute(x: Array, w: Array, *parameters: Array) -> Any:
        h = exact(x, *parameters, epsilon=EPSILON)
        return (reference.linear(h, w),) * readers

    def error(x: Array, w: Array, *parameters: Array) -> Any:
        h = np.asarray(exact(x, *parameters, epsilon=EPSILON))
        # The norm is rounded to its type; what it is off by goes through the product.
        rounding = ROUNDOFF[DType(dtype)] / F32_ROUNDOFF * np.abs(h)
        off = bound(x, *parameters, epsilon=EPSILON) + rounding
        return (reference.linear_error(h, w) + reference.linear(off, np.abs(w)),) * readers

    parameters = [Operand(("d",), dtype)] * (2 if name == "layer_norm" else 1)
    return Case(
        f"{name}_{dtype}_{features}_{make.__name__ if make else 'normal'}_{readers}",
        op,
        compute,
        [Operand(("a", "b", "d"), dtype, make), Operand((COLUMNS, "d"), dtype), *parameters],
        SIZES,
        error=error,
        static=(0, 4),
        fixed={"d": features},
    )


CASES = [
    # A depth that is packed as it is, for pairs too, and one that is padded in front of the pack.
    *(
        make_case(name, dtype, features, None, readers=1)
        for name in NORMS
        for dtype in ("f32", "bf16", "f16")
        for features in (64, 33)
    ),
    # A mean that is large beside the deviation, and a packed tile that two projections share.
    make_case("layer_norm", "f32", 64, shifted, readers=1),
    make_case("rms_norm", "f32", 96, None, readers=2),
]
executable = CompiledCases(CASES)
test_op = executable.test()
test_every_way = executable.test_every_way()


@pytest.mark.parametrize("threads", [2, 3])
def test_threads(threads: int) -> None:
    """The number of threads changes no bit."""
    run = executable.function(CASES[0].name, DEFAULT)
    x = shifted(np.random.default_rng(1), (3, 77, 64)).astype(np.float32)
    w, g, b = (np.ones(n, np.float32) for n in ((COLUMNS, 64), 64, 64))
    one, many = (run.with_num_threads(n) for n in (1, threads))
    assert np.array_equal(one(x, w, g, b), many(x, w, g, b))


@pytest.mark.parametrize("op", ["softmax", *NORMS])
def test_rows_without_features(op: str) -> None:
    graph = Graph()
    x = graph.input("x", (5, 0))
    parameters = {"softmax": 0, "rms_norm": 1, "layer_norm": 2}[op]
    inputs = [graph.input(f"p{i}", (0,)) for i in range(parameters)]
    graph.output("y", NORMS[op][0](x, *inputs, epsilon=EPSILON) if inputs else ops.softmax(x))
    y = graph.compile()(np.zeros((5, 0), np.float32), *[np.zeros(0, np.float32)] * parameters)
    assert isinstance(y, np.ndarray)
    assert y.shape == (5, 0)
