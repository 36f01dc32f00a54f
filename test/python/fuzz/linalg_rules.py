"""Rules that put ops of users beside those of `gpt`: `linalg.generic` as people write it.

Maps permute, drop and add dimensions; bodies use indices, divide integers, and mix types; some ops
have two results. What they compute is in `linalg_values.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from op_rules import FLOATS, Rule, Value

from gpt_mlir import ir
from gpt_mlir.dialects import arith, linalg, tensor

if TYPE_CHECKING:
    from generator import Builder

# Makes the values that a body yields from its arguments.
Body = Callable[..., Sequence[Any]]

PARALLEL, REDUCTION = linalg.IteratorType.parallel, linalg.IteratorType.reduction


class Loops:
    """The space of a `linalg.generic`: for each dimension its extent, in the IR and at run time."""

    def __init__(self, b: Builder, x: Value) -> None:
        self.b = b
        self.sizes = list(x.sizes)
        self.iterators = [PARALLEL] * x.rank
        self._x = x.tensor.value
        self._extents = list(x.tensor.shape)

    def add(self, extent: int) -> int:
        """Adds a dimension that the operand does not have."""
        self.sizes.append(extent)
        self.iterators.append(PARALLEL)
        self._extents.append(extent)
        return len(self.sizes) - 1

    def map(self, dims: Sequence[int]) -> ir.AffineMap:
        return ir.AffineMap.get(len(self.sizes), 0, [ir.AffineExpr.get_dim(d) for d in dims])

    def empty(self, dims: Sequence[int], kind: ir.Type) -> Any:
        """Returns a tensor without content of some of the dimensions."""
        sizes: list[Any] = []
        for d in dims:
            extent = self._extents[d]
            if not isinstance(extent, int):
                index = arith.constant(ir.IndexType.get(), d)
                extent = tensor.dim(self._x, index)
            sizes.append(extent)
        return tensor.empty(sizes, kind)

    def value(self, result: Any, dims: Sequence[int], magnitude: float) -> Value:
        sizes = tuple(self.sizes[d] for d in dims)
        return Value(self.b.graph.wrap(result), sizes, magnitude)

    def generic(
        self,
        inputs: Sequence[tuple[Any, Sequence[int]]],
        outputs: Sequence[tuple[Any, Sequence[int]]],
        body: Body,
    ) -> list[Any]:
        maps = [self.map(dims) for _, dims in (*inputs, *outputs)]
        kinds = [value.type for value, _ in outputs]
        op = linalg.GenericOp(
            kinds, [v for v, _ in inputs], [v for v, _ in outputs], maps, self.iterators
        )
        elements = [value.type.element_type for value, _ in (*inputs, *outputs)]
        block = op.regions[0].blocks.append(*elements)
        with ir.InsertionPoint(block):
            linalg.YieldOp(list(body(*block.arguments)))
        return list(op.results)


def _cast(value: Any, kind: ir.Type) -> Any:
    """Converts between types of floats."""
    widths = (ir.FloatType(value.type).width, ir.FloatType(kind).width)
    if value.type == kind:
        return value
    if widths[0] == widths[1]:  # bf16 and f16
        return arith.truncf(kind, arith.extf(ir.F32Type.get(), value))
    return arith.extf(kind, value) if widths[0] < widths[1] else arith.truncf(kind, value)


def _index_number(b: Builder, num_dims: int, kind: ir.Type) -> Any:
    """Returns a number in `kind` from -4 to 4 that follows from indices alone."""
    index_type, integer = ir.IndexType.get(), ir.IntegerType.get_signless(b.choose((64, 32)))
    first = linalg.IndexOp(b.choose(range(num_dims))).result
    second = linalg.IndexOp(b.choose(range(num_dims))).result
    one = arith.constant(index_type, 1)
    operation = b.choose(("rem", "div", "select", "signed"))
    if operation == "rem":
        number = arith.remui(first, arith.addi(second, one))
    elif operation == "div":
        number = arith.divui(first, arith.addi(second, one))
    elif operation == "select":
        least = arith.cmpi(arith.CmpIPredicate.ult, first, second)
        number = arith.select(least, first, one)
    else:
        offset = arith.constant(index_type, 2)
        number = arith.subi(first, arith.muli(second, offset))
    divisor = arith.constant(integer, b.choose((5, 3, 4, -3)))
    rest = arith.remsi(arith.index_cast(integer, number), divisor)
    return arith.sitofp(kind, rest)


def _float_body(b: Builder, num_dims: int, kind: ir.Type) -> tuple[Body, float]:
    """Returns a body of floats, `kind` at the end, and a bound of what it adds."""
    narrow = b.flag()  # arithmetic in the type of the first operand, not in f32
    steps = [b.choose(("add", "max", "mul", "index", "negate")) for _ in range(b.choose((1, 2, 3)))]

    def body(*arguments: Any) -> list[Any]:
        wide = arguments[0].type if narrow else ir.F32Type.get()
        x, *others = [_cast(argument, wide) for argument in arguments]
        y = others[0] if others else x
        for step in steps:
            if step == "add":
                x = arith.addf(x, y)
            elif step == "max":
                x = arith.maximumf(x, y)
            elif step == "mul":
                x = arith.mulf(x, arith.constant(wide, 0.25))
            elif step == "index":
                x = arith.addf(x, _index_number(b, num_dims, wide))
            else:
                x = arith.negf(x)
        return [_cast(x, kind)]

    return body, 8.0 * len(steps)


def _shuffled(b: Builder, dims: Sequence[int]) -> list[int]:
    left = list(dims)
    if not b.flag():
        return left
    return [left.pop(b.choose(range(len(left)))) for _ in dims]


def users_map(b: Builder) -> Sequence[Value]:
    """Every dimension parallel: one or two operands, whose results may be permuted or repeated."""
    x = b.pick(lambda v: 1 <= v.rank <= 4)
    if x is None:
        return ()
    with b.graph.insertion_point():
        loops = Loops(b, x)
        dims = list(range(x.rank))
        inputs = [(x.tensor.value, dims)]
        if b.flag():
            kept = [d for d in dims if b.flag()]
            y = b.operand([x.sizes[d] for d in kept], x.dtype, static=range(len(kept)))
            inputs.append((y.tensor.value, kept))
        if b.choose((False, False, True)):
            dims = [*dims, loops.add(b.choose((3, 2, 1, 9)))]
        targets = [_shuffled(b, dims)]
        if b.choose((False, False, True)):
            targets.append(_shuffled(b, dims))
        kinds = [b.choose((x.dtype, *FLOATS)).mlir(b.graph.context) for _ in targets]
        bodies = [_float_body(b, len(loops.sizes), kind) for kind in kinds]
        outputs = [
            (loops.empty(target, kind), target) for target, kind in zip(targets, kinds, strict=True)
        ]

        def body(*arguments: Any) -> list[Any]:
            read = arguments[: len(inputs)]
            return [value for each, _ in bodies for value in each(*read)]

        results = loops.generic(inputs, outputs, body)
        return [
            loops.value(result, target, x.magnitude * 4 + added)
            for result, target, (_, added) in zip(results, targets, bodies, strict=True)
        ]


def users_reduction(b: Builder) -> Sequence[Value]:
    """Sums or maxima over some dimensions, in f32, with indices in between."""
    x = b.pick(lambda v: 1 <= v.rank <= 4)
    if x is None:
        return ()
    with b.graph.insertion_point():
        loops = Loops(b, x)
        dims = range(x.rank)
        reduced = {b.choose(range(x.rank - 1, -1, -1))}
        reduced |= {d for d in dims if b.choose((False, False, True))}
        for d in reduced:
            loops.iterators[d] = REDUCTION
        target = _shuffled(b, [d for d in dims if d not in reduced])
        f32 = ir.F32Type.get()
        is_sum, has_index = b.flag(), b.choose((False, False, True))
        count = 1
        for d in reduced:
            count *= x.sizes[d]

        def body(element: Any, accumulator: Any) -> list[Any]:
            element = _cast(element, f32)
            if has_index:
                element = arith.mulf(element, _index_number(b, x.rank, f32))
            if is_sum:
                return [arith.addf(accumulator, element)]
            return [arith.maximumf(accumulator, element)]

        start = arith.constant(f32, b.choose((0.0, -1.5)))
        into = linalg.fill(start, outs=[loops.empty(target, f32)])
        (result,) = loops.generic([(x.tensor.value, list(dims))], [(into, target)], body)
        magnitude = x.magnitude * (5 if has_index else 1) * (count if is_sum else 1) + 2
        return (loops.value(result, target, magnitude),)


def users_integers(b: Builder) -> Sequence[Value]:
    """Arithmetic of integers that divides, on integers of the graph and on indices."""
    found = [v for v in b.integers if 1 <= v.rank <= 3]
    if not found:
        return ()
    x = b.use(b.choose(found[::-1]))
    with b.graph.insertion_point():
        loops = Loops(b, x)
        dims = list(range(x.rank))
        kind = x.tensor.value.type.element_type
        steps = [b.choose(("div", "rem", "least", "index")) for _ in range(b.choose((1, 2)))]

        def body(element: Any, _: Any) -> list[Any]:
            for step in steps:
                one = arith.constant(kind, 1)
                index = arith.index_cast(kind, linalg.IndexOp(b.choose(dims)).result)
                if step == "div":
                    element = arith.divsi(element, arith.addi(index, one))
                elif step == "rem":
                    element = arith.remsi(element, arith.constant(kind, b.choose((7, 3, -5))))
                elif step == "least":
                    element = arith.minsi(element, index)
                else:
                    element = arith.addi(element, index)
            return [element]

        target = _shuffled(b, dims)
        outputs = [(loops.empty(target, kind), target)]
        (result,) = loops.generic([(x.tensor.value, dims)], outputs, body)
        return (loops.value(result, target, 1.0),)


def users_slice(b: Builder) -> Sequence[Value]:
    """A part of a tensor, with strides, or that part put into another place."""
    x = b.pick(lambda v: v.rank >= 1 and all(v.is_static(d) and v.sizes[d] for d in range(v.rank)))
    if x is None:
        return ()
    strides = [b.choose((1, 1, 2, 3)) for _ in x.sizes]
    offsets = [b.choose(range(min(size, 3))) for size in x.sizes]
    sizes = [
        (size - offset + stride - 1) // stride
        for size, offset, stride in zip(x.sizes, offsets, strides, strict=True)
    ]
    with b.graph.insertion_point():
        element = x.tensor.value.type.element_type
        kind = ir.RankedTensorType.get(sizes, element)
        place = (offsets, sizes, strides)
        cut = tensor.extract_slice(kind, x.tensor.value, [], [], [], *place)
        if b.flag():
            return (Value(b.graph.wrap(cut), tuple(sizes), x.magnitude),)
        other = b.operand(x.sizes, x.dtype, static=range(x.rank))
        put = tensor.insert_slice(cut, other.tensor.value, [], [], [], *place)
        return (Value(b.graph.wrap(put), x.sizes, max(x.magnitude, 1.0)),)


LINALG_RULES: Sequence[Rule] = (users_map, users_reduction, users_integers, users_slice)

__all__ = ["LINALG_RULES"]
