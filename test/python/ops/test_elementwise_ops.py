"""add, mul, scale, cast, transpose, split and last_token against NumPy."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
from cases import ODD, Array, Case, CompiledCases, Operand, integers
from combinations import Combination, each_way

from gpt_mlir import DType
from gpt_mlir.graph import ops
from gpt_mlir.verify import reference

FLOATS = ("f32", "bf16", "f16")
SIZES = [{"a": 2, "b": n, "c": n + 2} for n in ODD]


def name_of(*parts: object) -> str:
    return "_".join("".join(map(str, p)) if isinstance(p, tuple) else str(p) for p in parts)


# Sum and product: one rounding, that of the result.
BINARY = [
    Case(
        name_of(name, dtype, lhs, rhs),
        op,
        lambda x, y, name=name: getattr(np, name)(reference.widen(x), reference.widen(y)),
        [Operand(lhs, dtype), Operand(rhs, dtype)],
        SIZES,
        error=0.0,
        static=(1,),
    )
    for (name, op), (dtype, lhs, rhs) in itertools.product(
        (("add", ops.add), ("multiply", ops.mul)),
        (
            ("f32", ("a", "b", "c"), ("a", "b", "c")),
            ("bf16", ("a", "b", "c"), ("c",)),
            ("f16", ("c",), ("a", "b", "c")),
            ("f32", ("a", 1, "c"), (1, "b", 1)),
            ("f32", (), ("b", "c")),
            ("f32", (), ()),
        ),
    )
]

FACTOR = 0.1  # no number of any of these types
SCALE = [
    Case(
        name_of("scale", dtype),
        partial(ops.scale, factor=FACTOR),
        lambda x: reference.widen(x) * np.float32(FACTOR),
        [Operand(("a", "b", "c"), dtype)],
        SIZES,
        error=0.0,
        static=(1,),
    )
    for dtype in FLOATS
]


def any_exponent(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers of every magnitude, and ties between two bf16 or f16 numbers."""
    values = rng.standard_normal(shape) * 10.0 ** rng.integers(-8, 5, shape)
    values.flat[::7] = 1 + 2.0**-8
    values.flat[3::7] = 1 + 3 * 2.0**-8
    values.flat[4::7] = 1 + 2.0**-11
    values.flat[5::7] = -(1 + 3 * 2.0**-11)
    return values


CAST = [
    Case(
        name_of("cast", source, target),
        partial(ops.cast, dtype=target),
        lambda x, target=target: x.astype(np.float32).astype(DType(target).numpy),
        [Operand(("a", "b", "c"), source, any_exponent)],
        SIZES,
        static=(2,),
    )
    for source, target in itertools.product(FLOATS, FLOATS)
]

TRANSPOSE = [
    Case(
        name_of("transpose", dtype, order),
        partial(ops.transpose, permutation=order),
        lambda x, order=order: x.transpose(order),
        [Operand(tuple("abcd"[: len(order)]), dtype)],
        [dict(zip("abcd", extents, strict=True)) for extents in ((2, 3, 5, 7), (1, 17, 33, 3))],
    )
    for dtype, order in (
        ("f32", (0,)),
        ("bf16", (1, 0)),
        *(("f32", order) for order in itertools.permutations(range(3))),
        ("f16", (0, 2, 1, 3)),
        ("f32", (3, 1, 0, 2)),
    )
]

SPLIT = [
    Case(
        name_of("split", dtype, parts, groups, size),
        partial(ops.split, num_parts=parts, num_groups=groups),
        partial(reference.split, num_parts=parts, num_groups=groups),
        [Operand(("a", "b", parts * groups * size), dtype)],
        [{"a": 2, "b": n} for n in (1, 3, 17)],
    )
    for dtype, parts, groups, size in (
        ("f32", 3, 1, 5),
        ("bf16", 2, 1, 16),
        ("f16", 3, 4, 3),
        ("f32", 1, 1, 7),
        ("f32", 2, 5, 1),
    )
]

LAST = [
    Case(
        name_of("last_token", dtype, rank),
        ops.last_token,
        lambda x: x[:, -1:],
        [Operand(("a", "b", "c", 3)[:rank], dtype, integers(-9, 9))],
        SIZES,
    )
    for dtype, rank in (("f32", 3), ("bf16", 2), ("f16", 4), ("i64", 2), ("i32", 3))
]

CASES = [*BINARY, *SCALE, *CAST, *TRANSPOSE, *SPLIT, *LAST]
executable = CompiledCases(CASES)
test_op = executable.test()
test_every_way = executable.test_every_way()


@each_way
def test_cast_keeps_what_is_not_finite(combination: Combination) -> None:
    special = np.float32([np.inf, -np.inf, np.nan, -0.0, 65520.0, 3.4e38])
    for target in ("bf16", "f16"):
        run = executable.function(f"cast_f32_{target}", combination)
        with np.errstate(over="ignore"):
            want = special.astype(DType(target).numpy).astype(np.float32)
        got = np.asarray(run(special.reshape(1, 2, 3))).astype(np.float32)
        np.testing.assert_array_equal(got.reshape(-1), want)
        assert np.signbit(got.reshape(-1)[3])
