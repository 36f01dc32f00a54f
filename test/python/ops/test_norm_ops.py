"""layer_norm and rms_norm against NumPy."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from cases import ODD, Array, Case, CompiledCases, Operand
from combinations import Combination, each_way
from tolerance import assert_close

from gpt_mlir.graph import ops
from gpt_mlir.verify import reference

SIZES = [{"a": 2, "b": 3, "d": n} for n in (*ODD, 257)]


def shifted(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """A mean that is large beside the deviation: the variance as mean of squares would fail."""
    return 100 + rng.standard_normal(shape)


# Activations and weights in the same and in different types.
TYPES = (("f32", "f32"), ("f32", "bf16"), ("bf16", "bf16"), ("f16", "f32"), ("f32", "f16"))

CASES = [
    *(
        Case(
            f"layer_norm_{dtype}_{weight}_{bias}_{dims}_{make.__name__ if make else 'normal'}",
            partial(ops.layer_norm, epsilon=1e-5),
            partial(reference.layer_norm, epsilon=1e-5),
            [
                Operand(tuple(dims), dtype, make),
                Operand(("d",), weight),
                *([Operand(("d",), bias)] if bias else []),
            ],
            SIZES,
            error=partial(reference.layer_norm_error, epsilon=1e-5),
            static=(4,),
        )
        for dtype, weight, bias, dims, make in (
            *((dtype, weight, weight, "abd", None) for dtype, weight in TYPES),
            ("f32", "f32", None, "abd", None),
            ("f32", "bf16", "f32", "d", None),
            ("f32", "f32", "f32", "abd", shifted),
        )
    ),
    *(
        Case(
            f"rms_norm_{dtype}_{weight}_{offset}_{''.join(dims)}_{str(epsilon).replace('-', '_')}",
            partial(ops.rms_norm, epsilon=epsilon, unit_offset=offset),
            partial(reference.rms_norm, epsilon=epsilon, unit_offset=offset),
            [Operand(tuple(dims), dtype), Operand(("d",), weight)],
            SIZES,
            error=partial(reference.rms_norm_error, epsilon=epsilon, unit_offset=offset),
            static=(4,),
        )
        for dtype, weight, offset, dims, epsilon in (
            *((dtype, weight, False, "abd", 1e-6) for dtype, weight in TYPES),
            *((dtype, weight, True, "abd", 1e-6) for dtype, weight in TYPES),
            ("f32", "f32", False, "d", 1),
        )
    ),
]
executable = CompiledCases(CASES)
test_op = executable.test()
test_every_way = executable.test_every_way()


@each_way
@pytest.mark.parametrize("value", [0.0, 1.0, 1e-6])
def test_constant_rows(value: float, combination: Combination) -> None:
    """A row without variance: epsilon decides, and nothing is divided by zero."""
    x = np.full((1, 2, 17), value, np.float32)
    ones, zeros = np.ones(17, np.float32), np.zeros(17, np.float32)
    layer = executable.function("layer_norm_f32_f32_f32_abd_normal", combination)(x, ones, zeros)
    error = reference.layer_norm_error(x, ones, zeros, epsilon=1e-5)
    assert_close(layer, np.zeros(x.shape), error)
    rms = executable.function("rms_norm_f32_f32_False_abd_1e_06", combination)(x, ones)
    error = reference.rms_norm_error(x, ones, epsilon=1e-6)
    assert_close(rms, reference.rms_norm(x, ones, epsilon=1e-6), error)
