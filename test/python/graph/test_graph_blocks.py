"""Sub-graphs: traced once, called with the weights of each layer."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from gpt_mlir import Graph, GraphError, Tensor
from gpt_mlir.graph import ops


class Counted:
    """A block that counts how often it is traced."""

    def __init__(self) -> None:
        self.traces = 0
        self.__name__ = "feed_forward"

    def __call__(self, block: Graph, x: Tensor, *, hidden: int = 16) -> Tensor:
        self.traces += 1
        h = ops.linear(x, block.weight("up.weight", (hidden, 8)))
        return ops.linear(ops.gelu(h), block.weight("down.weight", (8, hidden)))


def functions(graph: Graph) -> list[str]:
    return [op.name.value for op in graph.module.body]


def calls(graph: Graph) -> list[str]:
    entry = graph.module.body.operations[0].entry_block
    return [op.callee.value for op in entry if op.operation.name == "func.call"]


def test_traced_once_called_per_layer() -> None:
    block, graph = Counted(), Graph()
    x = graph.input("x", ("batch", "seq", 8))
    for layer in range(12):
        x = graph.call(block, x, scope=f"h.{layer}")
    graph.output("y", x)
    assert block.traces == 1
    assert functions(graph) == ["forward", "feed_forward"]
    assert calls(graph) == ["feed_forward"] * 12
    assert [*graph.weights][:3] == ["h.0.up.weight", "h.0.down.weight", "h.1.up.weight"]
    assert len(graph.weights) == 24


def test_ir_grows_by_one_call_per_layer() -> None:
    def lines(layers: int) -> int:
        graph = Graph()
        x = graph.input("x", ("batch", "seq", 8))
        for layer in range(layers):
            x = graph.call(feed_forward, x, scope=f"h.{layer}")
        graph.output("y", x)
        return len(str(graph.module).splitlines())

    def feed_forward(block: Graph, x: Tensor) -> Tensor:
        return ops.linear(x, block.weight("weight", (8, 8)))

    assert lines(9) - lines(4) == 5


def test_traced_anew_for_other_types_and_static_arguments() -> None:
    block, graph = Counted(), Graph()
    x = graph.input("x", ("batch", "seq", 8))
    graph.call(block, x, scope="a")
    graph.call(block, x, scope="b", hidden=16)
    graph.call(block, x, scope="c", hidden=16)
    graph.call(block, graph.input("z", (1, 1, 8)), scope="d")
    graph.call(block, graph.input("t", ("batch", "other", 8)), scope="e")
    assert block.traces == 4
    assert functions(graph) == ["forward", *(f"feed_forward{n}" for n in ("", "_1", "_2", "_3"))]


def test_same_scope_shares_the_weights() -> None:
    block, graph = Counted(), Graph()
    x = graph.input("x", (1, 2, 8))
    graph.call(block, graph.call(block, x, scope="tied"), scope="tied")
    assert len(graph.weights) == 2


def test_no_scope_takes_the_names_as_they_are() -> None:
    graph = Graph()
    with graph.scope("model"):
        graph.call(Counted(), graph.input("x", (1, 2, 8)))
    assert [*graph.weights] == ["model.up.weight", "model.down.weight"]


def test_nested_blocks() -> None:
    block = Counted()

    def layer(outer: Graph, x: Tensor, *, depth: int) -> Tensor:
        for index in range(depth):
            x = x + outer.call(block, x, scope=f"mlp.{index}")
        return x

    graph = Graph()
    x = graph.input("x", ("batch", "seq", 8))
    for index in range(3):
        x = graph.call(layer, x, scope=f"h.{index}", depth=2)
    graph.output("y", x)
    assert block.traces == 1
    assert functions(graph) == ["forward", "layer", "feed_forward"]
    assert [*graph.weights][:2] == ["h.0.mlp.0.up.weight", "h.0.mlp.0.down.weight"]
    assert len(graph.weights) == 12


def test_results_are_returned_as_the_block_does() -> None:
    graph = Graph()
    x = graph.input("x", (1, 2, 8))
    assert isinstance(graph.call(lambda b, x: x, x), Tensor)
    parts = graph.call(lambda b, x: ops.split(x, 2), x)
    assert isinstance(parts, tuple)
    assert [part.shape for part in parts] == [(1, 2, 4)] * 2


def test_blocks_are_private_and_declare_weights_relative_to_the_scope() -> None:
    graph = Graph()
    graph.call(Counted(), graph.input("x", (1, 2, 8)), scope="h.0")
    (line,) = (line for line in str(graph.module).splitlines() if "private" in line)
    assert '{gpt.weight = "up.weight"}' in line
    assert "gpt.name" not in line


def failing(block: Graph, x: Tensor) -> Tensor:
    return ops.linear(x, block.weight("w", (3, 3)))


def recursive(block: Graph, x: Tensor) -> Any:
    return block.call(recursive, x)


OUTER = Graph("outer")
OUTSIDE = OUTER.input("outside", (1, 2, 8))

MISTAKES = [
    (failing, {}, "'gpt.linear' op expected weight dim 1 (3) to match input dim 2 (8)"),
    (recursive, {}, "block 'recursive' calls itself"),
    (lambda b, x: None, {}, "expected block '<lambda>' to return a Tensor or a tuple of Tensors, "),
    (lambda b, x: (x, 1), {}, "expected block '<lambda>' to return a Tensor or a tuple of Tensors"),
    (lambda b, x: OUTSIDE, {}, "block '<lambda>' returns Tensor('outside', [1, 2, 8], f32), which"),
    (lambda b, x: x + OUTSIDE, {}, "a block gets tensors as arguments of Graph.call"),
    (lambda b, x: x + b.input("y", (1,)), {}, "block 'lambda' has no input 'y' of its own"),
    (lambda b, x: b.output("y", x), {}, "block 'lambda' has no output 'y' of its own"),
    (lambda b, x, a: x, {"a": []}, "static arguments of block '<lambda>' to be hashable"),
    (lambda b, x, a: x, {"a": OUTSIDE}, "expected tensor 'a' of block '<lambda>' as an operand"),
]


@pytest.mark.parametrize(("block", "static", "message"), MISTAKES)
def test_mistakes(block: Any, static: dict[str, Any], message: str) -> None:
    graph = Graph()
    x = graph.input("x", (1, 2, 8))
    before = str(graph.module)
    with pytest.raises(GraphError) as caught:
        graph.call(block, x, **static)
    assert message in str(caught.value)
    assert f"{__file__}:" in str(caught.value)
    assert str(graph.module) == before
    # The name is free again.
    graph.call(lambda b, x: x, x)
    assert functions(graph) == ["forward", "lambda"]


def test_a_traced_block_gets_no_more_weights() -> None:
    kept: list[Graph] = []

    def leak(block: Graph, x: Tensor) -> Tensor:
        kept.append(block)
        return x * block.weight("w", (8,))

    graph = Graph()
    graph.call(leak, graph.input("x", (1, 2, 8)))
    assert kept[0].weight("w", (8,)).name == "w"
    with pytest.raises(GraphError, match="block 'leak' is complete and gets no new weight 'late'"):
        kept[0].weight("late", (8,))


def test_an_exception_in_a_block_passes_through() -> None:
    def broken(block: Graph, x: Tensor) -> Tensor:
        raise ZeroDivisionError

    graph = Graph()
    with pytest.raises(ZeroDivisionError):
        graph.call(broken, graph.input("x", (1,)))
    assert functions(graph) == ["forward"]


def test_operands_are_checked() -> None:
    graph = Graph()
    with pytest.raises(GraphError, match="expected operand 0 of block 'failing' to be a Tensor"):
        graph.call(failing, 3)  # type: ignore[arg-type]
    with pytest.raises(GraphError, match="expected operand 0 of block 'failing' to belong to"):
        graph.call(failing, OUTSIDE)


def test_a_weight_of_another_type_in_the_caller_is_reported() -> None:
    graph = Graph()
    graph.weight("h.0.up.weight", (4, 8))
    with pytest.raises(GraphError, match=r"weight 'h\.0\.up\.weight' exists already"):
        graph.call(Counted(), graph.input("x", (1, 2, 8)), scope="h.0")


def abandoned() -> tuple[Graph, Graph, list[Tensor]]:
    """A graph with an input `x`, a block of it that raised, and tensors of that block."""
    kept: list[Tensor] = []
    blocks: list[Graph] = []

    def raising(block: Graph, x: Tensor) -> Tensor:
        blocks.append(block)
        called = block.call(lambda inner, y: ops.gelu(y), x)
        kept.extend((x, block.weight("w", (8,)), ops.gelu(x), called))
        raise KeyError("mine")

    graph = Graph()
    x = graph.input("x", ("batch", 8))
    with pytest.raises(KeyError, match="mine"):
        graph.call(raising, x)
    return graph, blocks[0], kept


ABANDONED = "block 'raising' was not completed"
FOUND = "of block 'raising', which was not completed)"


def test_tensors_of_a_block_that_raised_say_so() -> None:
    _, _, kept = abandoned()
    assert [repr(tensor) for tensor in kept] == [
        f"Tensor('x', [batch, 8], f32, {FOUND}",
        f"Tensor('w', [8], f32, {FOUND}",
        f"Tensor([batch, 8], f32, {FOUND}",
        f"Tensor([?, 8], f32, {FOUND}",
    ]
    assert all(tensor.shape[-1] == 8 and tensor.dtype == "f32" for tensor in kept)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda g, b, t: t[0] + t[0], "'gpt.add' expected lhs to be of a graph to build on, "),
        (lambda g, b, t: g.inputs["x"] + t[2], "'gpt.add' expected rhs to be of a graph to build"),
        (lambda g, b, t: t[1] + g.inputs["x"], "'gpt.add' expected lhs to be of a graph to build"),
        (lambda g, b, t: t[3].T, "'gpt.transpose' expected input to be of a graph to build on"),
        (lambda g, b, t: ops.causal_mask((2, t[0].shape[0])), "expected sizes to be of a graph to"),
        (lambda g, b, t: ops.causal_mask((2, 2), graph=b), ABANDONED),
        (lambda g, b, t: b.weight("w", (8,)), ABANDONED),
        (lambda g, b, t: b.weight("v", (8,)), ABANDONED),
        (lambda g, b, t: b.call(lambda inner, y: y, t[0]), ABANDONED),
        (lambda g, b, t: b.wrap(t[0].value), ABANDONED),
        (lambda g, b, t: b.insertion_point().__enter__(), ABANDONED),
        (lambda g, b, t: g.wrap(t[0].value), "found one of function 'raising'"),
        (lambda g, b, t: g.wrap(t[2].value), "found one of function 'raising'"),
        (lambda g, b, t: g.call(lambda inner, y: y, t[0]), FOUND),
        (lambda g, b, t: g.output("y", t[2]), FOUND),
    ],
)
def test_a_block_that_raised_is_not_built_on(use: Any, message: str) -> None:
    graph, block, kept = abandoned()
    before = str(graph.module)
    with pytest.raises(GraphError) as caught:
        use(graph, block, kept)
    assert message in str(caught.value)
    assert f"{__file__}:" in str(caught.value)
    assert str(graph.module) == before


def test_a_block_that_raised_can_be_called_again() -> None:
    graph, _, kept = abandoned()

    def raising(block: Graph, x: Tensor) -> Tensor:
        return ops.gelu(x)

    graph.output("y", graph.call(raising, graph.inputs["x"]))
    assert functions(graph) == ["forward", "lambda", "raising"]
    del graph
    assert repr(kept[2]) == f"Tensor([batch, 8], f32, {FOUND}"


@dataclasses.dataclass(frozen=True)
class Options:
    factor: object
    note: object = dataclasses.field(default=None, compare=False)


@dataclasses.dataclass(frozen=True)
class Scaling:
    """A block whose arguments are its fields."""

    factor: float

    def __call__(self, block: Graph, x: Tensor) -> Tensor:
        return x * self.factor


# Pairs that Python says are equal.
EQUAL = [
    (0.0, -0.0),
    (1, True),
    (1, 1.0),
    (0, False),
    (2.0, np.float32(2)),
    (np.float32(2), np.float64(2)),
    (np.float32(0), np.float32(-0.0)),
    (np.int32(1), np.int64(1)),
    (2, Fraction(2)),
    (complex(0.0, 0.0), complex(0.0, -0.0)),
]
WRAPPED = [
    lambda value: value,
    lambda value: (value,),
    lambda value: ("a", (2, value)),
    lambda value: frozenset({value}),
    Options,
    lambda value: (Options((value,)),),
]


def count_traces(*arguments: object) -> int:
    traces = 0

    def block(graph: Graph, x: Tensor, *, s: Any) -> Tensor:
        nonlocal traces
        traces += 1
        return x

    graph = Graph()
    x = graph.input("x", (1,))
    for argument in arguments:
        graph.call(block, x, s=argument)
    return traces


@pytest.mark.parametrize("wrap", WRAPPED)
@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_static_arguments_that_are_equal_but_not_the_same(one: Any, other: Any, wrap: Any) -> None:
    assert one == other
    assert count_traces(wrap(one), wrap(other), wrap(one), wrap(other)) == 2


@pytest.mark.parametrize("wrap", WRAPPED)
def test_every_nan_is_the_same_static_argument(wrap: Any) -> None:
    nans = [float("nan"), float("nan"), float("inf") - float("inf")]
    assert count_traces(*map(wrap, nans)) == 1
    assert count_traces(*(wrap(np.float32("nan")) for _ in range(3))) == 1


def test_static_arguments_that_are_the_same() -> None:
    assert count_traces(10**400, 10**400, int("1" + "0" * 400)) == 1
    assert count_traces(Options(1, "a"), Options(1, "b")) == 1
    assert count_traces("ab", "".join(["a", "b"])) == 1


def test_blocks_that_are_equal_but_not_the_same() -> None:
    graph = Graph()
    x = graph.input("x", (1,))
    for factor in (0.0, -0.0, 0.0):
        graph.call(Scaling(factor), x)
    assert functions(graph) == ["forward", "Scaling", "Scaling_1"]


def test_a_static_argument_with_something_unhashable_in_it() -> None:
    graph = Graph()
    with pytest.raises(GraphError, match="static arguments of block '<lambda>' to be hashable"):
        graph.call(lambda b, x, s: x, graph.input("x", (1,)), s=(1, [2]))
