"""Weights in the form that compiled code reads them in, made once when they are bound.

The compiler decides which weights a function takes packed and adds functions that pack them (pass
`gpt-hoist-weight-packing`). The signature that users see does not change; what lies between it and
the code is described here, as plain data with a JSON form, beside the signatures in the manifest.
"""

from __future__ import annotations

import contextlib
import math
import mmap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from gpt_mlir import _runtime
from gpt_mlir.dtypes import DType
from gpt_mlir.errors import CheckpointError
from gpt_mlir.runtime.arrays import CARRIERS
from gpt_mlir.runtime.signature import FunctionSignature, TensorSignature, describe

__all__ = [
    "AnonymousMemory",
    "FunctionPacking",
    "PackedMemory",
    "PackedWeight",
    "Packer",
    "Packing",
    "Sources",
    "allocate",
    "expect_rows",
    "pack",
    "place",
    "provide",
    "view",
]

Array = np.ndarray[Any, Any]

_HUGE_PAGE = 2 << 20


@dataclass(frozen=True, kw_only=True)
class PackedWeight:
    """A weight, or several joined, as compiled code reads them.

    Attributes:
        function: The compiled function that packs it.
        layout: What tells this way of packing from any other: a hash of the function and of all
            that decides its code.
        sources: The checkpoint names of the weights it is made of.
        dtype: The element type.
        shape: Extents of the packed form.
    """

    function: str
    layout: str
    sources: tuple[str, ...]
    dtype: DType
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def signature(self) -> TensorSignature:
        """What compiled code expects."""
        name = ", ".join(self.sources)
        return TensorSignature(name=name, kind="weight", dtype=self.dtype, shape=self.shape)

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON form."""
        return {
            "function": self.function,
            "layout": self.layout,
            "sources": list(self.sources),
            "dtype": str(self.dtype),
            "shape": list(self.shape),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PackedWeight:
        """Restores what `to_json` wrote."""
        return cls(
            function=data["function"],
            layout=data["layout"],
            sources=tuple(data["sources"]),
            dtype=DType(data["dtype"]),
            shape=tuple(data["shape"]),
        )


@dataclass(frozen=True, kw_only=True)
class FunctionPacking:
    """What the code of one function takes: some of its arguments, then packed weights.

    Attributes:
        arguments: The positions in the signature of the arguments it takes as they are.
        packed: The packed weights, by their positions in `Packing.weights`.
    """

    arguments: tuple[int, ...]
    packed: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Packing:
    """The packed weights of one executable.

    Attributes:
        weights: All of them.
        functions: Which function takes which; one that is not listed takes its arguments as they
            are.
    """

    weights: tuple[PackedWeight, ...] = ()
    functions: Mapping[str, FunctionPacking] = field(default_factory=dict)

    def of(self, signature: FunctionSignature) -> tuple[tuple[int, ...], tuple[PackedWeight, ...]]:
        """Returns what the code of a function takes: positions of arguments, packed weights."""
        found = self.functions.get(signature.name)
        if found is None:
            return tuple(range(len(signature.arguments))), ()
        return found.arguments, tuple(self.weights[place] for place in found.packed)

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON form."""
        return {
            "weights": [weight.to_json() for weight in self.weights],
            "functions": {
                name: {"arguments": list(taken.arguments), "packed": list(taken.packed)}
                for name, taken in self.functions.items()
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Packing:
        """Restores what `to_json` wrote."""
        return cls(
            weights=tuple(map(PackedWeight.from_json, data["weights"])),
            functions={
                name: FunctionPacking(
                    arguments=tuple(taken["arguments"]), packed=tuple(taken["packed"])
                )
                for name, taken in data["functions"].items()
            },
        )


class Packer:
    """The compiled function that packs one weight."""

    def __init__(
        self, library: _runtime.Library, weight: PackedWeight, sources: Sequence[TensorSignature]
    ) -> None:
        """Finds the function.

        Args:
            library: Holds it.
            weight: What it makes.
            sources: What it makes it of.

        Raises:
            RuntimeError: The library has no such function.
        """
        self.weight = weight
        destination = (*describe(weight.signature)[:-1], True)
        arguments = [*map(describe, sources), destination]
        self._raw = _runtime.Function(library, weight.function, arguments, [])

    def bind(self, sources: Mapping[str, Any]) -> Packer:
        """Returns this packer with its sources bound, by name.

        Raises:
            ValueError: An array does not fit.
        """
        return self._replace(
            self._raw.bind({i: sources[name] for i, name in enumerate(self.weight.sources)})
        )

    def with_num_threads(self, count: int) -> Packer:
        """Returns this packer, using so many threads; 0 for as many as the process has set."""
        return self._replace(self._raw.with_num_threads(count))

    def __call__(self, packed: Array) -> None:
        """Writes the packed form of the bound sources to `packed`.

        Raises:
            CheckpointError: The file of a source was cut.
        """
        try:
            self._raw(packed)
        except _runtime.FileCutError as error:
            raise CheckpointError(str(error)) from None

    def _replace(self, raw: _runtime.Function) -> Packer:
        other = object.__new__(type(self))
        other.weight = self.weight
        other._raw = raw
        return other


class Sources(Protocol):
    """Memory that weights are packed from."""

    def release(self, name: str) -> None:
        """Says that a weight is not needed for a while."""

    def expect_rows(self, name: str) -> None:
        """Says that of a weight single rows are read from now on."""


class PackedMemory(Protocol):
    """Where packed weights are kept."""

    def provide(self, packers: Sequence[Packer]) -> list[Array]:
        """Returns the packed form of each weight.

        Args:
            packers: Make them; their sources are bound.
        """
        ...

    def expect_rows(self, names: Iterable[str]) -> None:
        """Says of which weights single rows are read beside their packed form."""


def provide(
    packers: Mapping[PackedWeight, Packer], memory: PackedMemory
) -> dict[PackedWeight, Array]:
    """Returns the packed form of each weight, kept in `memory`."""
    return dict(zip(packers, memory.provide(list(packers.values())), strict=True))


def place(weights: Sequence[PackedWeight], start: int = 0) -> tuple[list[int], int]:
    """Returns where each weight begins if all lie behind each other, and where the last one ends.

    Each begins with a page.
    """
    offsets: list[int] = []
    for weight in weights:
        offsets.append(start)
        start += -(-weight.nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
    return offsets, start


def view(memory: Any, weight: PackedWeight, offset: int) -> Array:
    """Returns the array of a weight in mapped memory."""
    count = math.prod(weight.shape)
    dtype = CARRIERS.get(weight.dtype, weight.dtype.numpy)
    return np.frombuffer(memory, dtype, count, offset).reshape(weight.shape)


def allocate(nbytes: int) -> tuple[mmap.mmap, int]:
    """Returns anonymous memory in huge pages where the system has them, and where it begins."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    try:
        memory = mmap.mmap(-1, nbytes + _HUGE_PAGE, flags=flags)
    except OSError as error:
        raise MemoryError(f"cannot allocate {nbytes} bytes: {error.strerror}") from None
    address: int = np.frombuffer(memory, np.uint8).__array_interface__["data"][0]
    start = -address % _HUGE_PAGE
    # Those that are filled to their end: of the last one, nobody needs the rest.
    whole = nbytes // _HUGE_PAGE * _HUGE_PAGE
    if whole and hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without them
            memory.madvise(mmap.MADV_HUGEPAGE, start, whole)
    return memory, start


class AnonymousMemory:
    """Memory of this process alone."""

    def __init__(self, sources: Sources | None = None) -> None:
        """Prepares.

        Args:
            sources: Where the weights that are packed come from, if that is memory to be saved.
        """
        self._sources = sources

    def provide(self, packers: Sequence[Packer]) -> list[Array]:
        """Packs all."""
        if not packers:
            return []
        weights = [packer.weight for packer in packers]
        offsets, size = place(weights)
        memory, start = allocate(size)
        arrays = []
        for packer, offset in zip(packers, offsets, strict=True):
            array = view(memory, packer.weight, start + offset)
            pack(packer, array, self._sources)
            arrays.append(array)
        return arrays

    def expect_rows(self, names: Iterable[str]) -> None:
        """Says of which weights single rows are read beside their packed form."""
        expect_rows(names, self._sources)

    def check_unchanged(self) -> None:
        """Does nothing: nobody else has this memory."""


def pack(packer: Packer, array: Array, sources: Sources | None) -> None:
    """Packs one weight and says which memory was read for it."""
    packer(array)
    if sources is not None:
        for name in packer.weight.sources:
            sources.release(name)


def expect_rows(names: Iterable[str], sources: Sources | None) -> None:
    """Says of which weights single rows are read beside their packed form."""
    if sources is not None:
        for name in names:
            sources.expect_rows(name)
