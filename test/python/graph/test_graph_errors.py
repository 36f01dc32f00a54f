"""Mistakes in graphs: each is reported at its line, names the op and says what was expected."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from gpt_mlir import Graph, GraphError, Tensor
from gpt_mlir.graph import ops

# More than a float can be.
HUGE = 10**400

# What a user does wrong, as one line, and what the message must say.
CASES: list[tuple[Callable[[Graph, Tensor], Any], str]] = [
    (
        lambda g, x: ops.linear(x, g.weight("w", (8, 7))),
        "'gpt.linear' op expected weight dim 1 (7) to match input dim 2 (8)",
    ),
    (
        lambda g, x: ops.attention(x, x, x, num_heads=3),
        "'gpt.attention' op expected num_heads (3) to divide query dim 2 (8)",
    ),
    (lambda g, x: ops.layer_norm(x, g.weight("w", (9,)), epsilon=1e-5), "'gpt.layer_norm' op"),
    (lambda g, x: ops.layer_norm(x, g.weight("w", (8,)), epsilon=-1), "'gpt.layer_norm' op"),
    (lambda g, x: ops.rms_norm(x, g.weight("w", (8, 1)), epsilon=0.1), "'gpt.rms_norm' op"),
    (lambda g, x: x + g.input("y", (2, 5, 7)), "'gpt.add' op"),
    (lambda g, x: x * g.input("y", (8,), "bf16"), "'gpt.mul' op"),
    (lambda g, x: x @ g.input("y", (7, 2)), "'gpt.matmul' op"),
    (lambda g, x: ops.transpose(x, permutation=(0, 1)), "'gpt.transpose' op"),
    (lambda g, x: ops.split(x, 3), "'gpt.split' op"),
    (lambda g, x: ops.rope(x, num_heads=2, rotary_dims=3), "'gpt.rope' op"),
    (lambda g, x: ops.rope(x, num_heads=2, theta=-1.0), "'gpt.rope' op"),
    (lambda g, x: ops.embedding(g.weight("w", (9, 4)), x), "'gpt.embedding' op"),
    (lambda g, x: ops.causal_mask((3, 4), window=0, graph=g), "'gpt.causal_mask' op"),
    (lambda g, x: ops.cast(x, dtype="i64"), "'gpt.cast' op"),
    (lambda g, x: ops.sample(x, g.input("u", (2, 4))), "'gpt.sample' op"),
    (lambda g, x: ops.argmax(g.input("s", ())), "'gpt.argmax' op"),
    (lambda g, x: ops.last_token(g.input("s", (3,))), "'gpt.last_token' op"),
    # What Python itself can tell.
    (lambda g, x: ops.gelu(3), "'gpt.gelu' expected input to be a Tensor, found int 3"),
    (lambda g, x: ops.add(x, None), "'gpt.add' expected rhs to be a Tensor, found None"),
    (lambda g, x: x + 1, "'gpt.add' expected rhs to be a Tensor, found int 1"),
    (lambda g, x: "a" * x, "'gpt.mul' expected rhs to be a Tensor, found str 'a'"),
    (lambda g, x: x / 0, "expects a number other than 0, found 0"),
    (lambda g, x: x / x, "expects a number other than 0, found Tensor('x'"),
    (
        lambda g, x: ops.gelu(x, approximate="erf"),
        "'gpt.gelu' expected approximate to be one of 'none', 'tanh', found str 'erf'",
    ),
    (
        lambda g, x: ops.rope(x, num_heads=2, style="neox"),
        "'gpt.rope' expected style to be one of 'half_split', 'interleaved', found str 'neox'",
    ),
    (
        lambda g, x: ops.attention(x, x, x, num_heads=2.0),
        "'gpt.attention' expected num_heads to be an int, found float 2.0",
    ),
    (
        lambda g, x: ops.attention(x, x, x, num_heads=2, causal=1),
        "'gpt.attention' expected causal to be a bool, found int 1",
    ),
    (
        lambda g, x: ops.split(x, 2**63),
        f"'gpt.split' expected num_parts to fit 64 bits, found {2**63}",
    ),
    (
        lambda g, x: ops.scale(x, factor="2"),
        "'gpt.scale' expected factor to be a float, found str '2'",
    ),
    (
        lambda g, x: ops.transpose(x, permutation=3),
        "'gpt.transpose' expected permutation to be a sequence of ints, found int 3",
    ),
    (lambda g, x: x * HUGE, f"'gpt.scale' expected factor to fit f64, found int 1{'0' * 56}..."),
    (lambda g, x: x * 10**5000, "'gpt.scale' expected factor to fit f64, found int <int object"),
    (lambda g, x: x * -HUGE, "'gpt.scale' expected factor to fit f64, found int -1000"),
    (lambda g, x: x / HUGE, "f32) expects a number in the range of f64, found int 1000"),
    (lambda g, x: x / Fraction(1, HUGE), "expects a number in the range of f64, found Fraction"),
    (
        lambda g, x: ops.scale(x, factor=np.longdouble("1e4000")),
        "'gpt.scale' expected factor to fit f64, found longdouble",
    ),
    (
        lambda g, x: ops.layer_norm(x, g.weight("w", (8,)), epsilon=HUGE),
        "'gpt.layer_norm' expected epsilon to fit f64, found int 1000",
    ),
    (
        lambda g, x: ops.attention(x, x, x, num_heads=2, scale=HUGE),
        "'gpt.attention' expected scale to fit f64, found int 1000",
    ),
    (lambda g, x: ops.split(x, 10**5000), "'gpt.split' expected num_parts to fit 64 bits, found <"),
    (
        lambda g, x: ops.transpose(x, permutation=b"\0\2\1"),
        "'gpt.transpose' expected permutation to be a sequence of ints, found bytes b'",
    ),
    (
        lambda g, x: ops.causal_mask(b"ab", graph=g),
        "expected sizes to be (queries, keys), found b'ab'",
    ),
    (lambda g, x: ops.cast(x, dtype="f8"), "'gpt.cast' dtype: dtype 'f8' is not supported"),
    (
        lambda g, x: ops.add(x, Graph("other").input("y", (2, 5, 8))),
        "'gpt.add' expected rhs to belong to graph 'forward', found Tensor('y', [2, 5, 8], f32) of "
        "graph 'other'",
    ),
    (
        lambda g, x: ops.causal_mask(("sequence", 4), graph=g),
        "no input has a dimension named 'sequence'; known are: none",
    ),
    (lambda g, x: ops.causal_mask((3, 4)), "'gpt.causal_mask' expected graph=..."),
    (lambda g, x: ops.causal_mask((3, -4), graph=g), "'gpt.causal_mask' expected sizes not to be"),
    (lambda g, x: ops.causal_mask(3, graph=g), "expected sizes to be (queries, keys), found 3"),
    # Declarations.
    (lambda g, x: g.input("x", (1,)), "input 'x' exists already: Tensor('x', [2, 5, 8], f32)"),
    (lambda g, x: g.input("", (1,)), "expected the name of input to be a non-empty str, found ''"),
    (lambda g, x: g.input("y", "seq"), "expected the shape of input 'y' to be a sequence"),
    (lambda g, x: g.input("y", 3), "expected the shape of input 'y' to be a sequence, found 3"),
    (lambda g, x: g.input("y", b"ab"), "shape of input 'y' to be a sequence, found b'ab'"),
    (lambda g, x: g.weight("w", bytearray(2)), "shape of weight 'w' to be a sequence, found byte"),
    (lambda g, x: g.input("y", memoryview(b"ab")), "shape of input 'y' to be a sequence, found <m"),
    (
        lambda g, x: g.input("\ud800", (1,)),
        r"expected the name of input to have a form in UTF-8, found '\ud800'",
    ),
    (
        lambda g, x: g.weight("a\udfff", (1,)),
        r"expected the name of weight to have a form in UTF-8, found 'a\udfff'",
    ),
    (
        lambda g, x: g.output("\ud800", x),
        r"expected the name of output to have a form in UTF-8, found '\ud800'",
    ),
    (
        lambda g, x: g.call(lambda b, y: y, x, scope="\ud800"),
        r"expected the name of scope to have a form in UTF-8, found '\ud800'",
    ),
    (
        lambda g, x: g.input("y", (2, "\ud800")),
        r"expected the name of dimension 1 of input 'y' to have a form in UTF-8, found '\ud800'",
    ),
    (
        lambda g, x: g.input("y", (10**5000,)),
        "expected dimension 0 of input 'y' to fit 64 bits, found <int object",
    ),
    (lambda g, x: g.input("y", (1.0,)), "expected dimension 0 of input 'y' to be an int, a str"),
    (lambda g, x: g.input("y", (2, -1)), "expected dimension 1 of input 'y' not to be negative"),
    (
        lambda g, x: g.input("y", (2**63, 4)),
        "expected dimension 0 of input 'y' to fit 64 bits, found 9223372036854775808",
    ),
    (lambda g, x: g.input("y", (2,), "f64"), "input 'y': dtype 'f64' is not supported; expected"),
    (lambda g, x: g.weight("w", ("n", 2)), "expected weight 'w' to have a static shape"),
    (
        lambda g, x: (g.weight("w", (2,)), g.weight("w", (3,))),
        "weight 'w' exists already as Tensor('w', [2], f32), found [3], f32",
    ),
    (
        lambda g, x: (g.weight("w", (2,)), g.weight("w", (2,), "bf16")),
        "weight 'w' exists already as Tensor('w', [2], f32), found [2], bf16",
    ),
    (
        lambda g, x: (g.output("y", x), g.output("y", x)),
        "output 'y' exists already: Tensor('x', [2, 5, 8], f32)",
    ),
    (
        lambda g, x: g.input("weights", (1,)),
        "input name 'weights' is taken by",
    ),
    (lambda g, x: g.weight("x", (2,)), "input 'x' exists already: Tensor('x', [2, 5, 8], f32)"),
    (
        lambda g, x: (g.weight("w", (2,)), g.input("w", (2,))),
        "weight 'w' exists already: Tensor('w', [2], f32)",
    ),
    (lambda g, x: g.output("y", 1), "expected output 'y' to be a Tensor, found int"),
    (
        lambda g, x: g.output("y", Graph("other").input("z", (1,))),
        "expected output 'y' to belong to graph 'forward', found Tensor('z', [1], f32) of graph",
    ),
    (lambda g, x: g.compile(), "graph 'forward' has no output to compute"),
    (lambda g, x: Graph("two words"), "expected the name of a function to be an identifier"),
    (lambda g, x: g.function("forward"), "the module has a function named 'forward' already"),
    (lambda g, x: g.wrap(3), "expected an ir.Value to wrap, found int"),
    (
        lambda g, x: g.wrap(Graph("other").input("z", (1,)).value),
        "expected a value of graph 'forward' to wrap, found one of another MLIR context",
    ),
    (
        lambda g, x: g.wrap(Graph("other", context=g.context).input("z", (1,)).value),
        "expected a value of graph 'forward' to wrap, found one of function 'other'",
    ),
    (
        lambda g, x: g.wrap(ops.gelu(g.function("other").input("z", (1,))).value),
        "expected a value of graph 'forward' to wrap, found one of function 'other'",
    ),
]


def make_graph() -> tuple[Graph, Tensor]:
    graph = Graph()
    return graph, graph.input("x", (2, 5, 8))


@pytest.mark.parametrize(("mistake", "message"), CASES)
def test_message(mistake: Callable[[Graph, Tensor], Any], message: str) -> None:
    graph, x = make_graph()
    with pytest.raises(GraphError, match=re.escape(message)) as caught:
        mistake(graph, x)
    line = inspect.getsourcelines(mistake)[1]
    file, found, _ = str(caught.value).split(":", 2)
    assert file == __file__
    assert line <= int(found) <= line + 3


def test_message_has_the_exact_line() -> None:
    graph, x = make_graph()
    here = inspect.currentframe()
    assert here is not None
    with pytest.raises(GraphError) as caught:
        ops.linear(x, graph.weight("w", (8, 7)))
    line = here.f_lineno - 1
    assert str(caught.value).startswith(f"{__file__}:{line}: 'gpt.linear' op expected ")


def test_a_mistake_leaves_the_graph_as_it_was() -> None:
    graph, x = make_graph()
    w = graph.weight("w", (8, 7))
    before = str(graph.module)
    for mistake in (
        lambda: ops.linear(x, w),
        lambda: ops.layer_norm(x, x, epsilon=0.1),
        lambda: ops.cast(x, dtype="i64"),
        lambda: ops.gelu(x, approximate="?"),
        lambda: graph.input("x", (1,)),
    ):
        with pytest.raises(GraphError):
            mistake()
    assert str(graph.module) == before


def test_locations_are_the_users_lines() -> None:
    _, x = make_graph()
    here = inspect.currentframe()
    assert here is not None
    y = ops.gelu(x) + x
    line = here.f_lineno - 1
    assert str(y.value.owner.location) == f'loc("{__file__}":{line}:0)'


def test_the_line_of_a_with_statement_is_the_users() -> None:
    from gpt_mlir import ir

    graph, x = make_graph()
    here = inspect.currentframe()
    assert here is not None
    with graph.insertion_point():
        op = ir.Operation.create("gpt.gelu", results=[x.type], operands=[x.value])
    assert str(op.location) == f'loc("{__file__}":{here.f_lineno - 2}:0)'
    with pytest.raises(GraphError, match="expected the name of scope") as caught, graph.scope(""):
        pass
    assert str(caught.value).startswith(f"{__file__}:")


def test_invalid_ir_from_the_escape_hatch_is_reported() -> None:
    from gpt_mlir import ir

    graph, x = make_graph()
    with graph.insertion_point():
        ir.Operation.create("gpt.gelu", results=[ir.F32Type.get()], operands=[x.value])
    with pytest.raises(GraphError, match=r"test_graph_errors\.py:\d+: .*'gpt\.gelu' op"):
        _ = graph.module


def test_a_graph_that_cannot_be_cached_says_which_op_and_where() -> None:
    graph = Graph("model")
    x = graph.input("x", ("batch", "seq", 8))
    here = inspect.currentframe()
    assert here is not None
    y = ops.attention(x, x, x, num_heads=2)
    line = here.f_lineno - 1
    graph.output("y", y)
    before = str(graph.module)
    with pytest.raises(GraphError) as caught:
        graph.insert_kv_cache()
    message = str(caught.value)
    assert message.startswith(f"{__file__}:{line + 5}: graph 'model': ")
    assert "'gpt.attention' op attends to the future; expected 'causal'" in message
    assert f"{__file__}:{line}: " in message
    assert str(graph.module) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"block": 3}, "no such option 'block'; expected one of function, prefill_name, decode_na"),
        ({"logits": "foo"}, "expected logits to be one of 'last', 'all', found str 'foo'"),
        ({"logits": None}, "expected logits to be one of 'last', 'all', found None"),
        (
            {"cache_element_type": "f64"},
            "expected cache_element_type to be one of 'as-activations', 'f32', 'bf16', 'f16', found"
            " str 'f64'",
        ),
        ({"keep_function": "maybe"}, "expected keep_function to be a bool, found str 'maybe'"),
        ({"keep_function": 2}, "expected keep_function to be a bool, found int 2"),
        ({"prefill_name": "a b"}, "expected prefill_name to be an identifier, found 'a b'"),
        ({"prefill_name": "x}"}, "expected prefill_name to be an identifier, found 'x}'"),
        ({"prefill_name": ""}, "expected prefill_name to be an identifier, found ''"),
        ({"decode_name": "\ud800"}, r"decode_name to be an identifier, found '\ud800'"),
        ({"decode_name": "a\0b"}, r"decode_name to be an identifier, found 'a\x00b'"),
        ({"function": 3}, "expected function to be an identifier, found 3"),
        ({"function": "other"}, "expected a function 'other' to add KV caches to"),
        ({"decode_name": "prefill"}, "expected two different names for the prefill and decode"),
    ],
)
def test_a_wrong_option_of_the_cache_pass(
    options: dict[str, Any], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    graph, _ = make_graph()
    with pytest.raises(GraphError, match=re.escape(message)) as caught:
        graph.insert_kv_cache(**options)
    assert str(caught.value).startswith(f"{__file__}:")
    assert capfd.readouterr().err == ""


def test_wrapping_what_is_in_no_function() -> None:
    from gpt_mlir import ir

    graph, _ = make_graph()
    with graph.context, ir.Location.unknown():
        tensor = ir.RankedTensorType.get([3], ir.F32Type.get())
        loose = ir.Operation.create("tensor.empty", results=[tensor])
    with pytest.raises(GraphError, match="found one outside of any function"):
        graph.wrap(loose.result)


def test_wrapping_a_value_of_this_function() -> None:
    graph, x = make_graph()
    assert graph.wrap(x.value).shape == x.shape
    assert graph.wrap(ops.gelu(x).value).shape == x.shape


def test_wrapping_what_is_no_tensor() -> None:
    from gpt_mlir import ir
    from gpt_mlir.dialects import arith

    graph, _ = make_graph()
    with graph.insertion_point():
        index = arith.constant(ir.IndexType.get(), 3)
    with pytest.raises(GraphError, match="expected a value of a ranked tensor type, found index"):
        graph.wrap(index)


def test_extents_of_numpy() -> None:
    graph, _ = make_graph()
    assert graph.input("y", (np.int32(3), np.uint64(4))).shape == (3, 4)
    assert graph.weight("w", np.zeros((5, 6)).shape).shape == (5, 6)


def test_names_are_any_text() -> None:
    graph, _ = make_graph()
    y = graph.input("é \U0001f600", ("längd", 8))
    assert repr(y) == "Tensor('é \U0001f600', [längd, 8], f32)"


def test_numbers_at_the_ends_of_f64() -> None:
    _, x = make_graph()
    for factor in (10**308, float("inf"), float("nan"), np.longdouble("inf"), Fraction(1, HUGE)):
        assert (x * factor).shape == x.shape  # type: ignore[operator]
    assert (x / float("inf")).shape == x.shape
