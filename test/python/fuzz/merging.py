"""Several programs in one module, so that what a compilation costs anyway is paid once for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from programs import Program, single_threaded_context

from gpt_mlir import ir

__all__ = ["function_name", "merge", "weight_name"]


def function_name(index: int, name: str) -> str:
    """Returns what the function `name` of a program is called in the module of all."""
    return f"p{index}_{name}"


def weight_name(index: int, name: str) -> str:
    """Returns what the weight `name` of a program is called in the module of all."""
    return f"p{index}.{name}"


def merge(programs: Sequence[Program]) -> ir.Module:
    """Returns a module with the functions of all programs, under names of their own."""
    context = single_threaded_context()
    with context, ir.Location.unknown():
        merged = ir.Module.create()
        for index, program in enumerate(programs):
            module = ir.Module.parse(program.text)
            for function in module.body.operations:
                _rename(function.operation.clone(ir.InsertionPoint(merged.body)), index)
    return merged


def _rename(function: Any, index: int) -> None:
    attributes = function.attributes
    attributes["sym_name"] = ir.StringAttr.get(function_name(index, attributes["sym_name"].value))
    # The weights of a private function are arguments of its callers, who name them.
    if "sym_visibility" not in attributes and "arg_attrs" in attributes:
        renamed = [_rename_weight(argument, index) for argument in attributes["arg_attrs"]]
        attributes["arg_attrs"] = ir.ArrayAttr.get(renamed)

    def visit(operation: Any) -> Any:
        if operation.name == "func.call":
            callee = operation.attributes["callee"].value
            operation.attributes["callee"] = ir.FlatSymbolRefAttr.get(function_name(index, callee))
        return ir.WalkResult.ADVANCE

    function.walk(visit)


def _rename_weight(argument: Any, index: int) -> ir.Attribute:
    attributes = {named.name: named.attr for named in argument}
    if "gpt.weight" in attributes:
        name = weight_name(index, attributes["gpt.weight"].value)
        attributes["gpt.weight"] = ir.StringAttr.get(name)
    return ir.DictAttr.get(attributes)
