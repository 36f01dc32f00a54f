"""The `llvm` dialect: constants, structs, pointers and what they point to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gpt_mlir import ir
from gpt_mlir.verify.interpreter.dialects.steps import moved
from gpt_mlir.verify.interpreter.layout import Aggregate, Layout, Scalar, read_layout
from gpt_mlir.verify.interpreter.translation import Frame, Step, Translate, Translation
from gpt_mlir.verify.interpreter.values import InterpretError, unsigned, width_of, wrapper

__all__ = ["HANDLERS", "constant_value"]

# What `rawConstantIndices` has in the place of an operand.
_DYNAMIC_INDEX = -(1 << 31)


def constant_value(attribute: Any, layout: Layout) -> Any:
    """Returns the value of an attribute in the form of a type."""
    if isinstance(layout, Aggregate):
        if isinstance(attribute, ir.DenseElementsAttr):
            return _nested(iter(_elements(attribute)), layout)
        if isinstance(attribute, ir.ArrayAttr):
            parts = zip(attribute, layout.fields, strict=True)
            return tuple(constant_value(part, field) for part, field in parts)
        if isinstance(attribute, ir.StringAttr):
            return tuple(wrapper(8)(byte) for byte in attribute.value_bytes)
    if isinstance(layout, Scalar) and hasattr(attribute, "value"):
        return _scalar(layout, attribute.value)
    raise InterpretError(f"constant {attribute} cannot be interpreted")


def _elements(attribute: Any) -> list[Any]:
    if attribute.is_splat:
        return [attribute.get_splat_value().value] * len(attribute)
    return [attribute[index] for index in range(len(attribute))]


def _nested(elements: Any, layout: Layout) -> Any:
    if isinstance(layout, Aggregate):
        return tuple(_nested(elements, field) for field in layout.fields)
    assert isinstance(layout, Scalar)
    return _scalar(layout, next(elements))


def _scalar(layout: Scalar, value: Any) -> Any:
    if layout.dtype.kind in "ib":
        width = 1 if layout.dtype.kind == "b" else 8 * layout.size
        return wrapper(width)(int(value))
    return layout.dtype.type(value)


def _layout_of(value: Any) -> Layout:
    return read_layout(str(value.type))


def _constant(translation: Translation, op: Any) -> None:
    value = constant_value(op.attributes["value"], _layout_of(op.results[0]))
    translation.set_constant(op.results[0], value)


def _zero(translation: Translation, op: Any) -> None:
    translation.set_constant(op.results[0], _layout_of(op.results[0]).zero())


def _poison(translation: Translation, op: Any) -> None:
    translation.set_constant(op.results[0], _layout_of(op.results[0]).poison())


def _extract_value(translation: Translation, op: Any) -> Step:
    (source,), (result,) = translation.uses(op), translation.defines(op)
    position = [int(index) for index in op.attributes["position"]]

    def step(frame: Frame) -> None:
        value = frame[source]
        for index in position:
            value = value[index]
        frame[result] = value

    return step


def _insert_value(translation: Translation, op: Any) -> Step:
    (container, part), (result,) = translation.uses(op), translation.defines(op)
    position = [int(index) for index in op.attributes["position"]]

    def step(frame: Frame) -> None:
        frame[result] = _inserted(frame[container], frame[part], position)

    return step


def _inserted(container: Any, part: Any, position: Sequence[int]) -> Any:
    if not position:
        return part
    first, *rest = position
    inner = _inserted(container[first], part, rest)
    return (*container[:first], inner, *container[first + 1 :])


def _address_of(translation: Translation, op: Any) -> Step:
    (result,), machine = translation.defines(op), translation.machine
    name = op.attributes["global_name"].value

    def step(frame: Frame) -> None:
        frame[result] = machine.address_of(name)

    return step


def _element_pointer(translation: Translation, op: Any) -> Step:
    (pointer, *dynamic), (result,) = translation.uses(op), translation.defines(op)
    layout = read_layout(str(op.attributes["elem_type"].value))
    fixed, scaled = 0, []
    operands, wrap = iter(dynamic), wrapper(64)
    for number, index in enumerate(op.attributes["rawConstantIndices"]):
        # The first index counts whole elements; the others go into them.
        if number and not isinstance(layout, Aggregate):
            raise InterpretError(f"op '{op.name}' with indices into a scalar cannot be interpreted")
        if int(index) == _DYNAMIC_INDEX:
            if number and isinstance(layout, Aggregate):
                layout = layout.fields[0]
            scaled.append((next(operands), layout.size))
        elif number and isinstance(layout, Aggregate):
            fixed += layout.offsets[int(index)]
            layout = layout.fields[int(index)]
        else:
            fixed += int(index) * layout.size

    def step(frame: Frame) -> None:
        address = frame[pointer] + fixed
        for slot, size in scaled:
            address += frame[slot] * size
        frame[result] = wrap(address)

    return step


def _load(translation: Translation, op: Any) -> Step:
    (pointer,), (result,) = translation.uses(op), translation.defines(op)
    read, memory = _layout_of(op.results[0]).read, translation.machine.memory

    def step(frame: Frame) -> None:
        frame[result] = read(memory, frame[pointer])

    return step


def _store(translation: Translation, op: Any) -> Step:
    value, pointer = translation.uses(op)
    write, memory = _layout_of(op.operands[0]).write, translation.machine.memory

    def step(frame: Frame) -> None:
        write(memory, frame[pointer], frame[value])

    return step


def _stack(translation: Translation, op: Any) -> Step:
    (count,), (result,) = translation.uses(op), translation.defines(op)
    size = read_layout(str(op.attributes["elem_type"].value)).size
    memory = translation.machine.memory

    def step(frame: Frame) -> None:
        frame[result] = memory.allocate(frame[count] * size).base

    return step


def _copy(translation: Translation, op: Any) -> Step:
    target, source, count = translation.uses(op)[:3]
    memory = translation.machine.memory

    def step(frame: Frame) -> None:
        memory.copy(frame[target], frame[source], frame[count])

    return step


def _set(translation: Translation, op: Any) -> Step:
    target, value, count = translation.uses(op)[:3]
    memory = translation.machine.memory

    def step(frame: Frame) -> None:
        allocation = memory.find_to_write(frame[target], frame[count])
        begin = frame[target] - allocation.base
        allocation.data[begin : begin + frame[count]] = frame[value] & 0xFF

    return step


def _pointer_cast(translation: Translation, op: Any) -> Step:
    mask, wrap = unsigned(width_of(op.operands[0].type)), wrapper(width_of(op.results[0].type))
    (source,), (result,) = translation.uses(op), translation.defines(op)

    def step(frame: Frame) -> None:
        frame[result] = wrap(mask(frame[source]))

    return step


def _nothing(_: Translation, __: Any) -> None:
    """Translates an op that says something to the optimizer only."""


HANDLERS: Mapping[str, Translate] = {
    "llvm.alloca": _stack,
    "llvm.extractvalue": _extract_value,
    "llvm.getelementptr": _element_pointer,
    "llvm.insertvalue": _insert_value,
    "llvm.intr.assume": _nothing,
    "llvm.intr.lifetime.end": _nothing,
    "llvm.intr.lifetime.start": _nothing,
    "llvm.intr.memcpy": _copy,
    "llvm.intr.memmove": _copy,
    "llvm.intr.memset": _set,
    "llvm.inttoptr": _pointer_cast,
    "llvm.load": _load,
    "llvm.mlir.addressof": _address_of,
    "llvm.mlir.constant": _constant,
    "llvm.mlir.poison": _poison,
    "llvm.mlir.undef": _poison,
    "llvm.mlir.zero": _zero,
    "llvm.addrspacecast": moved,
    "llvm.ptrtoint": _pointer_cast,
    "llvm.store": _store,
}
