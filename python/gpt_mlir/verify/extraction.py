"""Makes functions of ops that are taken out of a module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gpt_mlir import ir

__all__ = ["extract", "outer_values"]

# Attributes of an argument that change how it is compiled, or what a caller may pass.
_KEPT = ("gpt.weight", "gpt.cache", "gpt.positions", "bufferization.writable")


def extract(
    ops: Sequence[Any],
    types: Callable[[Any], Any] = lambda kind: kind,
    *,
    module: Any = None,
    name: str = "main",
) -> Any:
    """Makes a function of copies of `ops`.

    What they use from elsewhere are arguments; what is not used among them are results.

    Args:
        ops: The ops, in order.
        types: Changes the type of each value.
        module: Where the function is added; None for a module of its own.
        name: The name of the function.

    Returns:
        The module.
    """
    arguments = outer_values(ops)
    ops = _with_producers(ops)
    used = {operand for op in ops for operand in op.operands}
    results = [
        result
        for op in ops
        for result in op.results
        if (result not in used or _is_used_elsewhere(result, ops))
        and isinstance(result.type, ir.RankedTensorType)
    ]
    context = ops[0].context
    with context, ir.Location.unknown(context):
        module = ir.Module.create() if module is None else module
        kind = ir.FunctionType.get(
            [types(value.type) for value in arguments], [types(value.type) for value in results]
        )
        attributes = {
            "sym_name": ir.StringAttr.get(name),
            "function_type": ir.TypeAttr.get(kind),
            "arg_attrs": ir.ArrayAttr.get(
                [_argument_attributes(value, index) for index, value in enumerate(arguments)]
            ),
            "res_attrs": ir.ArrayAttr.get(
                [_result_attributes(value, index) for index, value in enumerate(results)]
            ),
        }
        with ir.InsertionPoint(module.body):
            function = ir.Operation.create("func.func", attributes=attributes, regions=1)
        block = function.regions[0].blocks.append(*kind.inputs)
        values = dict(zip(arguments, block.arguments, strict=True))
        with ir.InsertionPoint(block):
            for op in ops:
                copy = ir.Operation.create(
                    op.name,
                    results=[types(result.type) for result in op.results],
                    operands=[values[operand] for operand in op.operands],
                    attributes={key: op.attributes[key] for key in op.attributes},
                )
                values |= dict(zip(op.results, copy.results, strict=True))
            ir.Operation.create("func.return", operands=[values[result] for result in results])
    return module


def outer_values(ops: Sequence[Any]) -> list[Any]:
    """Returns the values that are the arguments of a function of `ops`, in order."""
    ops = _with_producers(ops)
    inner = {result for op in ops for result in op.results}
    return list(
        dict.fromkeys(operand for op in ops for operand in op.operands if operand not in inner)
    )


def _with_producers(ops: Sequence[Any]) -> list[Any]:
    """Adds the ops that make what cannot be an argument: anything but a tensor."""
    found: list[Any] = []

    def add(op: Any) -> None:
        if op in found:
            return
        for operand in op.operands:
            if not isinstance(operand.type, ir.RankedTensorType) and not _is_argument(operand):
                add(
                    operand.owner.operation
                    if hasattr(operand.owner, "operation")
                    else operand.owner
                )
        found.append(op)

    for op in ops:
        add(op)
    return found


def _is_argument(value: Any) -> bool:
    return isinstance(value.owner, ir.Block)


def _is_used_elsewhere(value: Any, ops: Sequence[Any]) -> bool:
    return any(use.owner.operation not in ops for use in value.uses)


def _argument_attributes(value: Any, index: int) -> Any:
    kept = {}
    if _is_argument(value):
        all_ = value.owner.owner.attributes.get("arg_attrs")
        own = all_[value.arg_number] if all_ is not None else {}
        kept = {name: own[name] for name in _KEPT if name in own}
    if "gpt.weight" not in kept:
        kept["gpt.name"] = ir.StringAttr.get(f"x{index}")
    return ir.DictAttr.get(kept)


def _result_attributes(value: Any, index: int) -> Any:
    attributes = {"gpt.name": ir.StringAttr.get(f"y{index}")}
    if value.owner.name == "gpt.cached_attention" and value.result_number > 0:
        cache = value.owner.operands[2 + value.result_number]
        if "gpt.cache" in _argument_attributes(cache, 0):
            kind = "key" if value.result_number == 1 else "value"
            attributes["gpt.cache"] = ir.StringAttr.get(kind)
    return ir.DictAttr.get(attributes)
