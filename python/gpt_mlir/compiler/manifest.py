"""Reads what the runtime needs to know of a module: its signatures, and how weights are packed.

The argument and result attributes of the `gpt` dialect (names, weights, caches) are read before
lowering, which drops them; the attribute `gpt.packing` of the module is there after it.
"""

from __future__ import annotations

from typing import Any

from gpt_mlir import ir
from gpt_mlir.compiler.fingerprint import digest
from gpt_mlir.dtypes import DType
from gpt_mlir.errors import CompileError
from gpt_mlir.runtime.packing import FunctionPacking, PackedWeight, Packing
from gpt_mlir.runtime.signature import ArgumentKind, FunctionSignature, TensorSignature

__all__ = ["make_manifest", "read_packing", "read_signatures"]


def make_manifest(
    key: str, signatures: list[FunctionSignature], packing: Packing | None = None
) -> dict[str, Any]:
    """Returns what is stored beside an object."""
    functions = [signature.to_json() for signature in signatures]
    return {"key": key, "functions": functions, "packing": (packing or Packing()).to_json()}


def read_packing(module: ir.Module, toolchain: str) -> Packing:
    """Returns which packed weights the functions of a lowered module take.

    Args:
        module: The module, at any stage behind `gpt-hoist-weight-packing`.
        toolchain: A hash of what, besides a packing function, decides its code.
    """
    attribute = module.operation.attributes.get("gpt.packing")
    if attribute is None:
        return Packing()
    found = _to_dict(attribute)
    functions = {
        function.name: FunctionPacking(
            arguments=tuple(function.attr["arguments"]), packed=tuple(function.attr["packed"])
        )
        for function in found["functions"]
    }
    weights = tuple(_read_weight(_to_dict(weight), toolchain) for weight in found["weights"])
    return Packing(weights=weights, functions=functions)


def _read_weight(attributes: dict[str, Any], toolchain: str) -> PackedWeight:
    tensor = attributes["type"].value
    return PackedWeight(
        function=attributes["function"].value,
        layout=digest(attributes["layout"].value, toolchain),
        sources=tuple(source.value for source in attributes["sources"]),
        dtype=DType.of(tensor.element_type),
        shape=tuple(tensor.shape),
    )


def read_signatures(module: ir.Module) -> list[FunctionSignature]:
    """Returns the signatures of all functions that `module` exports.

    Raises:
        CompileError: There is none, or one takes or returns what is not a tensor of a supported
            dtype.
    """
    signatures = [_read(op) for op in module.body.operations if _is_exported(op)]
    if not signatures:
        raise CompileError("the module has no public function with a body: nothing to compile")
    return signatures


def _is_exported(op: Any) -> bool:
    operation = op.operation
    if operation.name != "func.func" or not operation.regions[0].blocks:
        return False
    visibility = operation.attributes.get("sym_visibility")
    return visibility is None or visibility.value == "public"


def _read(op: Any) -> FunctionSignature:
    attributes = op.operation.attributes
    name: str = attributes["sym_name"].value
    function_type = attributes["function_type"].value
    arguments = _read_all(name, "argument", function_type.inputs, attributes.get("arg_attrs"))
    results = _read_all(name, "result", function_type.results, attributes.get("res_attrs"))
    num_caches = sum(argument.kind == "cache" for argument in arguments)
    num_updated = sum(result.kind == "cache" for result in results)
    if num_caches != num_updated:
        raise CompileError(
            f"function '{name}': expected as many 'gpt.cache' results as arguments "
            f"({num_caches}), got {num_updated}"
        )
    try:
        return FunctionSignature(
            name=name,
            arguments=tuple(arguments),
            results=tuple(result for result in results if result.kind != "cache"),
        )
    except ValueError as error:
        raise CompileError(str(error)) from None


def _read_all(
    function: str, what: str, types: list[ir.Type], attributes: Any | None
) -> list[TensorSignature]:
    per_tensor = [_to_dict(d) for d in attributes] if attributes is not None else [{}] * len(types)
    tensors: list[TensorSignature] = []
    for index, (kind, attrs) in enumerate(zip(types, per_tensor, strict=True)):
        where = f"function '{function}': {what} {index}"
        tensors.append(_read_tensor(where, f"{what}{index}", what == "result", kind, attrs))
    return tensors


def _to_dict(attributes: Any) -> dict[str, Any]:
    return {named.name: named.attr for named in attributes}


def _read_tensor(
    where: str, default_name: str, is_result: bool, type_: ir.Type, attributes: dict[str, Any]
) -> TensorSignature:
    if not isinstance(type_, ir.RankedTensorType):
        raise CompileError(f"{where}: expected a ranked tensor, got {type_}")
    try:
        dtype = DType.of(type_.element_type)
    except TypeError as error:
        raise CompileError(f"{where}: {error}") from None
    kind: ArgumentKind = "output" if is_result else "input"
    name = default_name
    cache = ""
    if "gpt.weight" in attributes:
        kind, name = "weight", attributes["gpt.weight"].value
    elif "gpt.positions" in attributes:
        kind = "positions"
    elif "gpt.cache" in attributes:
        kind, cache = "cache", attributes["gpt.cache"].value
    if "gpt.name" in attributes:
        name = attributes["gpt.name"].value
    dims = attributes.get("gpt.dims")
    return TensorSignature(
        name=name,
        kind=kind,
        dtype=dtype,
        shape=tuple(
            None if type_.is_dynamic_dim(i) else type_.get_dim_size(i) for i in range(type_.rank)
        ),
        dims=tuple(dim.value for dim in dims) if dims is not None else (),
        cache=cache,
    )
