"""Functions and blocks: `func`, `cf`, and the same ops of `llvm`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gpt_mlir.verify.interpreter.translation import (
    RESULTS,
    Block,
    Frame,
    Leave,
    Step,
    Translate,
    TranslateEnd,
    Translation,
)
from gpt_mlir.verify.interpreter.values import unsigned, width_of
from gpt_mlir.verify.isolation import CrashError

__all__ = ["ENDS", "HANDLERS"]


def _call(translation: Translation, op: Any) -> Step:
    machine = translation.machine
    operands, results = translation.uses(op), translation.defines(op)
    name = op.attributes["callee"].value if "callee" in op.attributes else None

    def step(frame: Frame) -> None:
        values = [frame[operand] for operand in operands]
        if name is None:
            returned = machine.callee_at(values[0])(values[1:])
        else:
            returned = machine.callee(name)(values)
        for result, value in zip(results, returned, strict=True):
            frame[result] = value

    return step


def _assert(translation: Translation, op: Any) -> Step:
    condition, message = translation.use(op.operands[0]), op.attributes["msg"].value

    def step(frame: Frame) -> None:
        if not frame[condition]:
            raise CrashError(f"finds an assertion broken: {message}")

    return step


def _return(translation: Translation, op: Any) -> Leave:
    values = translation.uses(op)

    def leave(frame: Frame) -> None:
        frame[RESULTS] = tuple([frame[value] for value in values])

    return leave


def _jump(target: Block, values: Sequence[int]) -> Leave:
    arguments = target.arguments
    if not arguments:
        return lambda _: target
    if len(arguments) == 1:
        (argument,), (value,) = arguments, values

        def leave_with_one(frame: Frame) -> Block:
            frame[argument] = frame[value]
            return target

        return leave_with_one

    def leave(frame: Frame) -> Block:
        # All at once: an argument of the target may be among the values.
        passed = [frame[value] for value in values]
        for argument, value in zip(arguments, passed, strict=True):
            frame[argument] = value
        return target

    return leave


def _branch(translation: Translation, op: Any) -> Leave:
    return _jump(translation.block(op.successors[0]), translation.uses(op))


def _conditional_branch(translation: Translation, op: Any) -> Leave:
    condition, *values = translation.uses(op)
    count = int(op.attributes["operandSegmentSizes"][1])
    true, false = (translation.block(block) for block in op.successors)
    to_true, to_false = _jump(true, values[:count]), _jump(false, values[count:])

    def leave(frame: Frame) -> Block | None:
        return to_true(frame) if frame[condition] else to_false(frame)

    return leave


def _switch(translation: Translation, op: Any) -> Leave:
    flag, *values = translation.uses(op)
    mask = unsigned(width_of(op.operands[0].type))
    targets = [translation.block(block) for block in op.successors]
    counts = [int(op.attributes["operandSegmentSizes"][1])]
    counts += [int(count) for count in op.attributes["case_operand_segments"]]
    jumps = []
    for target, count in zip(targets, counts, strict=True):
        jumps.append(_jump(target, values[:count]))
        values = values[count:]
    cases = {}
    if "case_values" in op.attributes:
        numbers = op.attributes["case_values"]
        cases = {mask(int(numbers[i])): jumps[i + 1] for i in range(len(numbers))}
    return lambda frame: cases.get(mask(frame[flag]), jumps[0])(frame)


def _unreachable(_: Translation, __: Any) -> Leave:
    def leave(_: Frame) -> None:
        raise CrashError("comes to where it never should")

    return leave


HANDLERS: Mapping[str, Translate] = {
    "cf.assert": _assert,
    "func.call": _call,
    "llvm.call": _call,
}
ENDS: Mapping[str, TranslateEnd] = {
    "cf.br": _branch,
    "cf.cond_br": _conditional_branch,
    "cf.switch": _switch,
    "func.return": _return,
    "llvm.br": _branch,
    "llvm.cond_br": _conditional_branch,
    "llvm.return": _return,
    "llvm.switch": _switch,
    "llvm.unreachable": _unreachable,
}
