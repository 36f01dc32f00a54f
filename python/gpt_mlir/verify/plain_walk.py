"""Walks the plainest lowering with the interpreter, up to the pass that is to blame.

Compiled code is what all passes of the plainest lowering have made of a module, so that a fault of
one of them shows whatever point it is lowered from. The interpreter runs what is there between two
of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gpt_mlir import ir
from gpt_mlir.errors import InputError
from gpt_mlir.verify.checker import Checker, Outcome, is_wrong
from gpt_mlir.verify.evaluator import Interpreter
from gpt_mlir.verify.interpreter import (
    DEFAULT_LIMIT,
    InterpretError,
    LimitError,
    Machine,
    call_interpreted,
)
from gpt_mlir.verify.isolation import CrashError
from gpt_mlir.verify.program import Observation, call_evaluated
from gpt_mlir.verify.search import first_wrong
from gpt_mlir.verify.stages import Point

__all__ = ["InterpretedChecker", "Walk", "walk_plain"]

# A pass may make of one iteration some: a loop is a block and a test, softmax is four loops. And
# what was moved as a whole may become loops.
_GROWTH = 16
_MOVED = 5_000_000


class InterpretedChecker:
    """Checks a program at points of the plainest lowering, without compiling it."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self._most = 0

    def check(self, point: Point) -> Outcome:
        """Compares what the interpreted module gives with the reference.

        What cannot be interpreted has the status "error"; what reads outside of its memory, or does
        not come to an end although it did before, "crash".
        """
        return self._checker.check_run(point, lambda: self._observe(point))

    def _observe(self, point: Point) -> list[Observation]:
        module, program = self._checker.plan.module_at(point), self._checker.program
        if _has_gpt_ops(module):
            return self._evaluate(module)
        limit = _GROWTH * self._most + _MOVED
        known = self._most > 0 and limit < DEFAULT_LIMIT
        machine = Machine(module, limit=limit if known else DEFAULT_LIMIT)
        try:
            observations = program.run(call_interpreted(machine, program.signatures))
        except LimitError as error:
            if known:
                raise CrashError(f"{error}; it took {self._most} before") from None
            raise
        self._most = max(self._most, machine.taken)
        return observations

    def _evaluate(self, module: Any) -> list[Observation]:
        try:
            return self._checker.program.run(call_evaluated(Interpreter(module), module))
        except InputError as error:
            raise InterpretError(str(error)) from None


def _has_gpt_ops(module: Any) -> bool:
    found = False

    def visit(op: Any) -> Any:
        nonlocal found
        found = found or op.name.startswith("gpt.")
        return ir.WalkResult.INTERRUPT if found else ir.WalkResult.ADVANCE

    with module.context:
        module.operation.walk(visit, ir.WalkOrder.PRE_ORDER)
    return found


@dataclass(frozen=True)
class Walk:
    """What came of a walk.

    Attributes:
        wrong: The first point that is wrong; None if all are right, or it cannot be told.
        outcome: What came of that.
        left: The points that may be the first wrong one, where some cannot be interpreted.
    """

    wrong: Point | None
    outcome: Outcome | None
    left: tuple[Point, ...] = ()


def walk_plain(checker: Checker) -> Walk:
    """Interprets the module between the passes of the plainest lowering.

    Args:
        checker: Of a program whose code is wrong when it is lowered plainly.
    """
    plan = checker.plan
    points = [plan.start, *plan.plain_points()]
    interpreted = InterpretedChecker(checker)
    last = len(points) - 1
    while last > 0 and interpreted.check(points[last]).status == "error":
        last -= 1
    left = tuple(points[last + 1 :])
    if last == 0 or not is_wrong(interpreted.check(points[last]).status):
        return Walk(None, None, left)
    point, outcome = first_wrong(interpreted.check, points[: last + 1])
    index = first = points.index(point)
    while first > 1 and interpreted.check(points[first - 1]).status == "error":
        first -= 1
    if first < index:
        return Walk(None, None, tuple(points[first : index + 1]))
    return Walk(point, outcome)
