"""Plots of a result: the large models as bars, one file for each section."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers import OURS
from benchmarks.record import Result
from benchmarks.tables import figure

__all__ = ["write_plots"]

_SECTIONS = {
    "gpt2": "GPT-2 124M, f32",
    "gpt2-bf16": "GPT-2 124M, bf16",
    "llama": "LLaMA 1.2B, bf16",
}
_HEIGHT = 0.16


def write_plots(results: Sequence[Result], folder: Path) -> dict[str, str]:
    """Writes a plot for each section that has one; returns their file names by section.

    Without matplotlib, which is one of the peers' packages, there are none.
    """
    if importlib.util.find_spec("matplotlib") is None:
        return {}
    written = {}
    for section, heading in _SECTIONS.items():
        found = [each for each in results if each["case"]["section"] == section]
        if found:
            written[section] = f"performance-{section}.svg"
            _draw(found, heading, folder / written[section])
    return written


def _draw(results: Sequence[Result], heading: str, path: Path) -> None:
    """Draws one row of bars for each case: shares of the fastest participant."""
    import matplotlib

    matplotlib.use("svg")
    # Nothing random and no date: the same result gives the same file.
    matplotlib.rcParams.update({"svg.hashsalt": "gpt-mlir", "font.size": 8})
    from matplotlib import pyplot

    names = list(dict.fromkeys(name for each in results for name in each["participants"]))
    height = 1 + sum(_HEIGHT * (len(each["participants"]) + 1.5) for each in results)
    plot, axes = pyplot.subplots(figsize=(8, height), layout="constrained")
    colors = dict(zip(names, pyplot.get_cmap("tab10").colors, strict=False))
    labelled: set[str] = set()
    at = 0.0
    ticks = []
    for result in results:
        unit = figure(result)
        speeds = {
            name: unit(measured["seconds"]) for name, measured in result["participants"].items()
        }
        begin = at
        for name, speed in speeds.items():
            share = speed / max(speeds.values())
            label = None if name in labelled else name
            labelled.add(name)
            edge = "black" if name == OURS else "none"
            axes.barh(at, share, color=colors[name], label=label, edgecolor=edge)
            axes.text(share + 0.01, at, f"{speed:.4g}", va="center", fontsize=7)
            at += 1
        case = result["case"]
        ticks.append(((begin + at - 1) / 2, f"{result['title']}\n{case['threads']} threads"))
        at += 1.5
    axes.set_yticks(*map(list, zip(*ticks, strict=True)))
    axes.invert_yaxis()
    axes.set_xlim(0, 1.12)
    axes.set_xlabel("share of the fastest; at the bars: tokens per second")
    axes.set_title(heading)
    plot.legend(loc="outside right upper", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    plot.savefig(path, format="svg", metadata={"Date": None})
    pyplot.close(plot)
