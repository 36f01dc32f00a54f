"""Runs a program at the points of a pipeline and compares the results."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from gpt_mlir.compiler import CompileOptions, compile_module
from gpt_mlir.errors import CompileError
from gpt_mlir.runtime import Executable
from gpt_mlir.verify.compare import Difference, compare, largest_difference
from gpt_mlir.verify.isolation import CrashError, run_isolated
from gpt_mlir.verify.program import Observation, Program, call_compiled
from gpt_mlir.verify.reference import Array
from gpt_mlir.verify.stages import Point, StagePlan

__all__ = ["Checker", "Outcome", "Status", "run_program"]

Status = Literal["equal", "wrong", "crash", "error"]
# A call that takes longer hangs; plain loops over a large model take minutes.
_SECONDS = 600.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one stage.

    Attributes:
        name: The pass, or what else the stage is.
        step: The step within a schedule, "" for whole passes.
        options: The pass with its options; "" for what is not a pass.
        status: "equal" within the tolerance; "wrong"; "crash" of the compiled code; "error" where
            the compiler failed.
        difference: From the reference; None without results.
        change: The largest absolute difference from the stage before; None without results.
        message: What went wrong.
        seconds: To compile and run.
    """

    name: str
    status: Status
    step: str = ""
    options: str = ""
    difference: Difference | None = None
    change: float | None = None
    message: str = ""
    seconds: float = 0.0


def run_program(
    program: Program, executable: Executable, weights: Mapping[str, Array] | None = None
) -> list[Observation]:
    """Runs a program with compiled code, in a process of its own.

    Args:
        program: What to run.
        executable: The code.
        weights: Weights by name, for programs that do not pass them with each call.

    Raises:
        CrashError: The code did not come to an end.
    """
    return run_isolated(lambda: program.run(call_compiled(executable, weights)), seconds=_SECONDS)


class Checker:
    """Checks one program at points of one pipeline.

    Attributes:
        program: What is run.
        plan: The points.
    """

    def __init__(
        self,
        program: Program,
        plan: StagePlan,
        options: CompileOptions,
        *,
        weights: Mapping[str, Array] | None = None,
    ) -> None:
        """Prepares the checks.

        Args:
            program: What to run.
            plan: The points of the pipeline of `options`.
            options: How the whole is compiled.
            weights: Weights by name, for programs that do not pass them with each call.
        """
        self.program = program
        self.plan = plan
        self._options = dataclasses.replace(options, cache=False)
        self._weights = weights
        self._before: list[Observation] | None = None

    def check(self, point: Point) -> Outcome:
        """Runs the program with the code of `point`, and from there plainly lowered."""
        begin = time.perf_counter()
        try:
            pipeline = self.plan.finish(point)
        except CompileError as error:
            return self._failed(point, error, begin)
        # LLVM, too, does the least.
        options = dataclasses.replace(self._options, pipeline=pipeline, opt_level=0)
        return self._run(point, options, begin)

    def check_pipeline(self, pipeline: str) -> Outcome:
        """Runs the program with the code of another pipeline, LLVM doing the least."""
        options = dataclasses.replace(self._options, pipeline=pipeline, opt_level=0)
        return self._run(Point((), 0, "pipeline"), options, time.perf_counter())

    def check_final(self) -> Outcome:
        """Runs the program with the code as it is."""
        name = f"LLVM at opt_level {self._options.opt_level}"
        return self._run(Point((), 0, name), self._options, time.perf_counter())

    def outcomes(self, *, steps: bool = True) -> Iterator[Outcome]:
        """Checks all stages, in the order of the pipeline."""
        yield self.check(self.plan.start)
        for point in self.plan.points(steps=steps):
            yield self.check(point)
        yield self.check_final()

    def _run(self, point: Point, options: CompileOptions, begin: float) -> Outcome:
        expected = self.program.expected
        try:
            executable = compile_module(self.program.module, options)
            observations = run_program(self.program, executable, self._weights)
        except (CompileError, CrashError) as error:
            return self._failed(point, error, begin)
        difference = compare(observations, expected)
        before, self._before = self._before, observations
        return Outcome(
            name=point.label,
            step=point.step,
            options=point.last,
            status="wrong" if difference.misses else "equal",
            difference=difference,
            change=largest_difference(before, observations) if before is not None else None,
            message=difference.worst,
            seconds=time.perf_counter() - begin,
        )

    @staticmethod
    def _failed(point: Point, error: Exception, begin: float) -> Outcome:
        crashed = isinstance(error, CrashError)
        return Outcome(
            name=point.label,
            step=point.step,
            options=point.last,
            status="crash" if crashed else "error",
            message=f"the compiled code {error}" if crashed else str(error),
            seconds=time.perf_counter() - begin,
        )
