"""Random well-typed graphs: hypothesis draws the choices, the graph builder builds.

A `Builder` keeps a pool of values and grows it by rules, one or more per op (`op_rules.py`). Every
value carries its sizes at run time and a rough magnitude, so that operands fit and numbers stay in
the range of their type. Some ops are put into blocks, which are called several times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import linalg_rules
import op_rules
from hypothesis import strategies as st
from op_rules import FLOATS, Value
from programs import Argument, Generation, Program, single_threaded_context

from gpt_mlir import DType, Graph, Tensor
from gpt_mlir.graph import ops

T = TypeVar("T")

# Remainders of vectors and tiles (8 and 16 lanes, panels of 32) and ratios of heads differ.
FEATURES = (8, 4, 6, 12, 16, 24, 32, 1, 2, 3, 17, 31, 33, 36, 48, 64, 65, 96, 130)
BATCHES = (1, 2, 3, 4)
LENGTHS = (1, 2, 3, 5, 7, 8, 9, 16, 17, 33)
OF_NOTHING = (0,)  # an extent that there may be once in a while, in programs without a KV cache

RULES = (*op_rules.RULES, *linalg_rules.LINALG_RULES)

# Beyond this a value is scaled down: sums and products of f16 stay far below 65504.
LARGEST = 6.0


class State:
    """What the builders of a program and its blocks share."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self.draw = draw
        self.arguments: dict[str, Argument] = {}

    def name(self, prefix: str) -> str:
        return f"{prefix}{len(self.arguments)}"


class Builder:
    """Builds one function: the program's own or that of a block.

    Attributes:
        sequence: Whether the function must qualify for a KV cache: all values are
            `[batch, seq, features]` and computed from what stands at or before their position.
    """

    def __init__(
        self, state: State, graph: Graph, *, sequence: bool, is_block: bool = False
    ) -> None:
        self.state = state
        self.graph = graph
        self.sequence = sequence
        self.is_block = is_block
        self.values: list[Value] = []
        self.integers: list[Value] = []
        self.used: set[int] = set()

    # Choices. The first alternative is the simplest: failures shrink towards it.

    def choose(self, alternatives: Sequence[T]) -> T:
        return self.state.draw(st.sampled_from(alternatives))  # type: ignore[no-any-return]

    def flag(self) -> bool:
        return self.choose((False, True))

    def divisor(self, n: int) -> int:
        return self.choose([d for d in range(1, n + 1) if n % d == 0])

    # Values.

    def pick(self, fits: Callable[[Value], bool] = lambda _: True) -> Value | None:
        """Returns one of the values that fit, the latest by preference, or None."""
        fitting = [value for value in reversed(self.values) if fits(value)]
        return self.use(self.choose(fitting[:6])) if fitting else None

    def use(self, value: Value) -> Value:
        self.used.add(id(value))
        return value

    def add(self, *values: Value) -> None:
        for value in values:
            if value.dtype.is_float:
                self.values.append(self.tame(value))
            else:
                self.integers.append(value)

    def tame(self, value: Value) -> Value:
        if value.magnitude <= LARGEST:
            return value
        factor = 1 / value.magnitude
        return Value(ops.scale(value.tensor, factor=factor), value.sizes, 1.0)

    def operand(
        self,
        sizes: Sequence[int],
        dtype: DType,
        *,
        static: Sequence[int] = (),
        **data: Any,
    ) -> Value:
        """Adds an argument: an input with some dynamic dimensions, or a weight.

        Args:
            sizes: Its sizes at run time.
            dtype: Its element type.
            static: The dimensions that must be static.
            **data: Fields of `Argument`.
        """
        argument = Argument(tuple(sizes), **data)
        magnitude = argument.scale if argument.kind == "normal" else 1.0
        if self.is_block or self.sequence or self.flag():
            name = self.state.name("w")
            tensor = self.graph.weight(name, sizes, dtype)
        else:
            name = self.state.name("x")
            free = [a for a in range(len(sizes)) if a not in {s % len(sizes) for s in static}]
            shape: list[int | str | None] = list(sizes)
            for axis in free:
                shape[axis] = self.choose((sizes[axis], f"n{sizes[axis]}", None))
            tensor = self.graph.input(name, shape, dtype)
        self.state.arguments[name] = argument
        return Value(tensor, tuple(sizes), magnitude)

    def sequence_input(self, batch: int, length: int, features: int, dtype: DType) -> Value:
        """Adds `[batch, seq, features]`, the input of a function that is to be cached."""
        name = self.state.name("x")
        tensor = self.graph.input(name, ("batch", "seq", features), dtype)
        self.state.arguments[name] = Argument((batch, length, features))
        return Value(tensor, (batch, length, features))

    # Rules.

    def grow(self, steps: int) -> None:
        rules = op_rules.SEQUENCE_RULES if self.sequence else RULES
        for _ in range(steps):
            kind = self.choose((False, False, False, not self.is_block))
            self.add(*(self.block() if kind else self.choose(rules)(self)))

    def block(self) -> Sequence[Value]:
        """Puts one to three ops into a function and calls it up to three times."""
        operand = self.pick()
        if operand is None:
            return ()
        magnitudes: list[tuple[tuple[int, ...], float]] = []

        def function(graph: Graph, tensor: Tensor) -> Tensor:
            inner = Builder(self.state, graph, sequence=self.sequence, is_block=True)
            inner.add(Value(tensor, operand.sizes, operand.magnitude))
            inner.grow(self.choose((1, 2, 3)))
            result = inner.values[-1]
            magnitudes.append((result.sizes, result.magnitude))
            return result.tensor

        results: list[Value] = []
        for call in range(self.choose((1, 2, 3))):
            tensor = self.graph.call(function, operand.tensor, scope=f"l{call}")
            results.append(Value(tensor, *magnitudes[-1]))
            alike = [v for v in (results[-1], *self.values) if _are_alike(v, operand)]
            operand = self.use(self.choose([operand, *alike[:4]]))
        return results


