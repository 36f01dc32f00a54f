"""The `math` dialect: computed in double precision, rounded to the type of the operand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gpt_mlir.verify.interpreter.dialects.steps import computed
from gpt_mlir.verify.interpreter.library import REAL_FUNCTIONS
from gpt_mlir.verify.interpreter.translation import Step, Translate, Translation
from gpt_mlir.verify.interpreter.values import dtype_of

__all__ = ["HANDLERS", "fused", "real_op"]


def real_op(compute: Callable[..., Any]) -> Translate:
    """Returns the handler of a function of real numbers."""

    def translate(translation: Translation, op: Any) -> Step:
        kind = dtype_of(op.results[0].type).type
        return computed(
            translation, op, lambda *values: kind(compute(*[np.float64(x) for x in values]))
        )

    return translate


def fused(x: Any, y: Any, z: Any) -> Any:
    """A product and a sum: the product of numbers of 24 bits is exact in double precision."""
    return x * y + z


HANDLERS: Mapping[str, Translate] = {
    "math.absf": real_op(np.abs),
    "math.copysign": real_op(np.copysign),
    "math.fma": real_op(fused),
    "math.powf": real_op(np.power),
    "math.roundeven": real_op(np.rint),
    **{
        f"math.{name}": real_op(compute)
        for name, compute in REAL_FUNCTIONS.items()
        if name != "fabs"
    },
}
