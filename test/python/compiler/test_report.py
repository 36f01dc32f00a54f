"""What a schedule reports of a module."""

from __future__ import annotations

import pytest

from gpt_mlir import CompileError, CompileOptions, ir
from gpt_mlir.compiler import schedule_report
from gpt_mlir.compiler.report import make_report
from gpt_mlir.dialects import gpt as _gpt  # noqa: F401  # registers the dialect

# Nothing follows the product that could be computed on its tiles.
PRODUCT = """
func.func @f(%x: tensor<?x96xf32>, %w: tensor<128x96xf32> {gpt.weight = "w"}) -> tensor<?x128xf32> {
  %0 = gpt.linear %x, %w : (tensor<?x96xf32>, tensor<128x96xf32>) -> tensor<?x128xf32>
  return %0 : tensor<?x128xf32>
}
"""


def test_report_of_remarks() -> None:
    remark = ("missed", "gpt-pack-projections", "a.py:3:0", "Reason=input, or result, is not f32")
    sequence = "Schedule=generic, Sequence=tile, StructuredOpsBefore=4, StructuredOpsAfter=1"
    report = make_report([remark, ("analysis", "gpt-apply-schedule", "b.py:1:0", sequence), remark])
    first, second = report
    assert (first.outcome, first.text, first.count) == ("no", "input, or result, is not f32", 2)
    assert (second.step, second.text, second.location) == ("@tile", "generic", "")
    assert second.sizes == (("StructuredOpsBefore", "4"), ("StructuredOpsAfter", "1"))
    assert str(report).splitlines() == [
        "taken  step                  op from   ops  details",
        "no     gpt-pack-projections  a.py:3:0  2    input, or result, is not f32",
        "ran    @tile                 -         1    "
        "StructuredOpsBefore 4, StructuredOpsAfter 1: generic",
    ]


def test_report_of_a_module() -> None:
    with ir.Context(), ir.Location.unknown():
        module = ir.Module.parse(PRODUCT)
        before = str(module)
        report = schedule_report(module, CompileOptions(target_cpu="x86-64-v3"))
        assert str(module) == before
    packed, left = (
        [entry for entry in report if entry.step == step]
        for step in ("gpt-pack-projections", "gpt-form-epilogues")
    )
    assert {entry.outcome for entry in packed} == {"yes"}
    assert {"Columns": "128", "Depth": "96"} in [dict(entry.sizes) for entry in packed]
    assert {entry.outcome for entry in left} == {"no"}
    assert all("nothing that follows the product" in entry.text for entry in left)
    assert "@tile" in {entry.step for entry in report}


def test_report_without_a_schedule() -> None:
    with ir.Context(), ir.Location.unknown():
        report = schedule_report(ir.Module.parse(PRODUCT), CompileOptions(opt_level=1))
    assert list(report) == []


def test_report_of_what_cannot_be_lowered() -> None:
    with ir.Context(), ir.Location.unknown(), pytest.raises(CompileError, match="no-such-pass"):
        schedule_report(ir.Module.parse(PRODUCT), CompileOptions(pipeline="no-such-pass"))
