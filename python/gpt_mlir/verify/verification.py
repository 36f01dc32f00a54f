"""Verification of a module or of a model: all stages, as a report."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpt_mlir import ir
from gpt_mlir._mlir_libs._gpt import check_nesting
from gpt_mlir.compiler import CompileOptions, lower, run_pipeline
from gpt_mlir.compiler.options import given_options
from gpt_mlir.dtypes import DType, DTypeLike
from gpt_mlir.errors import CompileError, InputError
from gpt_mlir.generation import LLM
from gpt_mlir.generation.prompts import PromptEncoder
from gpt_mlir.verify.checker import Checker, Outcome
from gpt_mlir.verify.inputs import InputOptions
from gpt_mlir.verify.model_program import ModelProgram, Reference
from gpt_mlir.verify.op_checks import OpChecks, open_op_checks
from gpt_mlir.verify.plain_walk import InterpretedChecker
from gpt_mlir.verify.program import ModuleProgram, Program
from gpt_mlir.verify.report import Report
from gpt_mlir.verify.stages import Point, StagePlan

__all__ = [
    "DEFAULT_PROMPT",
    "open_checker",
    "open_model",
    "read_module",
    "verify_model",
    "verify_module",
]

DEFAULT_PROMPT = "The quick brown fox jumps over the lazy dog"
# Of a model without a tokenizer.
_DEFAULT_IDS = tuple(range(3, 14))

# Called with the result of each stage as soon as it is there.
OnOutcome = Callable[[Outcome], None]


def read_module(path: Path) -> Any:
    """Reads a module of the `gpt` dialect from a file.

    Raises:
        InputError: The file cannot be read, or is nested too deeply.
        CompileError: It does not hold a module.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    try:
        check_nesting(text)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None
    with ir.Context():
        try:
            return _parse(path, text)
        except ir.MLIRError as error:  # type: ignore[attr-defined]  # set by MLIR on import
            found = [f"{_place(d.location)}{d.message}" for d in error.error_diagnostics]
            raise CompileError(f"{path}: not a module", diagnostics=found) from None


def _parse(path: Path, text: str) -> Any:
    """Parses `text`, the content of a file: under its name if possible, for locations."""
    if path.is_file():  # else a pipe, which cannot be read again
        with contextlib.suppress(TypeError):  # raised for names that are not UTF-8
            return ir.Module.parseFile(str(path))
    return ir.Module.parse(text)


def _place(location: ir.Location) -> str:
    if not location.is_a_file():
        return f"{location}: "
    return f"{location.filename}:{location.start_line}:{location.start_col}: "


def verify_module(
    module: Any,
    *,
    options: CompileOptions | None = None,
    inputs: InputOptions | None = None,
    steps: bool = True,
    ops: bool = True,
    interpret: bool = False,
    subject: str = "module",
    on_outcome: OnOutcome | None = None,
) -> Report:
    """Runs every public function of `module` at every stage, against float64.

    Args:
        module: A module of the `gpt` dialect; it is not changed.
        options: How it is compiled.
        inputs: The random inputs.
        steps: Whether schedules are taken apart.
        ops: Whether each op is checked alone, too.
        interpret: Whether the module is interpreted behind each pass of the plainest lowering, too.
            Takes minutes with inputs that are not small.
        subject: What the report calls it.
        on_outcome: Called with each stage as soon as it is known.

    Raises:
        CompileError: The module cannot be compiled at all.
        InputError: A function cannot be evaluated, or an option does not fit.
    """
    _check_limits(module, given_options(options))
    program = ModuleProgram(module, inputs or InputOptions())
    stages = _Stages(steps=steps, ops=ops, interpret=interpret)
    return _verify(program, options, stages, subject, "float64", on_outcome)


def _check_limits(module: Any, options: CompileOptions) -> None:
    """Raises CompileError if the module has what no machine can run or compile."""
    limits = "" if options.max_ops is None else f"{{max-ops={options.max_ops}}}"
    what = "the module cannot be verified"
    run_pipeline(lower(module, "gpt"), f"gpt-verify-limits{limits}", what=what, quiet=True)


