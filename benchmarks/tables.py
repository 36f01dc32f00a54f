"""The tables of a result: what stands in a cell, shares of the limits, ratios to peers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.cases import Case
from benchmarks.peers import OURS
from benchmarks.record import Result

__all__ = ["cell", "comparison", "figure", "number", "share", "spread", "table", "title"]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a table; all columns but the first are numbers."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def share(result: Result, seconds: float, *, isa: str = "") -> str:
    """Returns the share of the limit that binds, and its name.

    Args:
        result: The row.
        seconds: Of one call.
        isa: "avx2" for code that has no wider vectors, whose limit is another one.
    """
    limits = result["limits"]
    peak = "flops"
    if isa:
        peak = f"{isa}_flops"
    elif result["case"]["dtype"] == "bf16" and limits[0]["bf16_flops"]:
        peak = "bf16_flops"
    by_flops = result["flops"] / max(each[peak] for each in limits)
    by_bytes = result["bytes"] / max(each["bandwidth"] for each in limits)
    ideal = max(by_flops, by_bytes)
    if not ideal:
        return "-"
    return f"{100 * ideal / seconds:.0f} % of {'FMA' if by_flops >= by_bytes else 'DRAM'}"


def figure(result: Result) -> Callable[[float], float]:
    """Returns what turns seconds of a call into the unit of the section."""
    case = Case.from_json(result["case"])
    if case.kind == "linear":
        return lambda seconds: float(result["flops"]) / seconds / 1e9
    if case.tokens:
        return lambda seconds: case.tokens / seconds
    return lambda seconds: seconds * 1e3


def number(value: float) -> str:
    """Returns three to four digits."""
    return f"{value:.3f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def spread(measured: dict[str, Any]) -> str:
    """Returns half the distance between the slowest and the fastest round."""
    half = (measured["slowest_round"] - measured["fastest_round"]) / 2
    return f"±{100 * half / measured['seconds']:.0f} %"


def cell(result: Result, name: str) -> str:
    """Returns the figure of one participant, with its spread."""
    measured = result["participants"].get(name)
    if measured is None:
        return "-"
    mark = "" if measured["same_answer"] else " †"
    return f"{number(figure(result)(measured['seconds']))} {spread(measured)}{mark}"


def ratio(result: Result) -> str:
    """Returns how many times as fast we are as the fastest peer that computes the same."""
    ours = result["participants"].get(OURS)
    peers = {
        name: measured["seconds"]
        for name, measured in result["participants"].items()
        if name != OURS and measured["same_answer"]
    }
    if ours is None or not peers:
        return "-"
    best = min(peers, key=lambda name: peers[name])
    return f"{peers[best] / ours['seconds']:.2f}x ({best})"


def title(result: Result) -> str:
    """Returns the name of a row."""
    threads = result["case"]["threads"]
    return f"{result['title']}, {threads} thread{'s' * (threads > 1)}"


def comparison(results: Sequence[Result]) -> str:
    """Returns the table of a section: all participants beside each other."""
    names = list(dict.fromkeys(name for result in results for name in result["participants"]))
    rows = []
    for result in results:
        ours = result["participants"].get(OURS)
        limit = share(result, ours["seconds"]) if ours else "-"
        cells = [cell(result, name) for name in names]
        rows.append([title(result), *cells, limit, ratio(result)])
    return table(["", *names, "share", "ratio to the best peer"], rows)
