"""linear and matmul against NumPy."""

from __future__ import annotations

import itertools
from functools import partial

from cases import Case, CompiledCases, Operand

from gpt_mlir.graph import ops
from gpt_mlir.verify import reference

# (rows, K, N): ones, odd numbers, primes, around the powers of two that tiles have, and nothing.
SHAPES = (
    *((1, 1, 1), (1, 17, 33), (2, 3, 5), (15, 31, 2), (33, 16, 15), (3, 257, 7), (17, 64, 31)),
    *((0, 5, 3), (3, 0, 5), (3, 5, 0), (65, 130, 97), (1, 300, 515)),
)
SIZES = [{"b": 2, "m": m, "k": k, "n": n} for m, k, n in SHAPES]
STATIC = (1, 3, 5)
TYPES = tuple(itertools.product(("f32", "bf16", "f16"), repeat=2))


def linear_case(dtype: str, weight: str, layout: str, bias: str | None, dims: str = "bm") -> Case:
    matrix = ("n", "k") if layout == "out_in" else ("k", "n")
    return Case(
        f"linear_{dtype}_{weight}_{layout}_{bias}_{dims}",
        partial(ops.linear, weight_layout=layout),
        partial(reference.linear, weight_layout=layout),
        [
            Operand((*dims, "k"), dtype),
            Operand(matrix, weight),
            *([Operand(("n",), bias)] if bias else []),
        ],
        SIZES,
        error=partial(reference.linear_error, weight_layout=layout),
        static=STATIC,
    )


CASES = [
    *(
        linear_case(dtype, weight, layout, weight)
        for (dtype, weight), layout in itertools.product(TYPES, ("out_in", "in_out"))
    ),
    linear_case("f32", "f32", "out_in", None),
    linear_case("f32", "bf16", "in_out", None),
    linear_case("bf16", "f16", "out_in", "f32"),
    linear_case("f32", "f32", "out_in", "f32", ""),
    linear_case("f32", "f32", "in_out", None, "m"),
    *(
        Case(
            f"matmul_{dtype}_{len(lhs)}_{len(rhs)}",
            ops.matmul,
            reference.matmul,
            [Operand(tuple(lhs), dtype), Operand(tuple(rhs), dtype)],
            [{"h": 3, **sizes} for sizes in SIZES],
            error=reference.matmul_error,
            static=STATIC,
        )
        for dtype, lhs, rhs in (
            ("f32", "mk", "kn"),
            ("bf16", "mk", "kn"),
            ("f16", "bmk", "bkn"),
            ("f32", "bmk", "kn"),
            ("f32", "bmk", "bkn"),
            ("f32", "bhmk", "bhkn"),
            ("bf16", "bhmk", "kn"),
        )
    ),
]
executable = CompiledCases(CASES)
test_op = executable.test()
test_every_way = executable.test_every_way()
