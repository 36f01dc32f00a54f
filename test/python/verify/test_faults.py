"""Faults seeded into the pipeline: verification notices each, bisection finds its pass."""

from __future__ import annotations

import functools
import json
import shlex
import subprocess
from pathlib import Path

import pytest
from checkpoints import folder_of
from faults import (
    FEW,
    FEW_INSIDE,
    FINALIZE,
    LINALG,
    MORE,
    MORE_INSIDE,
    TILES,
    SeededFault,
    attention,
    cached_attention,
    feed_forward,
    plugin,
    square_projections,
)

from gpt_mlir import InputError
from gpt_mlir.cli import main
from gpt_mlir.compiler import CompileOptions, list_passes, llvm_pipeline, schedule_text
from gpt_mlir.verify import Verdict, bisect_model, bisect_module, verify_module, write_folder
from gpt_mlir.verify.interpreter import dialects
from gpt_mlir.verify.stages import pass_label

pytestmark = pytest.mark.usefixtures("_plugin")


@pytest.fixture(name="_plugin", scope="module")
def _load_plugin() -> None:
    plugin()


@functools.cache
def bisected(fault: SeededFault) -> Verdict:
    with fault.seeded() as options:
        return bisect_module(fault.build(), options=options)


def check(fault: SeededFault) -> None:
    verdict = bisected(fault)
    assert verdict.culprit == fault.text
    assert verdict.before != verdict.after
    assert verdict.message


@pytest.mark.parametrize("fault", [*FEW, *FEW_INSIDE], ids=lambda fault: fault.id)
def test_bisection_names_the_pass(fault: SeededFault) -> None:
    check(fault)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [*MORE, *MORE_INSIDE], ids=lambda fault: fault.id)
def test_bisection_names_the_pass_of_more_faults(fault: SeededFault) -> None:
    check(fault)


@pytest.mark.spread
def test_verification_is_right_up_to_the_fault() -> None:
    fault = FEW[1]
    report = verify_module(fault.build(), options=fault.options(), steps=False)
    assert not report.succeeded
    wrong = next(outcome for outcome in report.outcomes if outcome.status != "equal")
    assert wrong.options == fault.text
    assert wrong.difference is not None
    assert wrong.difference.misses > 0
    assert "trial 2" in wrong.message  # the one with large numbers
    assert wrong.worst_op is not None
    assert wrong.worst_op.op.startswith("gpt.softmax ")
    assert wrong.worst_op.difference.misses > 0
    data = json.loads(json.dumps(report.to_json()))
    assert not data["succeeded"]
    assert [stage["status"] for stage in data["stages"]].count("equal") >= 1


@pytest.mark.spread
def test_bisection_names_the_step_of_a_schedule(tmp_path: Path) -> None:
    passes = list_passes(llvm_pipeline(CompileOptions(opt_level=2)))
    tile = next(text for text in passes if pass_label(text) == TILES)
    name = tile.split("schedule=")[1].split(" ")[0].rstrip("}")
    text = schedule_text(name)
    before, name, after = text.partition("transform.named_sequence @tile(")
    tile_text, next_, others = after.partition("transform.named_sequence")
    header, _, body = tile_text.partition("\n")
    step = """
  %broken = transform.apply_registered_pass "gpt-seed-fault"
    with options = {"fault" = "accumulator-not-zeroed"} to %module
    : (!transform.any_op) -> !transform.any_op
"""
    header = header.replace("transform.readonly", "transform.consumed")
    broken = f"{before}{name}{header}{step}{body.replace('%module', '%broken')}{next_}{others}"
    schedule = tmp_path / "broken.mlir"
    schedule.write_text(broken, encoding="utf-8")
    options = CompileOptions(opt_level=2, schedule=str(schedule), cache=False)
    verdict = bisect_module(feed_forward(), options=options)
    assert pass_label(verdict.culprit) == TILES
    line = broken.split(step.strip())[0].count("\n") + 1
    assert verdict.step == f"line {line}: apply_registered_pass"


def test_the_folder_repeats_the_failure(tmp_path: Path) -> None:
    fault = FEW[0]
    verdict = bisected(fault)
    assert str(verdict.module).count("gpt.") < str(fault.build()).count("gpt.")
    commands = write_folder(verdict, tmp_path, fault.options(), [plugin()])
    assert {file.name for file in tmp_path.iterdir()} >= {
        "after.mlir",
        "before.mlir",
        "module.mlir",
        "verdict.json",
    }
    data = json.loads((tmp_path / "verdict.json").read_text(encoding="utf-8"))
    assert data["pass"] == fault.text
    assert data["commands"] == commands
    tool = plugin().parents[2] / "bin" / "gpt-opt"
    repeat = next(command for command in commands if command.startswith("gpt-opt "))
    result = subprocess.run(
        repeat.replace("gpt-opt", str(tool), 1),
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == (tmp_path / "after.mlir").read_text(encoding="utf-8").strip()


@pytest.mark.spread
def test_the_program_prints_the_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fault = SeededFault("wrong-reduction-axis", square_projections, LINALG)
    module = tmp_path / "module.mlir"
    module.write_text(str(fault.build()), encoding="utf-8")
    options = fault.options()
    arguments = ["verify", str(module), f"--load-pass-plugin={plugin()}", "--opt-level=0"]
    arguments += [f"--pipeline={options.pipeline}", "--bisect", f"--out={tmp_path / 'found'}"]
    assert main(arguments) == 1
    output = capsys.readouterr().out
    assert "first stage outside of the tolerance: gpt-seed-fault" in output
    assert f"results are wrong from: {fault.text}" in output
    # The command that is printed last but one repeats the failure.
    command = next(line for line in output.splitlines() if line.startswith("  gpt-mlir verify "))
    assert main(shlex.split(command)[1:]) == 1


@pytest.mark.spread
def test_an_op_that_is_wrong_alone_is_named() -> None:
    fault = SeededFault("wrong-scale", attention, "cse")
    report = verify_module(fault.build(), options=fault.options(), steps=False)
    wrong = next(outcome for outcome in report.outcomes if outcome.status != "equal")
    assert wrong.options == fault.text
    assert {op.op.split()[0] for op in wrong.ops if op.difference.misses} == {"gpt.attention"}
    before = report.outcomes[report.outcomes.index(wrong) - 1]
    assert [op.difference.misses for op in before.ops] == [0] * len(wrong.ops)


@pytest.mark.slow
def test_passes_behind_what_cannot_be_interpreted_are_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fault = SeededFault("wrong-stride", feed_forward, FINALIZE, inside=True)
    on_tensors = {n: h for n, h in dialects.HANDLERS.items() if not n.startswith("memref.")}
    monkeypatch.setattr(dialects, "HANDLERS", on_tensors)
    with fault.seeded() as options:
        verdict = bisect_module(fault.build(), options=options)
    assert verdict.culprit == ""
    assert fault.text in verdict.candidates
    assert pass_label(verdict.candidates[0]) == "one-shot-bufferize"


@pytest.mark.spread
def test_bisection_of_a_model() -> None:
    fault = SeededFault("lost-position", cached_attention, "cse")
    verdict = bisect_model(folder_of("llama-mqa"), new_tokens=1, options=fault.options())
    assert verdict.culprit == fault.text
    assert str(verdict.module).count("gpt.rope") == 1
    assert "gpt.linear" not in str(verdict.module)


def test_nothing_to_bisect() -> None:
    with pytest.raises(InputError, match="the results of the whole pipeline are right"):
        bisect_module(feed_forward(), options=CompileOptions(opt_level=0, cache=False))
