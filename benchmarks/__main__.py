"""The command: `python -m benchmarks`; `make bench` sets the peers up first."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.cases import Case, select_cases
from benchmarks.machine import describe_machine, describe_run, installed_versions
from benchmarks.measure import Runner
from benchmarks.peers import ADAPTERS, Adapter, GptMlir
from benchmarks.plots import write_plots
from benchmarks.process import ParticipantError
from benchmarks.record import (
    Run,
    check_comparable,
    merge,
    read_record,
    results_of,
    write_record,
)
from benchmarks.report import render

_ROOT = Path(__file__).resolve().parent.parent
_SCRATCH = _ROOT / "build" / "bench"
_DOCS = _ROOT / "docs"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures gpt-mlir beside the peers that are installed.",
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=len(os.sched_getaffinity(0)),
        help="threads of every participant (default: all processors, %(default)s)",
    )
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (default: 5)")
    parser.add_argument(
        "--seconds", type=float, default=0.2, help="least time of a turn (default: 0.2)"
    )
    parser.add_argument("--long", action="store_true", help="also the cases that take long")
    parser.add_argument("--quick", action="store_true", help="small models only, short turns")
    parser.add_argument("--only", metavar="TEXT", help="only cases whose key contains TEXT")
    parser.add_argument(
        "--peers",
        metavar="NAMES",
        help="names separated by commas, or 'all': with those that take minutes to prepare",
    )
    parser.add_argument("--list", action="store_true", help="list cases and participants, and end")
    parser.add_argument(
        "--merge",
        action="store_true",
        help="add the cases to those of the record, which are kept, and replace equal ones",
    )
    parser.add_argument("--output", type=Path, help="folder for both files, instead of docs/")
    parser.add_argument(
        "--render", type=Path, metavar="JSON", help="measure nothing, write the page from a result"
    )
    return parser.parse_args(argv)


def _participants(
    peers: str | None, *, long: bool
) -> tuple[list[type[Adapter]], dict[str, set[str]]]:
    """Returns who takes part, and why the others do not."""
    wanted = {name.strip().lower() for name in peers.split(",")} if peers else set()
    chosen: list[type[Adapter]] = []
    skipped: dict[str, set[str]] = {}
    for adapter in ADAPTERS:
        ours = issubclass(adapter, GptMlir)
        asked = adapter.name.lower() in wanted or "all" in wanted
        usual = adapter.default or long
        if not ours and not asked and (wanted or not usual):
            skipped[adapter.name] = {"not asked for (--long or --peers)"}
            continue
        missing = adapter.available()
        if missing:
            hint = "" if ours else " (`make bench-peers` installs the peers)"
            skipped[adapter.name] = {missing + hint}
        else:
            chosen.append(adapter)
    return chosen, skipped


def _measure(arguments: argparse.Namespace, cases: Sequence[Case], machine: dict[str, Any]) -> Run:
    begin = time.monotonic()
    run = describe_run()
    adapters, skipped = _participants(arguments.peers, long=arguments.long)
    for name, reasons in skipped.items():
        print(f"without {name}: {', '.join(reasons)}", file=sys.stderr)
    rounds = 2 if arguments.quick else arguments.rounds
    seconds = 0.05 if arguments.quick else arguments.seconds
    runner = Runner(adapters, scratch=_SCRATCH, rounds=rounds, seconds=seconds)
    thread_counts = sorted({1, arguments.threads})
    try:
        before = runner.limits(thread_counts)
    except ParticipantError as error:
        sys.exit(f"the limits of the machine cannot be measured: {error}")
    results = runner.run(cases)
    try:
        after = runner.limits(thread_counts)
    except ParticipantError as error:  # no reason to lose the results
        print(f"limits cannot be measured again: {error}", file=sys.stderr)
        after = before
    for name, reasons in runner.skipped.items():
        skipped.setdefault(name, set()).update(reasons)
    return {
        "run": run | {"minutes": (time.monotonic() - begin) / 60},
        "machine": machine,
        "versions": installed_versions(),
        "settings": {
            "rounds": rounds,
            "seconds": seconds,
            "threads": arguments.threads,
            "quick": arguments.quick,
        },
        "limits": {"before": before, "after": after},
        "results": results,
        "skipped": {name: sorted(reasons) for name, reasons in skipped.items()},
    }


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    cases = select_cases(threads=arguments.threads, long=arguments.long, quick=arguments.quick)
    cases = [case for case in cases if not arguments.only or arguments.only in case.key]
    if arguments.list:
        print(*(case.key for case in cases), sep="\n")
        for adapter in ADAPTERS:
            print(f"{adapter.name}: {adapter.available() or 'available'}")
        return 0
    partial = (arguments.quick or arguments.only) and not arguments.merge
    folder = arguments.output or (_SCRATCH if partial else _DOCS)
    folder.mkdir(parents=True, exist_ok=True)
    page, record = folder / "Performance.md", folder / "performance.json"
    if arguments.render:
        data = read_record(arguments.render)
    elif not cases:
        print("no case matches", file=sys.stderr)
        return 2
    else:
        machine = describe_machine()
        earlier = read_record(record) if arguments.merge else {"runs": []}
        try:
            check_comparable(earlier, machine, threads=arguments.threads)
        except ValueError as error:
            print(f"nothing can be added to {record}: {error}", file=sys.stderr)
            return 2
        data = merge(earlier, _measure(arguments, cases, machine))
        write_record(record, data)
    text = render(data, write_plots(results_of(data), folder))
    page.write_text(text)
    print(text)
    print(f"written: {page}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
