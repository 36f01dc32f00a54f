"""Calls a function of an interpreted module with arrays, whatever form it has at that point.

Tensors are passed as arrays; memrefs as descriptors of buffers in the machine's memory; behind
`gpt-tabulate-arguments` a table of pointers to descriptors stands for them, as a runtime passes it;
and where there is an entry for a runtime, it is what is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gpt_mlir import ir
from gpt_mlir.runtime import FunctionSignature
from gpt_mlir.runtime.signature import TensorSignature
from gpt_mlir.verify.interpreter.dialects.builtin_ops import descriptor_of
from gpt_mlir.verify.interpreter.layout import Layout, read_layout
from gpt_mlir.verify.interpreter.machine import Machine
from gpt_mlir.verify.interpreter.memory import Buffer, Memory
from gpt_mlir.verify.interpreter.values import InterpretError
from gpt_mlir.verify.program import Call
from gpt_mlir.verify.reference import Array

__all__ = ["call_interpreted"]

_POINTER = np.dtype(np.int64).itemsize


def call_interpreted(machine: Machine, signatures: Mapping[str, FunctionSignature]) -> Call:
    """Returns a call of an interpreted module in the form of a `Program`.

    Args:
        machine: Interprets the module.
        signatures: The public functions of the `gpt` module that it was lowered from.
    """

    def call(name: str, arguments: Sequence[Array]) -> list[Array]:
        signature = signatures[name]
        function, entry = machine.symbols.get(name), f"gpt_entry_{name}"
        if function is not None and _takes_tensors(function):
            values = [np.array(array) for array in arguments]
            return _with_caches(function, signature, machine.invoke(name, values), values)
        buffers = [
            _store(machine.memory, argument, array)
            for argument, array in zip(signature.arguments, arguments, strict=True)
        ]
        if entry in machine.symbols:
            results = _call_entry(machine, entry, signature, buffers)
        elif function is None:
            raise InterpretError(f"there is no function '{name}'")
        elif _takes_table(function):
            table = _make_table(machine.memory, buffers, [])
            results = _read_results(machine, signature, machine.invoke(name, [table]))
        elif function.name == "func.func":
            results = list(machine.invoke(name, buffers))
        else:
            raise InterpretError(f"op '{function.name}' without a table cannot be called")
        arrays = [np.array(buffer.array) for buffer in results]
        return _with_caches(function, signature, arrays, [b.array for b in buffers])

    return call


def _types(function: Any) -> tuple[list[Any], list[Any]]:
    """Returns the types of the arguments and of the results; of an `llvm.func` none."""
    kind = function.attributes["function_type"].value
    if not isinstance(kind, ir.FunctionType):
        return [], []
    return list(kind.inputs), list(kind.results)


def _takes_tensors(function: Any) -> bool:
    arguments, results = _types(function)
    return any(isinstance(kind, ir.RankedTensorType) for kind in [*arguments, *results])


def _takes_table(function: Any) -> bool:
    if function.name == "llvm.func":
        return len(function.regions[0].blocks[0].arguments) == 1
    return [str(kind) for kind in _types(function)[0]] == ["!llvm.ptr"]


def _store(memory: Memory, argument: TensorSignature, array: Array) -> Buffer:
    allocation = memory.store_array(array, writable=argument.kind == "cache")
    return Buffer.contiguous(memory, array.dtype, allocation, array.shape)


def _descriptor(rank: int) -> Layout:
    """Returns the layout of the descriptor of a memref."""
    extents = f", array<{rank} x i64>, array<{rank} x i64>" if rank else ""
    return read_layout(f"struct<(ptr, ptr, i64{extents})>")


def _make_table(memory: Memory, buffers: Sequence[Buffer], before: Sequence[int]) -> int:
    """Returns the address of a table of pointers: some, then those to descriptors."""
    pointers = list(before)
    for buffer in buffers:
        layout = _descriptor(len(buffer.sizes))
        place = memory.allocate(layout.size)
        layout.write(memory, place.base, descriptor_of(buffer))
        pointers.append(place.base)
    table = memory.allocate(_POINTER * len(pointers))
    table.typed(np.dtype(np.int64))[: len(pointers)] = pointers
    return table.base


def _call_entry(
    machine: Machine, name: str, signature: FunctionSignature, buffers: Sequence[Buffer]
) -> list[Buffer]:
    """Calls the entry for a runtime, which writes the descriptors of the results to memory."""
    memory = machine.memory
    layouts = [_descriptor(result.rank) for result in signature.results]
    place = memory.allocate(sum(layout.size for layout in layouts))
    machine.invoke(name, [_make_table(memory, buffers, [place.base] if layouts else [])])
    found, address = [], place.base
    for layout in layouts:
        found.append(layout.read(memory, address))
        address += layout.size
    return [
        _buffer(memory, result, descriptor)
        for result, descriptor in zip(signature.results, found, strict=True)
    ]


def _read_results(
    machine: Machine, signature: FunctionSignature, results: Sequence[Any]
) -> list[Buffer]:
    """Returns what a function returns: memrefs, or the structs that stand for them."""
    if all(isinstance(result, Buffer) for result in results):
        return list(results)
    descriptors = results if len(signature.results) == 1 else results[0]
    return [
        _buffer(machine.memory, result, descriptor)
        for result, descriptor in zip(signature.results, descriptors, strict=True)
    ]


def _buffer(memory: Memory, result: TensorSignature, descriptor: tuple[Any, ...]) -> Buffer:
    base, aligned, offset, *rest = descriptor
    sizes, strides = rest or ((), ())
    return Buffer(memory, result.dtype.numpy, base, aligned, offset, sizes, strides)


def _with_caches(
    function: Any,
    signature: FunctionSignature,
    results: Sequence[Array],
    arguments: Sequence[Array],
) -> list[Array]:
    """Returns the results, then the updated caches: among the results, or what arguments became."""
    updated = [
        np.array(array)
        for argument, array in zip(signature.arguments, arguments, strict=True)
        if argument.kind == "cache"
    ]
    count = len(results) - len(signature.results)
    if count == 0:
        return [np.array(result) for result in results] + updated
    kinds = [bool("gpt.cache" in entry) for entry in _result_attributes(function, len(results))]
    if count != len(updated) or sum(kinds) != count:
        raise InterpretError(
            f"function '{signature.name}' returns {len(results)} values; expected "
            f"{len(signature.results)}, or {len(updated)} caches more"
        )
    values = [result for result, is_cache in zip(results, kinds, strict=True) if not is_cache]
    caches = [result for result, is_cache in zip(results, kinds, strict=True) if is_cache]
    return [*values, *caches]


def _result_attributes(function: Any, count: int) -> Sequence[Any]:
    if function is None or "res_attrs" not in function.attributes:
        return [{}] * count
    return list(function.attributes["res_attrs"])