def verify_model(
    folder: Path,
    *,
    prompt: str | None = None,
    new_tokens: int = 4,
    dtype: DTypeLike = DType.F32,
    reference: Reference = "float64",
    options: CompileOptions | None = None,
    steps: bool = False,
    ops: bool = True,
    on_outcome: OnOutcome | None = None,
) -> Report:
    """Runs a model at every stage: the logits of a prompt and of some tokens after it.

    Args:
        folder: A model folder.
        prompt: The text; None for a default one.
        new_tokens: Tokens to decode.
        dtype: Element type of activations.
        reference: The evaluator in float64, or transformers in float64.
        options: How it is compiled.
        steps: Whether schedules are taken apart.
        ops: Whether each distinct op is checked alone, too.
        on_outcome: Called with each stage as soon as it is known.

    Raises:
        GptMlirError: The model cannot be loaded, or an option does not fit.
    """
    program = open_model(
        folder,
        prompt=prompt,
        new_tokens=new_tokens,
        dtype=dtype,
        reference=reference,
        options=options,
    )
    stages = _Stages(steps=steps, ops=ops, interpret=False)
    return _verify(program, options, stages, str(folder), reference, on_outcome)


def open_model(
    folder: Path,
    *,
    prompt: str | None,
    new_tokens: int,
    dtype: DTypeLike = DType.F32,
    reference: Reference = "float64",
    options: CompileOptions | None = None,
) -> ModelProgram:
    """Returns the program of a model; see `verify_model`."""
    llm = LLM(folder, options=options, dtype=DType.of(dtype))
    return ModelProgram(llm, _encode(llm, prompt), new_tokens=new_tokens, reference=reference)


def _encode(llm: LLM, prompt: str | None) -> list[int]:
    if llm.tokenizer is None and prompt is None:
        return [i % llm.config.vocab_size for i in _DEFAULT_IDS]
    encoder = PromptEncoder(
        llm.tokenizer,
        vocab_size=llm.config.vocab_size,
        context_length=llm.config.context_length,
        bos_token_id=llm.generation_config.bos_token_id,
    )
    return list(encoder.encode(DEFAULT_PROMPT if prompt is None else prompt))


@dataclass(frozen=True, kw_only=True)
class _Stages:
    """Which stages there are beside those behind whole passes; see `verify_module`."""

    steps: bool
    ops: bool
    interpret: bool


def _verify(
    program: Program,
    options: CompileOptions | None,
    stages: _Stages,
    subject: str,
    reference: str,
    on_outcome: OnOutcome | None,
) -> Report:
    options = given_options(options)
    outcomes = []
    with open_checker(program, options) as checker, contextlib.ExitStack() as stack:
        checks = stack.enter_context(open_op_checks(program, options)) if stages.ops else None
        for outcome in _outcomes(checker, checks, stages):
            outcomes.append(outcome)
            if on_outcome is not None:
                on_outcome(outcome)
    return Report(subject=subject, reference=reference, outcomes=outcomes)


def _outcomes(checker: Checker, checks: OpChecks | None, stages: _Stages) -> Iterator[Outcome]:
    """Checks all stages, in the order of the pipeline, and at each of them the ops alone."""
    plan = checker.plan
    if checks is not None:
        by_op = checker.check_run(Point((), 0, "gpt, op by op"), checks.run_op_by_op)
        yield checks.add_to(by_op, plan.start)
    if stages.interpret:
        interpreted = InterpretedChecker(checker)
        for point in plan.plain_points():
            outcome = interpreted.check(point)
            yield dataclasses.replace(outcome, name=f"interpreted: {outcome.name}")
    for point in (plan.start, *plan.points(steps=stages.steps)):
        outcome = checker.check(point)
        yield outcome if checks is None or point.step else checks.add_to(outcome, point)
    final = checker.check_final()
    yield final if checks is None else checks.add_to(final, None)


@contextlib.contextmanager
def open_checker(program: Program, options: CompileOptions) -> Iterator[Checker]:
    """Yields the checker of a program, with a folder for as long as it is used."""
    with tempfile.TemporaryDirectory(prefix="gpt-mlir-verify-") as folder:
        plan = StagePlan(program.module, options, Path(folder))
        weights = program.weights if isinstance(program, ModelProgram) else None
        yield Checker(program, plan, options, weights=weights)
