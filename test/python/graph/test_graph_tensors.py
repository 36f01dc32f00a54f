"""Tensors and dimensions of the graph builder: shapes, dtypes, operators, text."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gpt_mlir import Dim, DType, Graph, GraphError, Tensor
from gpt_mlir.graph import ops


@pytest.fixture
def graph() -> Graph:
    return Graph()


def op_name(tensor: Tensor) -> str:
    return tensor.value.owner.name


def test_shape_has_ints_and_named_dims(graph: Graph) -> None:
    x = graph.input("x", ("batch", "seq", 64))
    batch, seq, features = x.shape
    assert isinstance(batch, Dim)
    assert isinstance(seq, Dim)
    assert (batch.name, seq.name, features) == ("batch", "seq", 64)
    assert x.rank == 3


@pytest.mark.parametrize("dtype", list(DType))
def test_dtype(graph: Graph, dtype: DType) -> None:
    assert graph.input("x", (2,), dtype).dtype is dtype


@pytest.mark.parametrize("dtype", ["bf16", DType.BF16, np.float16, np.dtype("int64"), "float32"])
def test_dtype_may_be_given_in_any_form(graph: Graph, dtype: object) -> None:
    assert graph.input("x", (2,), dtype).dtype is DType.of(dtype)


@pytest.mark.parametrize("dtype", ["i8", "f4", "?", "<f4", np.dtype(">f4")])
def test_short_codes_of_numpy_are_refused(dtype: object) -> None:
    """ "i8" has 8 bytes in NumPy and 8 bits in MLIR."""
    with pytest.raises(TypeError, match="is not supported; expected one of f32, bf16"):
        DType.of(dtype)


def test_equal_names_are_equal_dims(graph: Graph) -> None:
    x = graph.input("x", ("batch", "seq"))
    y = graph.input("y", ("batch", "other"))
    assert x.shape[0] == y.shape[0]
    assert x.shape[1] != y.shape[1]
    assert len({x.shape[0], y.shape[0], x.shape[1]}) == 2


def test_unnamed_dims_are_equal_only_to_themselves(graph: Graph) -> None:
    x = graph.input("x", (None, None))
    assert x.shape[0] == x.shape[0]
    assert x.shape[0] != x.shape[1]
    assert x.shape[0].name is None


def test_dims_keep_their_names_through_ops(graph: Graph) -> None:
    ids = graph.input("ids", ("batch", "seq"), "i64")
    x = ops.embedding(graph.weight("table", (11, 24)), ids)
    q, k, v = ops.split(ops.linear(x, graph.weight("w", (24, 24))), 3)
    y = ops.gelu(ops.attention(q, k, v, num_heads=2, causal=True))
    assert repr(y) == "Tensor([batch, seq, 8], f32)"
    assert repr(ops.transpose(y, permutation=(1, 2, 0))) == "Tensor([seq, 8, batch], f32)"
    assert repr(ops.position_ids(y)) == "Tensor([batch, seq], i64)"
    assert repr(ops.last_token(y)) == "Tensor([batch, 1, 8], f32)"


def test_dims_keep_their_names_through_blocks(graph: Graph) -> None:
    def exchange(block: Graph, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        return ops.silu(b), ops.silu(a)

    a, b = graph.input("a", ("batch", 4)), graph.input("b", ("seq", 5))
    c, d = graph.call(exchange, a, b)
    assert repr(c) == "Tensor([seq, 5], f32)"
    assert repr(d) == "Tensor([batch, 4], f32)"


def test_finding_a_dim_leaves_the_ir_alone(graph: Graph) -> None:
    x = graph.input("x", ("batch", 4))
    y = ops.transpose(ops.matmul(x, graph.weight("w", (4, 4))), permutation=(1, 0))
    before = str(graph.module)
    assert y.shape[1].name == "batch"
    assert str(graph.module) == before


def test_broadcast_dim_has_the_name_of_the_larger(graph: Graph) -> None:
    x = graph.input("x", ("batch", "seq", 8))
    y = graph.input("y", (1, 1, 8))
    assert repr(y + x) == "Tensor([batch, seq, 8], f32)"


def test_repr_of_input_has_its_name(graph: Graph) -> None:
    assert repr(graph.input("x", (None, 3), "bf16")) == "Tensor('x', [?, 3], bf16)"
    assert repr(graph.input("s", ())) == "Tensor('s', [], f32)"


def test_operators_build_the_ops(graph: Graph) -> None:
    x, y = graph.input("x", (4, 4)), graph.input("y", (4, 4))
    assert op_name(x + y) == "gpt.add"
    assert op_name(x - y) == "gpt.add"
    assert op_name(x * y) == "gpt.mul"
    assert op_name(x @ y) == "gpt.matmul"
    assert op_name(x.T) == "gpt.transpose"
    assert op_name(-x) == "gpt.scale"
    assert op_name(x.astype("bf16")) == "gpt.cast"


@pytest.mark.parametrize("number", [2, 0.5, np.float32(0.25), np.int64(3), math.pi])
def test_product_with_a_number_is_scale(graph: Graph, number: float) -> None:
    x = graph.input("x", (4,))
    for y in (x * number, number * x):
        assert isinstance(y, Tensor)
        assert y.value.owner.opview.factor.value == float(number)
    assert (x / number).value.owner.opview.factor.value == 1.0 / float(number)


def test_transposes(graph: Graph) -> None:
    x = graph.input("x", (2, 3, 4))
    assert x.T.shape == (4, 3, 2)
    assert x.mT.shape == (2, 4, 3)
    assert x.transpose([1, 0, 2]).shape == (3, 2, 4)


def test_astype_keeps_the_shape(graph: Graph) -> None:
    x = graph.input("x", ("n", 3))
    assert repr(x.astype("f16")) == "Tensor([n, 3], f16)"


@pytest.mark.parametrize("make", [lambda x: bool(x), lambda x: [*x]])
def test_tensors_hold_no_data(graph: Graph, make: object) -> None:
    x = graph.input("x", (3,))
    with pytest.raises(GraphError, match=r"Tensor\('x', \[3\], f32\)"):
        make(x)  # type: ignore[operator]