def _are_alike(one: Value, other: Value) -> bool:
    return one.tensor.type == other.tensor.type and one.sizes == other.sizes


def _finish(builder: Builder, seed: int, generation: Generation | None) -> Program:
    """Chooses outputs and gives the arguments of blocks their full names."""
    graph = builder.graph
    everything = [*builder.values, *builder.integers]
    outputs = [value for value in everything if id(value) not in builder.used][-4:]
    last = builder.values[-1]
    extra = builder.choose([last, *everything])
    for value in dict.fromkeys([last, *outputs, extra]):
        graph.output(f"y{len(graph.outputs)}", value.tensor)
    known = builder.state.arguments
    names = [*graph.inputs, *graph.weights]
    arguments = {name: known[name.rpartition(".")[2]] for name in names}
    if generation is None:
        return Program(str(graph.module), arguments, seed)
    options = {
        "logits": "all",
        "cache_element_type": builder.choose(("as-activations", "f32", "bf16", "f16")),
    }
    text = str(graph.insert_kv_cache(**options))
    return Program(text, arguments, seed, generation)


@st.composite
def programs(draw: Callable[[st.SearchStrategy[Any]], Any], *, max_ops: int = 5) -> Program:
    """Programs of one function that is called once."""
    state = State(draw)
    builder = Builder(state, Graph("forward", context=single_threaded_context()), sequence=False)
    dtype = builder.choose((DType.F32, DType.F32, *FLOATS))
    extents = (BATCHES * 3 + OF_NOTHING, LENGTHS * 2 + OF_NOTHING, FEATURES)
    sizes = tuple(builder.choose(alternatives) for alternatives in extents)
    rank = builder.choose((3, 3, 3, 2, 1, 4))
    sizes = (builder.choose(BATCHES), *sizes) if rank == 4 else sizes[3 - rank :]
    builder.add(builder.operand(sizes, dtype, static=(-1,) if builder.flag() else ()))
    builder.grow(builder.choose(range(1, max_ops + 1)))
    return _finish(builder, draw(st.integers(0, 255)), None)


@st.composite
def cached_programs(draw: Callable[[st.SearchStrategy[Any]], Any], *, max_ops: int = 5) -> Program:
    """Programs with a KV cache that prefill and decode a few tokens."""
    state = State(draw)
    builder = Builder(state, Graph("forward", context=single_threaded_context()), sequence=True)
    dtype = builder.choose((DType.F32, DType.F32, *FLOATS))
    batch = builder.choose(BATCHES)
    chunks = tuple(draw(st.lists(st.sampled_from((1, 2, 3, 5, 9)), min_size=1, max_size=4)))
    starts = tuple(builder.choose((0, 0, 0, 1, 4)) for _ in range(batch))
    length = sum(chunks)
    capacity = max(starts) + length + builder.choose((0, 1, 6))
    builder.add(builder.sequence_input(batch, length, builder.choose(FEATURES), dtype))
    builder.grow(builder.choose(range(1, max_ops)))
    builder.add(*op_rules.cacheable_attention(builder))
    builder.grow(builder.choose((0, 1)))
    generation = Generation(starts, chunks, capacity)
    return _finish(builder, draw(st.integers(0, 255)), generation)
