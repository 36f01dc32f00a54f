"""Inputs of a module's functions from a seed: such that mistakes show.

Magnitudes differ from row to row, so that an epsilon counts in some rows and a missing maximum
overflows in others; extents are odd, so that tiles have tails; ids and positions lie outside of
their range now and then, where ops clamp.
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gpt_mlir.compiler.manifest import read_signatures
from gpt_mlir.errors import InputError
from gpt_mlir.runtime.signature import FunctionSignature, TensorSignature
from gpt_mlir.verify.reference import Array

__all__ = ["InputOptions", "check_memory", "check_sizes", "dynamic_dims", "make_inputs"]

# Extents of dynamic dimensions, per trial: several rows and a tail, one, and many rows.
_BATCHES = (2, 1, 3)
_EXTENTS = (11, 1, 37)
# Entries of a KV cache beside those that the new tokens take.
_EARLIER = 13
# Magnitudes of rows beside 1: small in the second trial, large in the third.
_MAGNITUDES = (1.0, 2.0**-9, 2.0**5)
_SHARE = 0.25


@dataclass(frozen=True, kw_only=True)
class InputOptions:
    """How inputs are made.

    Attributes:
        seed: Decides all numbers.
        trials: How many sets of inputs each function gets.
        sizes: Sizes of dynamic dimensions by name, instead of the chosen ones. A dimension without
            a name is called "dim0", "dim1", … by its place.
    """

    seed: int = 0
    trials: int = 3
    sizes: Mapping[str, int] = field(default_factory=dict)


NO_OPTIONS = InputOptions()


def make_inputs(signature: FunctionSignature, trial: int, options: InputOptions) -> list[Array]:
    """Returns an array per argument of a function.

    Raises:
        InputError: A size does not belong to any dimension of the function.
    """
    sizes = _sizes(signature, trial, options)
    rng = np.random.default_rng(
        [options.seed, trial, zlib.crc32(signature.name.encode())]  # stable between processes
    )
    return [_make(argument, sizes, rng, trial) for argument in signature.arguments]


def _dim_name(argument: TensorSignature, index: int) -> str:
    if argument.kind == "cache" and index == 2:
        return argument.dims[index] or "capacity"
    return argument.dims[index] or f"dim{index}"


def dynamic_dims(module: Any) -> list[str]:
    """Returns the names of the dynamic dimensions of the public functions of `module`."""
    return sorted(
        {name for signature in read_signatures(module) for name in _sizes(signature, 0, NO_OPTIONS)}
    )


def _sizes(signature: FunctionSignature, trial: int, options: InputOptions) -> dict[str, int]:
    names = [
        _dim_name(argument, index)
        for argument in signature.arguments
        for index, size in enumerate(argument.shape)
        if size is None
    ]
    kind = trial % len(_EXTENTS)
    sizes = {name: _EXTENTS[kind] for name in names}
    for name in ("batch", "dim0"):
        if name in sizes:
            sizes[name] = _BATCHES[kind]
    if "capacity" in sizes:
        sizes["capacity"] = _EXTENTS[kind] + _EARLIER
    sizes |= {name: size for name, size in options.sizes.items() if name in sizes}
    return sizes


def check_sizes(signatures: list[FunctionSignature], options: InputOptions) -> None:
    """Raises InputError if a size is given for a dimension that no function has."""
    known = sorted({name for s in signatures for name in _sizes(s, 0, NO_OPTIONS)})
    for name in options.sizes:
        if name not in known:
            raise InputError(
                f"no dynamic dimension '{name}'; there are {', '.join(known) or 'none'}"
            )


def check_memory(signatures: list[FunctionSignature], options: InputOptions) -> None:
    """Raises InputError if the inputs of all functions do not fit into the machine's memory."""
    total = most = 0
    largest = ""
    for signature in signatures:
        for trial in range(options.trials):
            sizes = _sizes(signature, trial, options)
            for argument in signature.arguments:
                shape = _shape(argument, sizes)
                # Beside an extent of 0, too, NumPy has no use for huge ones.
                elements = math.prod(max(size, 1) for size in shape)
                total += elements * argument.dtype.itemsize
                if elements > most:
                    most = elements
                    largest = (
                        f"'{argument.name}' of function '{signature.name}': "
                        f"{list(shape)}, {argument.dtype}"
                    )
    total += most * np.dtype(np.float64).itemsize  # each is made in float64
    limit = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if total > limit:
        raise InputError(
            f"expected inputs of at most {_gib(limit)}, the memory of this machine, found "
            f"{_gib(total)}; the largest is argument {largest}"
        )


def _gib(size: int) -> str:
    return f"{size / 2**30:,.1f} GiB"


def _shape(argument: TensorSignature, sizes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(
        sizes[_dim_name(argument, index)] if size is None else size
        for index, size in enumerate(argument.shape)
    )


def _make(
    argument: TensorSignature, sizes: Mapping[str, int], rng: np.random.Generator, trial: int
) -> Array:
    shape = _shape(argument, sizes)
    if argument.kind == "positions":
        low, high = (0, _EARLIER + 1) if trial % 3 < 2 else (-2, _EARLIER + 8)
        return rng.integers(low, high, shape).astype(argument.dtype.numpy)
    if not argument.dtype.is_float:
        ids = rng.integers(0, 64, shape)
        outside = rng.choice([-3, 1 << 20], shape)
        return np.where(rng.random(shape) < _SHARE / 2, outside, ids).astype(argument.dtype.numpy)
    array = rng.standard_normal(shape)
    if argument.kind == "weight" and len(shape) > 1:
        array /= shape[-1] ** 0.5
    elif argument.kind == "input" and len(shape) > 1:
        chosen = rng.random((*shape[:-1], 1)) < _SHARE
        array *= np.where(chosen, _MAGNITUDES[trial % len(_MAGNITUDES)], 1.0)
    return array.astype(argument.dtype.numpy)
