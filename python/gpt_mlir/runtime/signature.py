"""What compiled functions take and return, apart from the code itself.

The compiler reads a `FunctionSignature` from the `gpt` module before lowering it, stores it beside
the object in the cache, and the runtime checks and names every argument by it. It is plain data
with a JSON form: running cached code needs no MLIR.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from gpt_mlir.dtypes import DType

__all__ = ["ArgumentKind", "FunctionSignature", "TensorSignature"]

# The name of the dimension that is the sequence, `kSequenceDimName` of `gpt-insert-kv-cache`.
SEQUENCE_DIM = "seq"

ArgumentKind = Literal["input", "weight", "cache", "positions", "output"]


@dataclass(frozen=True, kw_only=True)
class TensorSignature:
    """One argument or result of a compiled function.

    Attributes:
        name: Input or output name, or the checkpoint name of a weight.
        kind: What the tensor is for.
        dtype: The element type.
        shape: Sizes, None where dynamic.
        dims: One name per dimension, "" where it has none. Dimensions of equal name have equal
            sizes in one call.
        cache: For a KV cache "key" or "value", else "".
    """

    name: str
    kind: ArgumentKind
    dtype: DType
    shape: tuple[int | None, ...]
    dims: tuple[str, ...] = ()
    cache: str = ""

    def __post_init__(self) -> None:
        if not self.dims:
            object.__setattr__(self, "dims", ("",) * len(self.shape))
        if len(self.dims) != len(self.shape):
            raise ValueError(f"'{self.name}': {len(self.dims)} dim names for rank {self.rank}")

    @property
    def rank(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    def __str__(self) -> str:
        sizes = (
            str(size) if size is not None else dim or "?"
            for size, dim in zip(self.shape, self.dims, strict=True)
        )
        return f"{self.name}: {self.dtype}[{', '.join(sizes)}]"

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON form."""
        return {
            "name": self.name,
            "kind": self.kind,
            "dtype": str(self.dtype),
            "shape": list(self.shape),
            "dims": list(self.dims),
            "cache": self.cache,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> TensorSignature:
        """Restores what `to_json` wrote."""
        return cls(
            name=data["name"],
            kind=data["kind"],
            dtype=DType(data["dtype"]),
            shape=tuple(data["shape"]),
            dims=tuple(data["dims"]),
            cache=data["cache"],
        )


@dataclass(frozen=True, kw_only=True)
class FunctionSignature:
    """Arguments and results of one compiled function, in order.

    Attributes:
        name: The function's name in the module.
        arguments: All arguments: inputs, weights, caches, positions.
        results: What a call returns. Caches are not among them: they are updated in place.
    """

    name: str
    arguments: tuple[TensorSignature, ...]
    results: tuple[TensorSignature, ...]
    _positions: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        positions: dict[str, int] = {}
        for i, argument in enumerate(self.arguments):
            if positions.setdefault(argument.name, i) != i:
                raise ValueError(
                    f"function '{self.name}' has two arguments named '{argument.name}'"
                )
        results: set[str] = set()
        for result in self.results:
            if result.name in results:
                raise ValueError(f"function '{self.name}' has two results named '{result.name}'")
            results.add(result.name)
        object.__setattr__(self, "_positions", positions)

    def index(self, name: str) -> int | None:
        """Returns the position of the argument called `name`, or None."""
        return self._positions.get(name)

    def of_kind(self, *kinds: ArgumentKind) -> list[TensorSignature]:
        """Returns the arguments of these kinds, in order."""
        return [argument for argument in self.arguments if argument.kind in kinds]

    @property
    def weights(self) -> list[TensorSignature]:
        """The weight arguments, in order."""
        return self.of_kind("weight")

    @property
    def inputs(self) -> list[TensorSignature]:
        """The arguments a caller passes: all but weights and caches."""
        return self.of_kind("input", "positions")

    @property
    def sequences(self) -> list[TensorSignature]:
        """The inputs whose dimension 1 counts new tokens.

        Those that name it "seq", as `gpt-insert-kv-cache` asks for; else those where it is dynamic;
        else all that have one.
        """
        inputs = [argument for argument in self.of_kind("input") if argument.rank >= 2]
        named = [argument for argument in inputs if argument.dims[1] == SEQUENCE_DIM]
        return named or [a for a in inputs if a.shape[1] is None] or inputs

    @property
    def caches(self) -> list[TensorSignature]:
        """The KV caches, in order; a call updates them in place."""
        return self.of_kind("cache")

    def __str__(self) -> str:
        arguments = ", ".join(str(argument) for argument in self.arguments)
        results = ", ".join(str(result) for result in self.results)
        return f"{self.name}({arguments}) -> ({results})"

    def to_json(self) -> dict[str, Any]:
        """Returns the JSON form."""
        return {
            "name": self.name,
            "arguments": [argument.to_json() for argument in self.arguments],
            "results": [result.to_json() for result in self.results],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> FunctionSignature:
        """Restores what `to_json` wrote."""
        return cls(
            name=data["name"],
            arguments=tuple(map(TensorSignature.from_json, data["arguments"])),
            results=tuple(map(TensorSignature.from_json, data["results"])),
        )


def describe(tensor: TensorSignature) -> tuple[str, str, list[int], list[str], bool]:
    """Returns the form in which the extension module takes a signature."""
    shape = [-1 if size is None else size for size in tensor.shape]
    return tensor.name, str(tensor.dtype), shape, list(tensor.dims), tensor.kind == "cache"


def names(tensors: Sequence[TensorSignature], limit: int = 8) -> str:
    """Lists names for a message: quoted, cut after `limit`."""
    shown = ", ".join(f"'{tensor.name}'" for tensor in tensors[:limit])
    return shown if len(tensors) <= limit else f"{shown}, ... ({len(tensors)} in all)"
