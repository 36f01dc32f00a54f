"""Sub-graphs: Python functions that become functions of the module.

A block is traced once for each combination of function, operand types and static arguments, and
called wherever it is used, each time with other weights: a transformer of any depth holds one
transformer block. What distinguishes one layer from the next are the names of its weights, and
those belong to the caller.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
import re
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gpt_mlir.dtypes import DType
from gpt_mlir.graph.call_site import CallSite
from gpt_mlir.graph.tensor import Dim, Tensor

if TYPE_CHECKING:
    from gpt_mlir.graph.graph import Graph

__all__ = ["Block", "BlockTable"]

BlockFunction = Callable[..., Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """A traced sub-graph.

    Attributes:
        graph: Its function.
        weights: The weights it asked for, by name within the block, in argument order.
        single: Whether the Python function returned one tensor rather than a tuple.
    """

    graph: Graph
    weights: Mapping[str, tuple[tuple[int, ...], DType]]
    single: bool


class BlockTable:
    """The sub-graphs of one module, and the symbol names taken in it."""

    def __init__(self) -> None:
        self._blocks: dict[Hashable, Block | None] = {}
        self._symbols: set[str] = set()

    def reserve(self, name: str) -> bool:
        """Takes a symbol name; returns False if it is taken already."""
        if name in self._symbols:
            return False
        self._symbols.add(name)
        return True

    def trace(
        self,
        site: CallSite,
        caller: Graph,
        function: BlockFunction,
        operands: tuple[Tensor, ...],
        static: Mapping[str, Hashable],
    ) -> Block:
        """Returns the block for a call, tracing it if it is the first of its kind.

        Raises:
            GraphError: The function builds a wrong graph, calls itself, or returns no tensors.
        """
        label = getattr(function, "__name__", type(function).__name__)
        try:
            hash((function, *static.values()))
            given = tuple((name, _identity_of(static[name])) for name in sorted(static))
            key = (_identity_of(function), tuple(map(_signature_of, operands)), given)
            known = key in self._blocks
        except TypeError as error:
            raise site.error(
                f"expected the function and static arguments of block {label!r} to be hashable: "
                f"{error}"
            ) from None
        if not known:
            self._blocks[key] = None
            symbol = self._free_symbol(label)
            graph = caller._new_function(symbol, "private", site)
            try:
                self._blocks[key] = _trace(site, graph, label, function, operands, static)
            except BaseException:
                del self._blocks[key]
                self._symbols.discard(symbol)
                graph._abandon()
                raise
        block = self._blocks[key]
        if block is None:
            raise site.error(f"block {label!r} calls itself")
        return block

    def _free_symbol(self, label: str) -> str:
        stem = re.sub(r"\W+", "_", label).strip("_") or "block"
        name, number = stem, 0
        while not self.reserve(name):
            number += 1
            name = f"{stem}_{number}"
        return name


def _signature_of(tensor: Tensor) -> Hashable:
    names = tuple(size.name if isinstance(size, Dim) else None for size in tensor.shape)
    return (tensor.type, names)


def _identity_of(value: Any) -> Hashable:
    """Returns a key that only values have that build the same block as `value`.

    Equality is not enough: 1, 1.0 and True are equal, so are 0.0 and -0.0, and no NaN is.
    """
    kind: Any = type(value)
    if isinstance(value, (tuple, frozenset)):
        items = map(_identity_of, value)
        return (kind, tuple(items) if isinstance(value, tuple) else frozenset(items))
    if getattr(getattr(kind, "__dataclass_params__", None), "eq", False):
        fields = (field for field in dataclasses.fields(kind) if field.compare)
        return (kind, tuple(_identity_of(getattr(value, field.name)) for field in fields))
    if isinstance(value, np.generic):
        return (kind, value.dtype, value.tobytes())
    if isinstance(value, numbers.Real):
        if value != value:
            return (kind, "nan")
        return (kind, value, value == 0 and math.copysign(1.0, value))
    if isinstance(value, numbers.Complex):
        return (kind, _identity_of(value.real), _identity_of(value.imag))
    return (kind, value)


def _trace(
    site: CallSite,
    graph: Graph,
    label: str,
    function: BlockFunction,
    operands: tuple[Tensor, ...],
    static: Mapping[str, Hashable],
) -> Block:
    arguments = [graph._add_block_argument(operand, site) for operand in operands]
    returned = function(graph, *arguments, **static)
    results = (returned,) if isinstance(returned, Tensor) else returned
    if not isinstance(results, (tuple, list)) or not all(isinstance(r, Tensor) for r in results):
        raise site.error(
            f"expected block {label!r} to return a Tensor or a tuple of Tensors, "
            f"found {type(returned).__name__}"
        )
    for result in results:
        if result.graph is not graph:
            raise site.error(f"block {label!r} returns {result!r}, which is not of the block")
    graph._add_block_results(results, site)
    weights = {
        name: (tuple(size for size in w.shape if isinstance(size, int)), w.dtype)
        for name, w in graph.weights.items()
    }
    return Block(graph, weights, isinstance(returned, Tensor))
