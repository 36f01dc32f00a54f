"""Finds the pass, or the step of a schedule, after which results are wrong."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpt_mlir.compiler import CompileOptions, compile_module, schedule_text
from gpt_mlir.compiler.options import given_options
from gpt_mlir.dtypes import DType, DTypeLike
from gpt_mlir.errors import CompileError, InputError
from gpt_mlir.runtime import Executable
from gpt_mlir.verify.checker import Checker, Outcome, is_wrong, run_program
from gpt_mlir.verify.compare import compare
from gpt_mlir.verify.inputs import InputOptions
from gpt_mlir.verify.isolation import CrashError
from gpt_mlir.verify.plain_walk import walk_plain
from gpt_mlir.verify.program import ModuleProgram, Program
from gpt_mlir.verify.reduction import reduce_module
from gpt_mlir.verify.schedule_steps import schedule_of, with_schedule
from gpt_mlir.verify.search import first_wrong
from gpt_mlir.verify.stages import pass_label
from gpt_mlir.verify.verification import open_checker, open_model

__all__ = ["Verdict", "bisect_model", "bisect_module", "write_folder"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What bisection found.

    Attributes:
        culprit: The pass with its options, "LLVM" where the code is right until LLVM optimises it,
            or "" where no single pass of the plainest lowering can be told.
        label: The same for people.
        step: The step of a schedule, "" for whole passes.
        schedule: The text of that schedule, cut off after the step.
        message: The difference that shows it.
        module: The reduced module.
        inputs: The inputs that show it.
        before: The reduced module ahead of the pass, as text.
        after: The same behind it.
        candidates: Where there is no culprit, the passes that are left.
    """

    culprit: str
    label: str
    step: str = ""
    schedule: str = ""
    message: str
    module: Any
    inputs: InputOptions
    before: str = ""
    after: str = ""
    candidates: tuple[str, ...] = ()


def bisect_module(
    module: Any,
    *,
    options: CompileOptions | None = None,
    inputs: InputOptions | None = None,
    reduce: bool = True,
) -> Verdict:
    """Finds the first pass after which `module` gives wrong results.

    Args:
        module: A module of the `gpt` dialect; it is not changed.
        options: How it is compiled.
        inputs: Inputs that show the failure.
        reduce: Whether to look at the smallest part of the module that fails.

    Raises:
        InputError: The results are right, or the module cannot be evaluated.
    """
    options = given_options(options)
    inputs = inputs or InputOptions()
    fails = _Failure(options)
    if not fails(module, inputs):
        raise InputError("nothing to bisect: the results of the whole pipeline are right")
    if reduce:
        module, inputs = reduce_module(module, inputs, fails)
    return _locate(ModuleProgram(module, inputs), inputs, options)


def bisect_model(
    folder: Path,
    *,
    prompt: str | None = None,
    new_tokens: int = 4,
    dtype: DTypeLike = DType.F32,
    options: CompileOptions | None = None,
) -> Verdict:
    """Finds the first pass after which a model gives wrong results.

    Its module is reduced as one of its own, with random inputs; only if these do not show the
    failure, the model is run as it is.

    Args:
        folder: A model folder.
        prompt: The text; None for a default one.
        new_tokens: Tokens to decode.
        dtype: Element type of activations.
        options: How it is compiled.

    Raises:
        GptMlirError: The model cannot be loaded, or its results are right.
    """
    options = given_options(options)
    program = open_model(folder, prompt=prompt, new_tokens=new_tokens, dtype=dtype, options=options)
    try:
        return bisect_module(program.module, options=options)
    except InputError:
        return _locate(program, InputOptions(), options)


def _locate(program: Program, inputs: InputOptions, options: CompileOptions) -> Verdict:
    """Finds the pass for a program whose results are wrong at the end."""
    module = program.module
    with open_checker(program, options) as checker:
        plan = checker.plan
        first = checker.check(plan.start)
        if is_wrong(first.status):
            return _within_plain(checker, first, module, inputs)
        points = [plan.start, *plan.points(steps=False)]
        if points[-1] != plan.end:
            points.append(plan.end)
        if not is_wrong(checker.check(points[-1]).status):
            return _within_llvm(checker, module, inputs)
        point, outcome = first_wrong(checker.check, points)
        steps = plan.step_points(point)
        if steps:
            point, outcome = first_wrong(checker.check, [plan.start, *steps, point])
        ahead = dataclasses.replace(point, passes=point.passes[:-1], count=point.count - 1, step="")
        return Verdict(
            culprit=plan.passes[point.count - 1],
            label=point.label,
            step=point.step,
            schedule=schedule_text(schedule_of(point.last)) if point.step else "",
            message=outcome.message,
            module=module,
            inputs=inputs,
            before=str(plan.module_at(ahead)),
            after=str(plan.module_at(point)),
        )


