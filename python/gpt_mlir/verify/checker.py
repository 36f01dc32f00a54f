"""Runs a program at the points of a pipeline and compares the results."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from gpt_mlir.compiler import CompileOptions, compile_module
from gpt_mlir.errors import CompileError
from gpt_mlir.runtime import Executable
from gpt_mlir.verify.compare import Difference, compare, largest_difference
from gpt_mlir.verify.interpreter.values import InterpretError
from gpt_mlir.verify.isolation import CrashError, run_isolated
from gpt_mlir.verify.program import Call, Observation, Program, call_compiled
from gpt_mlir.verify.reference import Array
from gpt_mlir.verify.stages import Point, StagePlan

__all__ = ["Checker", "OpDifference", "Outcome", "Run", "Status", "is_wrong", "run_program"]

Status = Literal["equal", "wrong", "crash", "error"]
# Makes the calls of a program through what it is given.
Run = Callable[[Call], list[Observation]]
# A call that takes longer hangs; plain loops over a large model take minutes.
_SECONDS = 600.0


@dataclass(frozen=True, kw_only=True)
class OpDifference:
    """The difference that one op makes, on operands that it has in a program.

    Attributes:
        op: The op with the shapes of its operands; several results are numbered.
        difference: From the reference.
    """

    op: str
    difference: Difference


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one stage.

    Attributes:
        name: The pass, or what else the stage is.
        step: The step within a schedule, "" for whole passes.
        options: The pass with its options; "" for what is not a pass.
        status: "equal" within the tolerance; "wrong"; "crash" of the code; "error" where the
            compiler failed, or the interpreter does not know what is there.
        difference: From the reference; None without results.
        change: The largest absolute difference from the stage before; None without results.
        message: What went wrong.
        seconds: To compile and run.
        ops: Each distinct op of the program, compiled alone up to this stage.
    """

    name: str
    status: Status
    step: str = ""
    options: str = ""
    difference: Difference | None = None
    change: float | None = None
    message: str = ""
    seconds: float = 0.0
    ops: tuple[OpDifference, ...] = ()

    @property
    def worst_op(self) -> OpDifference | None:
        """The op that takes most of its tolerance; None if none was run alone."""
        return max(self.ops, key=lambda op: op.difference.used, default=None)


def is_wrong(status: Status) -> bool:
    """Whether a stage shows a fault; one that cannot be run does not."""
    return status in ("wrong", "crash")


def run_program(
    run: Run, executable: Executable, weights: Mapping[str, Array] | None = None
) -> list[Observation]:
    """Runs a program with compiled code, in a process of its own.

    Args:
        run: Makes the calls.
        executable: The code.
        weights: Weights by name, for programs that do not pass them with each call.

    Raises:
        CrashError: The code did not come to an end.
    """
    return run_isolated(lambda: run(call_compiled(executable, weights)), seconds=_SECONDS)


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

    def observe(self, point: Point) -> list[Observation]:
        """Runs the program with the code of `point`, and from there plainly lowered.

        Raises:
            CompileError: The compiler fails.
            CrashError: The code does not come to an end.
        """
        return self.run_with(point, self.program.run)

    def run_with(self, point: Point, run: Run) -> list[Observation]:
        """Makes other calls with that code; see `observe`."""
        return self._observe(self.plan.finish(point), run)

    def observe_final(self) -> list[Observation]:
        """Runs the program with the code as it is; see `observe`."""
        executable = compile_module(self.program.module, self._options)
        return run_program(self.program.run, executable, self._weights)

    def check(self, point: Point) -> Outcome:
        """Compares what `observe` returns with the reference."""
        return self.check_run(point, lambda: self.observe(point))

    def check_pipeline(self, pipeline: str) -> Outcome:
        """Runs the program with the code of another pipeline, LLVM doing the least."""
        return self.check_run(
            Point((), 0, "pipeline"), lambda: self._observe(pipeline, self.program.run)
        )

    def check_final(self) -> Outcome:
        """Runs the program with the code as it is."""
        name = f"LLVM at opt_level {self._options.opt_level}"
        return self.check_run(Point((), 0, name), self.observe_final)

    def check_run(self, point: Point, run: Callable[[], list[Observation]]) -> Outcome:
        """Compares what `run` returns with the reference.

        Args:
            point: What the outcome is called.
            run: Runs the program in some way; may raise CompileError, InterpretError, CrashError.
        """
        begin = time.perf_counter()
        expected = self.program.expected
        try:
            observations = run()
        except (CompileError, CrashError, InterpretError) as error:
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

    def _observe(self, pipeline: str, run: Run) -> list[Observation]:
        # LLVM, too, does the least.
        options = dataclasses.replace(self._options, pipeline=pipeline, opt_level=0)
        executable = compile_module(self.program.module, options)
        return run_program(run, executable, self._weights)

    @staticmethod
    def _failed(point: Point, error: Exception, begin: float) -> Outcome:
        crashed = isinstance(error, CrashError)
        return Outcome(
            name=point.label,
            step=point.step,
            options=point.last,
            status="crash" if crashed else "error",
            message=f"the code {error}" if crashed else str(error),
            seconds=time.perf_counter() - begin,
        )
