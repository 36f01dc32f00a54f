"""The `bufferization` dialect, as far as it is left behind bufferization: who frees what."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gpt_mlir.verify.interpreter.dialects.tensor_ops import HANDLERS as TENSOR
from gpt_mlir.verify.interpreter.memory import Buffer
from gpt_mlir.verify.interpreter.translation import Frame, Step, Translate, Translation

__all__ = ["HANDLERS"]


def _clone(translation: Translation, op: Any) -> Step:
    (source,), (result,) = translation.uses(op), translation.defines(op)
    memory = translation.machine.memory

    def step(frame: Frame) -> None:
        buffer = frame[source]
        allocation = memory.allocate(math.prod(buffer.sizes) * buffer.dtype.itemsize)
        clone = Buffer.contiguous(memory, buffer.dtype, allocation, buffer.sizes)
        clone.array_to_write[...] = buffer.array
        frame[result] = clone

    return step


def _dealloc(translation: Translation, op: Any) -> Step:
    operands, results = translation.uses(op), translation.defines(op)
    count = int(op.attributes["operandSegmentSizes"][0])
    buffers, conditions, retained = (
        operands[:count],
        operands[count : 2 * count],
        operands[2 * count :],
    )
    memory = translation.machine.memory

    def step(frame: Frame) -> None:
        owned: dict[int, bool] = {}
        for buffer, condition in zip(buffers, conditions, strict=True):
            base = frame[buffer].base
            owned[base] = owned.get(base, False) or bool(frame[condition])
        kept = [frame[slot].base for slot in retained]
        for base, is_owned in owned.items():
            if is_owned and base not in kept:
                memory.free(base)
        for result, base in zip(results, kept, strict=True):
            frame[result] = int(owned.get(base, False))

    return step


HANDLERS: Mapping[str, Translate] = {
    "bufferization.alloc_tensor": TENSOR["tensor.empty"],
    "bufferization.clone": _clone,
    "bufferization.dealloc": _dealloc,
}