class _Failure:
    """The test of reduction: whether the final code of a module is wrong."""

    def __init__(self, options: CompileOptions) -> None:
        self._options = dataclasses.replace(options, cache=False)
        self._compiled: dict[str, Executable | None] = {}

    def __call__(self, module: Any, inputs: InputOptions) -> bool:
        """Returns whether `module` fails; one that cannot be compiled does not."""
        executable = self._compile(module)
        if executable is None:
            return False
        program = ModuleProgram(module, inputs)
        try:
            observations = run_program(program.run, executable)
        except CrashError:
            return True
        return compare(observations, program.expected).misses > 0

    def _compile(self, module: Any) -> Executable | None:
        text = str(module)
        if text not in self._compiled:
            try:
                self._compiled[text] = compile_module(module, self._options)
            except CompileError:
                self._compiled[text] = None
        return self._compiled[text]


def _within_llvm(checker: Checker, module: Any, inputs: InputOptions) -> Verdict:
    """Blames LLVM, if the code is wrong only after it has been optimised."""
    final = checker.check_final()
    if not is_wrong(final.status):
        raise InputError("nothing to bisect: the results of the whole pipeline are right")
    return Verdict(
        culprit="LLVM", label=final.name, message=final.message, module=module, inputs=inputs
    )


def _within_plain(checker: Checker, outcome: Outcome, module: Any, inputs: InputOptions) -> Verdict:
    """Finds the pass of the plainest lowering that is to blame: interpreted, or by leaving it out.

    What is right when it is interpreted behind all passes is LLVM's.
    """
    plan = checker.plan
    walk = walk_plain(checker)
    if walk.wrong is not None and walk.outcome is not None:
        return _plain_verdict(checker, walk.wrong.count - 1, walk.outcome.message, module, inputs)
    if not walk.left:
        return Verdict(
            culprit="LLVM",
            label="LLVM at opt_level 0",
            message=outcome.message,
            module=module,
            inputs=inputs,
        )
    left = [point.count - 1 for point in walk.left]
    if len(left) == 1:
        return _plain_verdict(checker, left[0], outcome.message, module, inputs)
    for index, _, pipeline in plan.plain_without_one():
        if index in left and checker.check_pipeline(pipeline).status == "equal":
            return _plain_verdict(checker, index, outcome.message, module, inputs)
    return Verdict(
        culprit="",
        label="a pass that every lowering needs",
        message=outcome.message,
        module=module,
        inputs=inputs,
        candidates=tuple(plan.plain[index] for index in left),
    )


def _plain_verdict(
    checker: Checker, index: int, message: str, module: Any, inputs: InputOptions
) -> Verdict:
    """Blames pass `index` of the plainest lowering."""
    plan = checker.plan
    return Verdict(
        culprit=plan.plain[index],
        label=pass_label(plan.plain[index]),
        message=message,
        module=module,
        inputs=inputs,
        before=str(plan.module_at(plan.plain_point(index))),
        after=str(plan.module_at(plan.plain_point(index + 1))),
    )


def write_folder(
    verdict: Verdict, folder: Path, options: CompileOptions, plugins: Sequence[Path] = ()
) -> list[str]:
    """Writes what is needed to see and repeat a failure; returns the commands that do.

    The folder gets `module.mlir` (reduced), `before.mlir` and `after.mlir` (the IR on both sides of
    the pass), `verdict.json` (pass, options, seed, sizes) and, for a step of a schedule, the
    schedule up to this step.

    Raises:
        InputError: The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "module.mlir").write_text(str(verdict.module), encoding="utf-8")
        commands = [_verify_command(verdict, folder, options, plugins)]
        culprit = verdict.culprit
        if verdict.before:
            (folder / "before.mlir").write_text(verdict.before, encoding="utf-8")
            (folder / "after.mlir").write_text(verdict.after, encoding="utf-8")
            load = [f"--load-pass-plugin={plugin}" for plugin in plugins]
            if verdict.schedule:
                file = folder / "schedule.mlir"
                file.write_text(verdict.schedule, encoding="utf-8")
                culprit = with_schedule(culprit, str(file))
            pipeline = f"--pass-pipeline=builtin.module({culprit})"
            commands.append(shlex.join(["gpt-opt", *load, pipeline, str(folder / "before.mlir")]))
        data = {
            "pass": verdict.culprit,
            "label": verdict.label,
            "step": verdict.step,
            "message": verdict.message,
            "candidates": list(verdict.candidates),
            "seed": verdict.inputs.seed,
            "trials": verdict.inputs.trials,
            "sizes": dict(verdict.inputs.sizes),
            "commands": commands,
        }
        (folder / "verdict.json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error}") from None
    return commands


def _verify_command(
    verdict: Verdict, folder: Path, options: CompileOptions, plugins: Sequence[Path]
) -> str:
    arguments = ["gpt-mlir", "verify", str(folder / "module.mlir")]
    arguments += [f"--seed={verdict.inputs.seed}", f"--trials={verdict.inputs.trials}"]
    arguments += [f"--size={name}={size}" for name, size in verdict.inputs.sizes.items()]
    arguments += [f"--opt-level={options.opt_level}"]
    arguments += [f"--load-pass-plugin={plugin}" for plugin in plugins]
    if options.pipeline is not None:
        arguments.append(f"--pipeline={options.pipeline}")
    if options.target_cpu != "native":
        arguments.append(f"--target-cpu={options.target_cpu}")
    return shlex.join(arguments)
