"""The stages of a pipeline at which a module can be run.

A module is lowered by the pipeline up to some pass, and from there by the plainest lowering: that
of the lowest optimisation level, without a schedule and without threads. So an error of a pass
stays, and nothing that comes later adds to it.

Nothing here knows the passes. The pipeline is taken apart by the compiler; the plainest lowering is
another pipeline, whose passes are found again in the first one as its longest common subsequence.
Where it cannot take up the work (it has no lowering for what a schedule has made, say), passes of
the first pipeline are added, as few as will do, and with the plainest schedule if possible.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gpt_mlir.compiler import (
    CompileOptions,
    list_passes,
    llvm_pipeline,
    lower,
    run_pipeline,
)
from gpt_mlir.errors import CompileError
from gpt_mlir.verify.schedule_steps import applies_schedule, schedule_steps, with_schedule

__all__ = ["Point", "StagePlan", "pass_label"]

_PLAIN_SCHEDULE = Path(__file__).with_name("plain_schedule.mlir")
# Names of passes that check the end of a stage begin so. They change nothing, and what is lowered
# plainly need not pass them: it may well be scalar where the stage promises vectors.
_CONTRACT = "gpt-verify-"


@dataclass(frozen=True)
class Point:
    """A point in a pipeline: after some of its passes.

    Attributes:
        passes: The passes up to this point, with their options; the last one may stand for a part
            of the pipeline's (see `step`).
        count: How many passes of the pipeline these are.
        label: What the last one is, for people.
        step: For a step within a schedule, which one; else "".
    """

    passes: tuple[str, ...]
    count: int
    label: str
    step: str = ""

    @property
    def last(self) -> str:
        """The last pass with its options; "" at the beginning of the pipeline."""
        return self.passes[-1] if self.passes else ""


def pass_label(text: str) -> str:
    """Returns the name of a pass, and of the sequence if it applies a schedule."""
    name, _, options = text.partition("{")
    for option in options.rstrip("})").split():
        key, _, value = option.partition("=")
        if key == "sequence":
            name += f" {value}"
    return name


@dataclass(frozen=True)
class _Additions:
    """Passes of the pipeline that are added to the plainest lowering, by index.

    Attributes:
        passes: Which ones.
        plain_schedule: Whether those that apply a schedule apply the plainest one instead.
    """

    passes: frozenset[int]
    plain_schedule: bool


def _with_plain_schedule(text: str) -> str:
    if not applies_schedule(text):
        return text
    return with_schedule(text, str(_PLAIN_SCHEDULE)).replace("optional=false", "optional=true")


def _passes(options: CompileOptions) -> list[str]:
    return [part for text in list_passes(llvm_pipeline(options)) for part in _parts(text)]


def _name(text: str) -> str:
    return text.partition("{")[0]


class StagePlan:
    """The points of one pipeline, for one module.

    Attributes:
        passes: The passes of the pipeline, with their options.
        plain: Those of the plainest lowering.
    """

    def __init__(self, module: Any, options: CompileOptions, folder: Path) -> None:
        """Takes the pipeline of `options` apart.

        Args:
            module: What is lowered; it is not changed.
            options: Decide the pipeline.
            folder: For the files of parts of schedules; lives as long as the plan.

        Raises:
            CompileError: The pipeline is not valid, or fails on the module.
        """
        self._module = module
        self._folder = folder
        self.passes = _passes(options)
        plain = dataclasses.replace(options, opt_level=0, schedule="", pipeline=None)
        self.plain = _passes(plain)
        self._matches = _match([*map(_name, self.passes)], [*map(_name, self.plain)])
        # What has served to lower a point, the least first.
        self._known: list[_Additions] = [_Additions(frozenset(), True)]

    @cached_property
    def start(self) -> Point:
        """The point ahead of all passes."""
        return Point((), 0, "plainest lowering")

    @cached_property
    def end(self) -> Point:
        """The point behind all passes."""
        return Point(tuple(self.passes), len(self.passes), "whole pipeline")

    def is_own(self, index: int) -> bool:
        """Whether pass `index` is not one of the plainest lowering, or has other options there."""
        match = self._matches[index]
        return match is None or self.plain[match] != self.passes[index]

    def points(self, *, steps: bool = True) -> list[Point]:
        """Returns the points after each pass, or step of a schedule, that changes the module.

        Passes of the plainest lowering itself are left out: the code is the same before and after
        them.

        Args:
            steps: Take schedules apart.

        Raises:
            CompileError: A pass fails.
        """
        work = lower(self._module, "gpt")
        before = _digest(work)
        points = []
        for index, text in enumerate(self.passes):
            if steps and self.is_own(index):
                points += self._step_points(index, work)
            run_pipeline(work, text, what=f"pass '{pass_label(text)}' failed")
            after = _digest(work)
            if self.is_own(index) and after != before:
                points.append(self.point(index + 1))
            before = after
        return points

    def point(self, count: int) -> Point:
        """Returns the point after `count` passes."""
        if count == 0:
            return self.start
        return Point(tuple(self.passes[:count]), count, pass_label(self.passes[count - 1]))

    def step_points(self, point: Point) -> list[Point]:
        """Returns the points within the last pass of `point`: the steps of the schedule it applies.

        None if it applies none.
        """
        return self._step_points(point.count - 1, self.module_at(self.point(point.count - 1)))

    def _step_points(self, index: int, module: Any) -> list[Point]:
        text = self.passes[index]
        points = []
        before = _digest(module)
        for number, step in enumerate(schedule_steps(text)[:-1]):
            file = self._folder / f"{pass_label(text).replace(' ', '-')}-{index}-{number}.mlir"
            file.write_text(step.text, encoding="utf-8")
            part = with_schedule(text, str(file))
            work = lower(module, "gpt")
            run_pipeline(work, part, what=f"step '{step.label}' failed", quiet=True)
            after = _digest(work)
            if after != before:
                passes = (*self.passes[:index], part)
                points.append(Point(passes, index + 1, pass_label(text), step.label))
            before = after
        return points

    def module_at(self, point: Point) -> Any:
        """Returns a copy of the module, lowered to `point`."""
        work = lower(self._module, "gpt")
        if point.passes:
            what = f"lowering to '{point.label}' failed"
            run_pipeline(work, ",".join(point.passes), what=what, quiet=True)
        return work

    def finish(self, point: Point) -> str:
        """Returns the pipeline that leads to `point` and from there plainly to the LLVM dialect.

        Raises:
            CompileError: Nothing can lower what is there.
        """
        if point.count == len(self.passes) and not point.step:
            return ",".join(point.passes)
        work = self.module_at(point)
        for additions in self._known:
            rest = self._rest(point, additions)
            if self._lowers(work, rest):
                return ",".join([*point.passes, *rest])
        # Of a step, the rest of the schedule is still to come.
        begin = point.count - 1 if point.step else point.count
        own = [
            index
            for index in range(begin, len(self.passes))
            if self._matches[index] is None and not self.passes[index].startswith(_CONTRACT)
        ]
        for plain_schedule in (True, False):
            additions = _Additions(frozenset(own), plain_schedule)
            if not self._lowers(work, self._rest(point, additions)):
                continue
            for index in own:
                fewer = _Additions(additions.passes - {index}, plain_schedule)
                if self._lowers(work, self._rest(point, fewer)):
                    additions = fewer
            self._known.append(additions)
            return ",".join([*point.passes, *self._rest(point, additions)])
        raise CompileError(f"what is there after '{point.label}' cannot be lowered plainly")

    def plain_without_one(self) -> Iterator[tuple[int, str, str]]:
        """Yields each pass that the plainest lowering can do without: index, text, the others."""
        module = lower(self._module, "gpt")
        for index, text in enumerate(self.plain):
            rest = self.plain[:index] + self.plain[index + 1 :]
            if self._lowers(module, rest):
                yield index, text, ",".join(rest)

    def plain_point(self, count: int) -> Point:
        """Returns the point after `count` passes of the plainest lowering."""
        if count == 0:
            return self.start
        return Point(tuple(self.plain[:count]), count, pass_label(self.plain[count - 1]))

    def plain_points(self) -> list[Point]:
        """Returns the points after each pass of the plainest lowering that changes the module.

        Raises:
            CompileError: A pass fails.
        """
        work = lower(self._module, "gpt")
        before = _digest(work)
        points = []
        for index, text in enumerate(self.plain):
            run_pipeline(work, text, what=f"pass '{pass_label(text)}' failed", quiet=True)
            after = _digest(work)
            if after != before:
                points.append(self.plain_point(index + 1))
            before = after
        return points

    def _rest(self, point: Point, additions: _Additions) -> list[str]:
        """Returns what is left of the plainest lowering after `point`, with the additions."""
        done = max((m for m in self._matches[: point.count] if m is not None), default=-1) + 1
        rest = []
        for index in range(point.count - 1 if point.step else point.count, len(self.passes)):
            match = self._matches[index]
            if match is not None:
                rest += self.plain[done : match + 1]
                done = match + 1
            elif index in additions.passes:
                text = self.passes[index]
                rest.append(_with_plain_schedule(text) if additions.plain_schedule else text)
        return rest + self.plain[done:]

    @staticmethod
    def _lowers(module: Any, passes: Sequence[str]) -> bool:
        work = lower(module, "gpt")
        try:
            run_pipeline(work, ",".join(passes), quiet=True)
        except CompileError:
            return False
        return True


def _digest(module: Any) -> str:
    text = module.operation.get_asm(print_generic_op_form=True, enable_debug_info=False)
    return hashlib.sha256(str(text).encode()).hexdigest()


def _parts(text: str) -> list[str]:
    """Takes "func.func(a,b{c=1})" apart: "func.func(a)" and "func.func(b{c=1})"."""
    anchor, open_, body = text.partition("(")
    if not open_ or "{" in anchor or not body.endswith(")"):
        return [text]
    parts, depth, begin = [], 0, 0
    body = body[:-1]
    for position, character in enumerate(body):
        depth += (character in "({[") - (character in ")}]")
        if character == "," and depth == 0:
            parts.append(body[begin:position])
            begin = position + 1
    return [f"{anchor}({inner})" for part in [*parts, body[begin:]] for inner in _parts(part)]


def _match(passes: Sequence[str], plain: Sequence[str]) -> list[int | None]:
    """Finds the longest common subsequence; returns for each of `passes` its place in `plain`."""
    rows, columns = len(passes), len(plain)
    lengths = [[0] * (columns + 1) for _ in range(rows + 1)]
    for i in reversed(range(rows)):
        for j in reversed(range(columns)):
            lengths[i][j] = (
                lengths[i + 1][j + 1] + 1
                if passes[i] == plain[j]
                else max(lengths[i + 1][j], lengths[i][j + 1])
            )
    matches: list[int | None] = [None] * rows
    i = j = 0
    while i < rows and j < columns:
        if passes[i] == plain[j]:
            matches[i] = j
            i, j = i + 1, j + 1
        elif lengths[i + 1][j] >= lengths[i][j + 1]:
            i += 1
        else:
            j += 1
    return matches
