"""Runs of the benchmark in one record: which rows are kept, and what they are compared with."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.cases import Case, select_cases
from benchmarks.record import check_comparable, merge, results_of
from benchmarks.tables import share

MACHINE = {"cpu": "one", "family": "1/2/3", "processors": 2, "features": ["avx2"]}
MODEL = Case(section="llama", kind="prefill", model="llama-1b", dtype="bf16", threads=2, long=True)
PREFILL = replace(MODEL, context=128)
DECODE = replace(MODEL, kind="decode", context=1000, steps=16)


def make_run(rate: float, *cases: Case) -> dict[str, Any]:
    limits = {"2": {"flops": rate, "avx2_flops": rate, "bf16_flops": rate, "bandwidth": rate}}
    return {
        "machine": MACHINE,
        "settings": {"threads": 2},
        "limits": {"before": limits, "after": limits},
        "results": [
            {"case": case.to_json(), "key": case.key, "flops": 50.0, "bytes": 0.0} for case in cases
        ],
    }


def test_rows_that_are_measured_again_are_replaced() -> None:
    data = merge({"runs": []}, make_run(100.0, PREFILL, DECODE))
    data = merge(data, make_run(200.0, PREFILL))
    assert [[result["key"] for result in run["results"]] for run in data["runs"]] == [
        [DECODE.key],
        [PREFILL.key],
    ]
    # In the order of the cases, each beside the limits of its own run.
    results = results_of(data)
    assert [result["key"] for result in results] == [PREFILL.key, DECODE.key]
    assert [share(result, 1.0) for result in results] == ["25 % of FMA", "50 % of FMA"]


def test_runs_without_rows_are_dropped() -> None:
    data = merge({"runs": []}, make_run(100.0, PREFILL))
    assert len(merge(data, make_run(200.0, PREFILL))["runs"]) == 1


@pytest.mark.parametrize(("field", "value"), [("cpu", "other"), ("processors", 4)])
def test_other_machines_are_refused(field: str, value: object) -> None:
    data = {"runs": [make_run(100.0, PREFILL)]}
    check_comparable(data, MACHINE, threads=2)
    with pytest.raises(ValueError, match=f"expected the {field} of its machine"):
        check_comparable(data, MACHINE | {field: value}, threads=2)
    with pytest.raises(ValueError, match="expected 2 threads, got 1"):
        check_comparable(data, MACHINE, threads=1)


def test_keys_tell_cases_apart() -> None:
    keys = [case.key for case in select_cases(threads=2, long=True)]
    assert len(set(keys)) == len(keys)
