"""Functions of the system that compiled code calls: memory and `libm`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gpt_mlir.verify.interpreter.memory import Memory

__all__ = ["FUNCTIONS", "REAL_FUNCTIONS"]

_Function = Callable[..., tuple[Any, ...]]


def _erf(x: float) -> float:
    return math.erf(x)


# In double precision; the result is rounded once more to the type of the argument.
REAL_FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "ceil": np.ceil,
    "cos": np.cos,
    "erf": _erf,
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "fabs": np.abs,
    "floor": np.floor,
    "log": np.log,
    "log1p": np.log1p,
    "log2": np.log2,
    "round": lambda x: np.trunc(x + np.copysign(0.5, x)),
    "rsqrt": lambda x: 1.0 / np.sqrt(x),
    "sin": np.sin,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "trunc": np.trunc,
}


def _real(compute: Callable[[Any], Any], kind: Any) -> _Function:
    return lambda _, x: (kind(compute(np.float64(x))),)


def _allocate(memory: Memory, alignment: int, size: int) -> tuple[Any, ...]:
    return (memory.allocate(size, alignment).base,)


def _free(memory: Memory, address: int) -> tuple[Any, ...]:
    memory.free(address)
    return ()


FUNCTIONS: Mapping[str, _Function] = {
    "aligned_alloc": _allocate,
    "free": _free,
    "malloc": lambda memory, size: (memory.allocate(size).base,),
    **{name: _real(compute, np.float64) for name, compute in REAL_FUNCTIONS.items()},
    **{f"{name}f": _real(compute, np.float32) for name, compute in REAL_FUNCTIONS.items()},
}
