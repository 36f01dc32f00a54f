"""The steps of a schedule: a sequence of the Transform dialect, cut off after each of its ops.

A step is one op of the sequence, or one op inside of a `transform.foreach` or of a sequence that is
included, at any depth. Cut off there, the schedule is still valid: nothing comes after the last op,
so the results it had, and those of the ops that enclose it, are not needed and are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gpt_mlir import ir
from gpt_mlir.compiler import schedule_text

__all__ = ["ScheduleStep", "applies_schedule", "schedule_of", "schedule_steps", "with_schedule"]

_APPLY = re.compile(r"gpt-apply-schedule\{(?P<options>.*)\}$")
_LINE = re.compile(r":(\d+):\d+")
# Ends the names of copies of shared sequences: with their own, they would be defined twice.
_SHARED = "_shared"


@dataclass(frozen=True)
class ScheduleStep:
    """A prefix of a schedule's sequence.

    Attributes:
        label: The line of its last op in the schedule, and the op.
        text: The schedule, cut off after this op.
        schedule: The name or file of the whole schedule.
    """

    label: str
    text: str
    schedule: str


def schedule_steps(pass_text: str) -> list[ScheduleStep]:
    """Returns the steps of the sequence that a pass applies, in order.

    Args:
        pass_text: A pass with its options.

    Returns:
        The steps; none if the pass applies no schedule, or the schedule has no such sequence.
    """
    options = _options(pass_text)
    if "schedule" not in options or "sequence" not in options:
        return []
    text = schedule_text(options["schedule"])
    with ir.Context():
        linked = _link(text)
        sequence = _find_sequence(linked, options["sequence"])
        paths = list(_paths(linked, sequence)) if sequence is not None else []
        steps = []
        for path in paths:
            cut = ir.Module.parse(linked.operation.get_asm(enable_debug_info=True))
            last = _cut(cut, _find_sequence(cut, options["sequence"]), path)
            steps.append(ScheduleStep(last, str(cut), options["schedule"]))
    return steps


def _options(pass_text: str) -> dict[str, str]:
    match = _APPLY.match(pass_text)
    return dict(re.findall(r"([\w-]+)=(\S+)", match["options"])) if match else {}


def applies_schedule(pass_text: str) -> bool:
    """Whether a pass applies a schedule."""
    return "schedule" in _options(pass_text)


def schedule_of(pass_text: str) -> str:
    """Returns the name or file of the schedule that a pass applies."""
    return _options(pass_text)["schedule"]


def with_schedule(pass_text: str, file: str) -> str:
    """Returns the text of a pass that applies a schedule, with another file as its schedule."""
    return re.sub(r"\bschedule=\S+?(?=[ }])", f"schedule={file}", pass_text)


def _link(text: str) -> Any:
    """Parses a schedule and replaces the shared sequences that it declares by copies of its own."""
    module, library = ir.Module.parse(text), ir.Module.parse(schedule_text(""))
    for view in list(module.body.operations):
        if not view.operation.regions[0].blocks:
            view.operation.erase()
    with ir.InsertionPoint.at_block_begin(module.body):
        for view in library.body.operations:
            name = _name(view.operation)
            if _find_sequence(module, name) is None:
                copy = view.operation.clone().operation
                copy.attributes["sym_name"] = ir.StringAttr.get(f"{name}{_SHARED}")

    def retarget(op: Any) -> Any:
        if op.name == "transform.include":
            name = op.attributes["target"].value
            if _find_sequence(module, name) is None:
                op.attributes["target"] = ir.FlatSymbolRefAttr.get(f"{name}{_SHARED}")
        return ir.WalkResult.ADVANCE

    module.operation.walk(retarget, ir.WalkOrder.PRE_ORDER)
    return module


def _name(sequence: Any) -> str:
    return str(sequence.attributes["sym_name"].value)


def _find_sequence(module: Any, name: str) -> Any:
    for view in module.body.operations:
        op = view.operation
        if op.name == "transform.named_sequence" and _name(op) == name:
            return op
    return None


def _steps_of(sequence: Any) -> list[Any]:
    """Returns the ops of the body of a sequence or a loop, without the terminator."""
    return [view.operation for view in sequence.regions[0].blocks[0].operations][:-1]


def _inner(module: Any, op: Any) -> Any:
    """Returns the op whose body `op` runs, or None."""
    if op.name == "transform.foreach":
        return op
    if op.name == "transform.include":
        return _find_sequence(module, op.attributes["target"].value)
    return None


def _paths(module: Any, sequence: Any) -> Iterator[list[int]]:
    """Yields the index of each step, one index per level, in the order in which they run."""
    for index, op in enumerate(_steps_of(sequence)):
        inner = _inner(module, op)
        if inner is None:
            yield [index]
        else:
            yield from ([index, *path] for path in _paths(module, inner))


def _cut(module: Any, sequence: Any, path: Sequence[int]) -> str:
    """Removes what comes after the step at `path`; returns the label of that step."""
    operations = _steps_of(sequence)
    terminator = sequence.regions[0].blocks[0].operations[len(operations)].operation
    _replace_terminator(terminator)
    for op in reversed(operations[path[0] + 1 :]):
        op.erase()
    last = operations[path[0]]
    if len(path) == 1:
        return _label(last)
    if last.name == "transform.include":
        # The sequence may be included elsewhere, too: this is a copy of it.
        inner = _copy_sequence(module, last.attributes["target"].value)
        label = _cut(module, inner, path[1:])
        attributes = {name: last.attributes[name] for name in last.attributes}
        attributes["target"] = ir.FlatSymbolRefAttr.get(_name(inner))
        with last.location, ir.InsertionPoint(last):
            ir.Operation.create(
                last.name, operands=list(last.operands), attributes=attributes, results=[]
            )
        last.erase()
        return label
    label = _cut(module, last, path[1:])
    if len(last.results):
        with last.location, ir.InsertionPoint(last):
            loop = ir.Operation.create(
                last.name, operands=list(last.operands), results=[], regions=1
            )
        last.regions[0].blocks[0].append_to(loop.regions[0])
        last.erase()
    return label


def _replace_terminator(terminator: Any) -> None:
    """Makes a block yield nothing."""
    with terminator.location, ir.InsertionPoint(terminator):
        ir.Operation.create(terminator.name)
    terminator.erase()


def _copy_sequence(module: Any, name: str) -> Any:
    """Copies a sequence, without results, under a name that is free."""
    source = _find_sequence(module, name)
    free = f"{name}_cut"
    while _find_sequence(module, free) is not None:
        free += "_"
    copy = source.clone(ir.InsertionPoint(source))
    copy.operation.attributes["sym_name"] = ir.StringAttr.get(free)
    kind = source.attributes["function_type"].value
    copy.operation.attributes["function_type"] = ir.TypeAttr.get(
        ir.FunctionType.get(kind.inputs, [])
    )
    if "res_attrs" in copy.operation.attributes:
        del copy.operation.attributes["res_attrs"]
    return copy.operation


def _label(op: Any) -> str:
    line = _LINE.search(str(op.location))
    sequence = op
    while sequence.name != "transform.named_sequence":
        sequence = sequence.parent.operation
    shared = "library " if _SHARED in _name(sequence) else ""
    where = f"{shared}line {line[1]}: " if line else ""
    return f"{where}{op.name.removeprefix('transform.')}"
