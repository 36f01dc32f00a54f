"""What is kept of runs: `docs/performance.json`, and how a run is added to those before it.

A record is a list of runs, each with the machine it saw, the limits it measured and its results.
Participants take turns within a run, so rows are complete or replaced: no row has figures of two
runs, and shares are of the limits of a row's own run.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.cases import select_cases

__all__ = [
    "Data",
    "Result",
    "Run",
    "check_comparable",
    "merge",
    "read_record",
    "results_of",
    "write_record",
]

Result = dict[str, Any]
Run = dict[str, Any]
Data = dict[str, Any]

# What must be equal for figures to stand in one table.
_SAME_MACHINE = ("cpu", "family", "processors", "features")


def read_record(path: Path) -> Data:
    """Returns the runs of a file; none if there is no such file."""
    if not path.exists():
        return {"runs": []}
    data: Data = json.loads(path.read_text())
    return data


def write_record(path: Path, data: Data) -> None:
    """Writes runs to a file."""
    path.write_text(json.dumps(data, indent=1) + "\n")


def check_comparable(data: Data, machine: dict[str, Any], *, threads: int) -> None:
    """Checks that figures of this machine may stand beside those of a record.

    Raises:
        ValueError: A run of the record is of another machine, or used another number of threads.
    """
    for run in data["runs"]:
        for name in _SAME_MACHINE:
            if run["machine"][name] != machine[name]:
                raise ValueError(
                    f"expected the {name} of its machine, {run['machine'][name]!r}, "
                    f"found {machine[name]!r}"
                )
        if run["settings"]["threads"] != threads:
            raise ValueError(f"expected {run['settings']['threads']} threads, got {threads}")


def merge(data: Data, run: Run) -> Data:
    """Returns a record with a run added; rows that it measured again are replaced."""
    measured = {result["key"] for result in run["results"]}
    kept = []
    for earlier in data["runs"]:
        results = [result for result in earlier["results"] if result["key"] not in measured]
        if results:
            kept.append(earlier | {"results": results})
    return {"runs": [*kept, run]}


def results_of(data: Data) -> list[Result]:
    """Returns the results of all runs in the order of the cases, each with its run's limits.

    "limits" of a result are those before and after, for its number of threads.
    """
    found = []
    for run in data["runs"]:
        for result in run["results"]:
            count = str(result["case"]["threads"])
            limits = [run["limits"][when][count] for when in ("before", "after")]
            found.append(result | {"limits": limits})
    threads = max((run["settings"]["threads"] for run in data["runs"]), default=1)
    order = {case.key: at for at, case in enumerate(select_cases(threads=threads, long=True))}
    return sorted(found, key=lambda result: order.get(result["key"], len(order)))
