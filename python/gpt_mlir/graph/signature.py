"""The signature of a function while it is being built.

A function of a graph is complete at every moment: it ends in a `func.return` from the start, and
its type and argument attributes follow every new argument and result. So the module can be printed,
verified and called from another function at any time, and nothing has to be finalised.
"""

from __future__ import annotations

from collections.abc import Sequence

from gpt_mlir import ir
from gpt_mlir.dialects import func
from gpt_mlir.graph.tensor import Value

__all__ = ["FunctionSignature"]

_Attributes = dict[str, ir.Attribute]


class FunctionSignature:
    """Arguments and results of a `func.func` that gains them one by one."""

    def __init__(
        self, module: ir.Module, name: str, visibility: str, location: ir.Location
    ) -> None:
        with module.context, location:
            self.op = func.FuncOp(
                name,
                ir.FunctionType.get([], []),
                visibility=visibility,
                ip=ir.InsertionPoint(module.body),
            )
            if visibility == "public":  # the default is not written
                del self.op.attributes["sym_visibility"]
            self.block: ir.Block = self.op.add_entry_block()
            self._return = func.ReturnOp([], ip=ir.InsertionPoint(self.block))
        self._argument_types: list[ir.Type] = []
        self._argument_attributes: list[ir.DictAttr] = []
        self._results: list[Value] = []
        self._result_attributes: list[ir.DictAttr] = []

    @property
    def insertion_point(self) -> ir.InsertionPoint:
        """The end of the body, before its terminator."""
        return ir.InsertionPoint(self._return)

    @property
    def result_types(self) -> list[ir.Type]:
        """The types of the results."""
        return [value.type for value in self._results]

    def add_argument(self, kind: ir.Type, attributes: _Attributes, location: ir.Location) -> Value:
        """Appends an argument and returns it."""
        argument = self.block.add_argument(kind, location)
        self._argument_types.append(kind)
        self._argument_attributes.append(ir.DictAttr.get(attributes, location.context))
        self._update(location.context)
        return argument

    def add_results(
        self,
        values: Sequence[Value],
        attributes: Sequence[_Attributes],
        location: ir.Location,
    ) -> None:
        """Appends results."""
        context = location.context
        self._results.extend(values)
        self._result_attributes.extend(ir.DictAttr.get(each, context) for each in attributes)
        replaced = self._return
        self._return = func.ReturnOp(self._results, loc=location, ip=ir.InsertionPoint(replaced))
        replaced.erase()
        self._update(context)

    def _update(self, context: ir.Context) -> None:
        kind = ir.FunctionType.get(self._argument_types, self.result_types, context)
        self.op.attributes["function_type"] = ir.TypeAttr.get(kind, context)
        for name, attributes in (
            ("arg_attrs", self._argument_attributes),
            ("res_attrs", self._result_attributes),
        ):
            if any(len(each) for each in attributes):
                self.op.attributes[name] = ir.ArrayAttr.get(attributes, context)
