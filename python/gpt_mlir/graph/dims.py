"""The dimensions of one function: their names, and where their sizes come from.

Which input dimension a dimension of a computed tensor equals is asked of the ops themselves,
through their shape reification: Python knows no shape rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gpt_mlir import ir
from gpt_mlir._mlir_libs import _gpt
from gpt_mlir.dialects import arith, tensor
from gpt_mlir.graph.call_site import CallSite
from gpt_mlir.graph.tensor import Dim, Tensor, Value

if TYPE_CHECKING:
    from gpt_mlir.graph.graph import Graph

__all__ = ["DimTable"]


class DimTable:
    """The named dimensions of a graph."""

    def __init__(self) -> None:
        self._names: dict[tuple[Value, int], str] = {}

    def add(self, value: Value, names: Sequence[str]) -> None:
        """Records the names of the dimensions of an argument, "" for none."""
        for axis, name in enumerate(names):
            if name:
                self._names[value, axis] = name

    def source(self, dim: Dim) -> Dim:
        """Returns the dimension, nearest to the arguments, that has the size of `dim`."""
        value, axis = _gpt.find_dim_source(dim.tensor.value, dim.axis)
        return dim if value == dim.tensor.value else Dim(Tensor(dim.tensor.graph, value), axis)

    def name(self, dim: Dim) -> str | None:
        """Returns the name of `dim`, or None."""
        source = self.source(dim)
        return self._names.get((source.tensor.value, source.axis))

    def find(self, graph: Graph, size: Dim | str, site: CallSite) -> Dim:
        """Returns the dimension that a user means.

        Raises:
            GraphError: It is a name that no dimension has.
        """
        if isinstance(size, Dim):
            return self.source(size)
        for (value, axis), name in self._names.items():
            if name == size:
                return Dim(Tensor(graph, value), axis)
        known = ", ".join(dict.fromkeys(self._names.values())) or "none"
        raise site.error(f"no input has a dimension named {size!r}; known are: {known}")

    def build_size(self, dim: Dim, point: ir.InsertionPoint, location: ir.Location) -> Value:
        """Builds ops that give the size of `dim`, an `index`."""
        with location.context:
            axis = arith.ConstantOp(ir.IndexType.get(), dim.axis, loc=location, ip=point)
        size: Value = tensor.DimOp(dim.tensor.value, axis.result, loc=location, ip=point).result
        return size
