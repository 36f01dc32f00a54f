"""`gpt-mlir verify`: every stage of the compiler against an independent reference."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from gpt_mlir.cli.interrupts import dying_at_once
from gpt_mlir.cli.stages import OpChecking
from gpt_mlir.dtypes import DType
from gpt_mlir.errors import ConfigError, InputError
from gpt_mlir.verify.bisection import Verdict
from gpt_mlir.verify.report import Report, table_header, table_row

__all__ = ["run"]


def run(
    model: Path,
    *,
    dtype: str,
    prompt: str | None,
    new_tokens: int,
    reference: str,
    steps: bool,
    ops: OpChecking,
    interpret: bool,
    seed: int,
    trials: int,
    sizes: Sequence[str],
    plugins: Sequence[Path],
    as_json: bool,
    bisect_folder: Path | None,
    options: Any,
) -> None:
    """Verifies a model folder or a module and prints a table or JSON.

    Args:
        model: A model folder or an `.mlir` file.
        dtype: Element type of the activations of a model.
        prompt: The text for a model; None for a default.
        new_tokens: Tokens that a model decodes.
        reference: "float64" or "transformers".
        steps: Whether schedules are taken apart.
        ops: Whether ops are checked alone, and what is printed of them.
        interpret: Whether a module is interpreted between passes, too.
        seed: Seed of the inputs of a module.
        trials: Sets of inputs of a module.
        sizes: "name=number" each: sizes of a module's dynamic dimensions.
        plugins: Pass plugins to load.
        as_json: Whether to print JSON.
        bisect_folder: On a miss, where to write what bisection finds; None for no bisection.
        options: How to compile.
    """
    with dying_at_once():
        from gpt_mlir.compiler import load_pass_plugin
        from gpt_mlir.verify import (
            InputOptions,
            bisect_model,
            bisect_module,
            read_module,
            verify_model,
            verify_module,
            write_folder,
        )

    for plugin in plugins:
        load_pass_plugin(plugin)
    is_model = model.is_dir()
    if not is_model and model.suffix != ".mlir":
        raise ConfigError(f"{model}: expected a model folder or an .mlir file")
    _refuse_options_of_the_other_kind(
        is_model,
        prompt=prompt,
        reference=reference,
        dtype=dtype,
        sizes=sizes,
        interpret=interpret,
    )

    def show(outcome: Any) -> None:
        if not as_json:
            all_ops = ops == OpChecking.ALL
            row = table_row(outcome, tokens=is_model, ops=all_ops, cut=sys.stdout.isatty())
            print(row, flush=True)

    inputs = InputOptions(seed=seed, trials=trials, sizes=_parse_sizes(sizes))
    module = None if is_model else read_module(model)
    if not as_json:
        print(table_header(tokens=is_model), flush=True)
    if module is None:
        report = verify_model(
            model,
            prompt=prompt,
            new_tokens=new_tokens,
            dtype=dtype,
            reference="transformers" if reference == "transformers" else "float64",
            options=options,
            steps=steps,
            ops=ops != OpChecking.NONE,
            on_outcome=show,
        )
    else:
        report = verify_module(
            module,
            options=options,
            inputs=inputs,
            steps=steps,
            ops=ops != OpChecking.NONE,
            interpret=interpret,
            subject=str(model),
            on_outcome=show,
        )
    data = report.to_json()
    if not as_json:
        _print_summary(report)
    if bisect_folder is not None and not report.succeeded:
        if module is None:
            verdict = bisect_model(
                model, prompt=prompt, new_tokens=new_tokens, dtype=dtype, options=options
            )
        else:
            verdict = bisect_module(module, options=options, inputs=inputs)
        commands = write_folder(verdict, bisect_folder, options, plugins)
        data["bisection"] = {
            "pass": verdict.culprit,
            "label": verdict.label,
            "step": verdict.step,
            "folder": str(bisect_folder),
            "commands": commands,
        }
        if not as_json:
            _print_verdict(verdict, bisect_folder, commands)
    if as_json:
        print(json.dumps(data, indent=2))
    if not report.succeeded:
        raise typer.Exit(1)


def _print_summary(report: Report) -> None:
    if report.succeeded:
        print(f"all {len(report.outcomes)} stages are within the tolerance")
        return
    wrong = next(outcome for outcome in report.outcomes if outcome.status != "equal")
    print(f"first stage outside of the tolerance: {wrong.name} {wrong.step}".rstrip())


def _print_verdict(verdict: Verdict, folder: Path, commands: Sequence[str]) -> None:
    step = f", step {verdict.step}" if verdict.step else ""
    print(f"results are wrong from: {verdict.culprit or verdict.label}{step}")
    print(f"  {verdict.message}")
    for candidate in verdict.candidates:
        print(f"  may be: {candidate}")
    print(f"reduced module and IR on both sides: {folder}")
    for command in commands:
        print(f"  {command}")


def _refuse_options_of_the_other_kind(
    is_model: bool,
    *,
    prompt: str | None,
    reference: str,
    dtype: str,
    sizes: Sequence[str],
    interpret: bool,
) -> None:
    if not is_model and prompt is not None:
        raise InputError("--prompt is for models; a module gets random inputs from --seed")
    if not is_model and reference == "transformers":
        raise InputError("--reference transformers is for models; expected float64 for a module")
    if not is_model and dtype != DType.F32:
        raise InputError(f"--dtype {dtype} is for models; a module says its element types itself")
    if is_model and sizes:
        raise InputError("--size is for .mlir files; a model's sizes follow from its prompt")
    if is_model and interpret:
        raise InputError("--interpret is for .mlir files; a model would take hours")


def _parse_sizes(sizes: Sequence[str]) -> dict[str, int]:
    parsed = {}
    for text in sizes:
        name, _, number = text.partition("=")
        # No size has so many digits, and `int` does not take any number of them.
        if not name or not number.isdecimal() or len(number) > 100:
            raise InputError(f"--size expected NAME=NUMBER, got {text!r}")
        parsed[name] = int(number)
    return parsed
