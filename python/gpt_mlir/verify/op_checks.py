"""Checks the ops of a program one by one: each compiled alone, up to the same points."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from gpt_mlir.compiler import CompileOptions
from gpt_mlir.errors import CompileError
from gpt_mlir.verify.checker import Checker, OpDifference, Outcome
from gpt_mlir.verify.compare import Difference, compare
from gpt_mlir.verify.isolation import CrashError
from gpt_mlir.verify.op_program import OpsProgram
from gpt_mlir.verify.program import Observation, Program
from gpt_mlir.verify.stages import Point, StagePlan

__all__ = ["OpChecks", "open_op_checks"]


class OpChecks:
    """The ops of one program at points of one pipeline."""

    def __init__(self, program: Program, options: CompileOptions, folder: Path) -> None:
        """Takes the program apart.

        Args:
            program: Whose ops are checked.
            options: How the whole is compiled.
            folder: For files of the plan; lives as long as the checks.

        Raises:
            InputError: The program has no op of the dialect.
        """
        self._program = OpsProgram(program)
        plan = StagePlan(self._program.module, options, folder)
        self._checker = Checker(self._program, plan, options)
        # The ops are run again only where a pass has changed one of them.
        self._before: tuple[str, tuple[OpDifference, ...]] = ("", ())

    def run_op_by_op(self) -> list[Observation]:
        """Runs the whole program, the code of each op being that of the op alone, plainly lowered.

        Raises:
            CompileError: The compiler fails.
            CrashError: The code does not come to an end.
        """
        return self._checker.run_with(self._checker.plan.start, self._program.run_op_by_op)

    def add_to(self, outcome: Outcome, point: Point | None) -> Outcome:
        """Returns the outcome of a point with those of the ops; None is behind LLVM."""
        ops = self._at(point)
        wrong = next((op for op in ops if op.difference.misses), None)
        if wrong is None or outcome.status != "equal":
            return dataclasses.replace(outcome, ops=ops)
        return dataclasses.replace(
            outcome, ops=ops, status="wrong", message=f"alone, {wrong.difference.worst}"
        )

    def _at(self, point: Point | None) -> tuple[OpDifference, ...]:
        if point is None:
            return self._compare(self._checker.observe_final)
        text = str(self._checker.plan.module_at(point))
        known, ops = self._before
        if text != known:
            ops = self._compare(lambda: self._checker.observe(point))
            self._before = text, ops
        return ops

    def _compare(self, run: Callable[[], list[Observation]]) -> tuple[OpDifference, ...]:
        try:
            observations = run()
        except (CompileError, CrashError) as error:
            failed = Difference(used=math.inf, misses=1, worst=f"the ops cannot be run: {error}")
            return (OpDifference(op="every op", difference=failed),)
        expected = self._program.expected
        return tuple(
            OpDifference(op=observation.what, difference=compare([observation], [want]))
            for observation, want in zip(observations, expected, strict=True)
        )


@contextlib.contextmanager
def open_op_checks(program: Program, options: CompileOptions) -> Iterator[OpChecks]:
    """Yields the checks of a program's ops, with a folder for as long as they are used."""
    with tempfile.TemporaryDirectory(prefix="gpt-mlir-verify-") as folder:
        yield OpChecks(program, options, Path(folder))
