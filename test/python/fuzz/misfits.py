"""Calls with extents that do not fit each other, which must be errors and read nothing.

One dynamic extent of a program is another one than it was made for. Where NumPy cannot compute the
program then, the compiled call must say so. Where NumPy can, as an extent happens to be 1 or to
meet no other, compiled code may refuse the call or not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from exact import Exact
from programs import Array

from gpt_mlir.errors import InputError


@dataclasses.dataclass(frozen=True)
class Misfit:
    """Arguments of `forward`, one of whose extents is wrong.

    Attributes:
        what: The extent and its size.
        arrays: The inputs, by name.
    """

    what: str
    arrays: dict[str, Array]


def misfit(exact: Exact) -> Misfit | None:
    """Returns arguments that NumPy cannot compute the program with, or None.

    Which extent of which size follows from the program.
    """
    signature = exact.signatures["forward"]
    inputs = [argument for argument in signature.arguments if argument.kind != "weight"]
    extents: dict[str, list[tuple[str, int]]] = {}
    for argument in inputs:
        for axis, (size, name) in enumerate(zip(argument.shape, argument.dims, strict=True)):
            if size is None:
                key = name or f"{argument.name} dim {axis}"
                extents.setdefault(key, []).append((argument.name, axis))
    if not extents:
        return None
    rng = exact.program.rng("misfit")
    key = list(extents)[rng.integers(len(extents))]
    name, axis = extents[key][0]
    size = max(0, exact.arrays[name].shape[axis] + int(rng.choice((-1, 1, 7))))
    arrays = {argument.name: exact.arrays[argument.name] for argument in inputs}
    for name, axis in extents[key]:
        length = arrays[name].shape[axis]
        if length == 0 and size > 0:  # there is nothing to repeat
            return None
        indices = np.arange(size) % max(1, length)
        arrays[name] = np.ascontiguousarray(arrays[name].take(indices, axis))
    fits = exact.computes({**exact.arrays, **arrays})
    return None if fits else Misfit(f"{key} of {size}", arrays)


def check_misfit(wrong: Misfit, call: Callable[..., Any]) -> None:
    """Raises AssertionError unless the call is an error."""
    try:
        call(**wrong.arrays)
    except InputError:
        return
    raise AssertionError(f"a call with {wrong.what} is no error, but cannot be computed")
