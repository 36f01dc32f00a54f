"""What conversions leave between two of them: casts from a type to what stands for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gpt_mlir import ir
from gpt_mlir.verify.interpreter.dialects.steps import moved
from gpt_mlir.verify.interpreter.memory import Buffer, Memory
from gpt_mlir.verify.interpreter.translation import Frame, Step, Translate, Translation
from gpt_mlir.verify.interpreter.values import InterpretError, dtype_of

__all__ = ["HANDLERS", "buffer_of", "descriptor_of"]


def descriptor_of(buffer: Buffer) -> tuple[Any, ...]:
    """Returns a memref as the struct that the `llvm` dialect has for it."""
    begin = (buffer.base, buffer.aligned, buffer.offset)
    return (*begin, buffer.sizes, buffer.strides) if buffer.sizes else begin


def buffer_of(memory: Memory, kind: Any, descriptor: tuple[Any, ...]) -> Buffer:
    """Returns the memref of type `kind` that a struct stands for."""
    base, aligned, offset, *rest = descriptor
    sizes, strides = rest or ((), ())
    return Buffer(memory, dtype_of(kind.element_type), base, aligned, offset, sizes, strides)


def _cast(translation: Translation, op: Any) -> Step:
    if len(op.operands) != 1 or len(op.results) != 1:
        raise InterpretError(f"op '{op.name}' of several values cannot be interpreted")
    source, target = op.operands[0].type, op.results[0].type
    operand, result = translation.use(op.operands[0]), translation.define(op.results[0])
    if isinstance(source, ir.MemRefType) and not isinstance(target, ir.MemRefType):

        def to_descriptor(frame: Frame) -> None:
            frame[result] = descriptor_of(frame[operand])

        return to_descriptor
    if isinstance(target, ir.MemRefType) and not isinstance(source, ir.MemRefType):
        memory = translation.machine.memory

        def to_buffer(frame: Frame) -> None:
            frame[result] = buffer_of(memory, target, frame[operand])

        return to_buffer
    return moved(translation, op)


HANDLERS: Mapping[str, Translate] = {"builtin.unrealized_conversion_cast": _cast}
