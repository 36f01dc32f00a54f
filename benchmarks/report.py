"""Results as Markdown: `docs/Performance.md` is this module's output and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.cases import Case
from benchmarks.peers import LEVELS, OURS

__all__ = ["render"]

Result = dict[str, Any]
Data = dict[str, Any]

_HEADER = """\
# Performance

<!-- Written by `make bench` from its measurements; do not edit. -->

All numbers are from one run of `make bench` on one machine; every round of it is in
`docs/performance.json`. Those of other machines and other runs are not comparable with these.
"""

_METHOD = """\
## How it is measured

* All participants get the same checkpoints (random weights, except for the bundled model), token
  ids, shapes and bits (activations and sums in f32; weights f32, for the bundled model bf16 in the
  file), and the same number of threads, bound to the same processors.
* Each one runs in a process of its own. While it is not its turn, the process is stopped (SIGSTOP):
  no thread pool spins beside another.
* They take turns: A B C, A B C, {rounds} rounds. A turn is as many calls as fit {seconds} s, at
  least one, after a warm-up; its figure is the median call. A cell is the median of the rounds,
  with half the distance between the slowest and the fastest round in percent.
* Results are compared, too: logits within 1e-3 of the largest, tokens exactly. "†" marks who
  differs from gpt-mlir; ratios leave it out.
* **share** is that of the limit which binds: the operations a call cannot do without, at the
  multiply-add rate measured in this run, or the bytes it must read (weights and KV cache, once), at
  the measured rate of reading memory, whichever takes longer. Bytes count only where the working
  set exceeds the caches.
* **ratio** is gpt-mlir's speed over that of the fastest peer: above 1, gpt-mlir is faster.
* Prefill gives the logits of the last token. Decode feeds one given token per step, 16 steps. Whole
  generations are greedy: gpt-mlir through `LLM.generate`, peers through the shortest loop around
  the model.
* gpt-mlir and PyTorch eager load the checkpoint itself. OpenVINO and ONNX Runtime get a plain
  PyTorch model of the same weights, traced, through their usual converters.
* Products: the weight is the same in every call, as in a model, and the number of rows is not known
  to gpt-mlir's compiler.
"""

_WITHOUT_ADAPTER = """\
* llama.cpp, CTranslate2, OpenVINO GenAI (paged attention, on top of the OpenVINO measured here): no
  adapter yet.
"""

# Percent of the processors in use by others, above which a page warns.
_MOST_BUSY = 10

_ROADMAP = """\
## The roadmap's model: milliseconds per call

Vocabulary 256, 64 features, 4 heads, 2 layers, feed-forward 256; RoPE, LayerNorm, GELU."""

_SECTIONS: tuple[tuple[str, str], ...] = (
    ("gpt2", "## GPT-2, 124 million parameters, f32: tokens per second"),
    ("shakespeare", "## The bundled model, f32 activations: tokens per second"),
    ("roadmap", _ROADMAP),
    ("linear", "## Products with a weight, MxKxN, f32: GFLOP/s"),
)


def render(data: Data) -> str:
    """Returns the page for the result of a run."""
    settings = data["settings"]
    parts = [_HEADER, _machine(data), _limits(data)]
    for section, heading in _SECTIONS:
        results = _of(data, section)
        if results:
            parts.append(f"{heading}\n\n{_comparison(data, results)}")
    parts += [_levels(data), _cache(data), _skipped(data)]
    parts.append(_METHOD.format(rounds=settings["rounds"], seconds=settings["seconds"]))
    return "\n".join(part for part in parts if part)


def _of(data: Data, section: str) -> list[Result]:
    return [result for result in data["results"] if result["case"]["section"] == section]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _machine(data: Data) -> str:
    machine, run = data["machine"], data["run"]
    cpu = f"{machine['cpu']} (family/model/stepping {machine['family']})"
    virtual = ", virtual" if machine["virtual"] else ""
    changed = ", with changes that are not committed" if run["modified"] else ""
    busy = 100 * machine["busy_before"]
    rows = {
        "processor": f"{cpu}, {machine['processors']} processors{virtual}",
        "features": ", ".join(machine["features"]) or "none of those looked for",
        "memory": f"{machine['memory_gib']} GiB",
        "system": f"Linux {machine['kernel']}, Python {machine['python']}",
        "versions": ", ".join(f"{name} {each}" for name, each in data["versions"].items()),
        "revision": f"{run['revision'][:12]}{changed}",
        "date": f"{run['date']}, {run['minutes']:.1f} minutes; {busy:.0f} % busy before",
    }
    text = "| | |\n|---|---|\n" + "".join(f"| {name} | {row} |\n" for name, row in rows.items())
    if data["settings"].get("quick"):
        text += "\nA quick run: it shows that everything works, not how fast it is.\n"
    if busy > _MOST_BUSY:
        text += (
            "\n**The machine was busy with something else: these numbers are not to be used.**\n"
        )
    return text


def _limits(data: Data) -> str:
    rows = []
    for threads in data["limits"]["before"]:
        before, after = data["limits"]["before"][threads], data["limits"]["after"][threads]
        rows.append(
            [
                threads,
                *(f"{each['flops'] / 1e9:.1f}" for each in (before, after)),
                *(f"{each['bandwidth'] / 1e9:.1f}" for each in (before, after)),
            ]
        )
    lanes = next(iter(data["limits"]["before"].values()))["lanes"]
    return f"""\
## Limits of the machine

f32 multiply-adds in registers ({lanes} lanes), and reading 512 MiB once, both compiled by
gpt-mlir's own code generation. Measured before and after everything else; shares are of the better
one.

""" + _table(
        [
            "threads",
            "GFLOP/s, before",
            "GFLOP/s, after",
            "GB/s read, before",
            "GB/s read, after",
        ],
        rows,
    )


def _share(data: Data, result: Result, seconds: float) -> str:
    """Returns the share of the limit that binds, and its name."""
    threads = str(result["case"]["threads"])
    each = [data["limits"][when][threads] for when in ("before", "after")]
    by_flops = result["flops"] / max(limits["flops"] for limits in each)
    by_bytes = result["bytes"] / max(limits["bandwidth"] for limits in each)
    ideal = max(by_flops, by_bytes)
    if not ideal:
        return "-"
    return f"{100 * ideal / seconds:.0f} % of {'FMA' if by_flops >= by_bytes else 'DRAM'}"


def _figure(result: Result) -> Callable[[float], float]:
    """Returns what turns seconds of a call into the unit of the section."""
    case = Case.from_json(result["case"])
    if case.kind == "linear":
        return lambda seconds: float(result["flops"]) / seconds / 1e9
    if case.tokens:
        return lambda seconds: case.tokens / seconds
    return lambda seconds: seconds * 1e3


def _number(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _spread(measured: dict[str, Any]) -> str:
    half = (measured["slowest_round"] - measured["fastest_round"]) / 2
    return f"±{100 * half / measured['seconds']:.0f} %"


def _cell(result: Result, name: str) -> str:
    measured = result["participants"].get(name)
    if measured is None:
        return "-"
    mark = "" if measured["same_answer"] else " †"
    return f"{_number(_figure(result)(measured['seconds']))} {_spread(measured)}{mark}"


def _ratio(result: Result) -> str:
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


def _title(result: Result) -> str:
    threads = result["case"]["threads"]
    return f"{result['title']}, {threads} thread{'s' * (threads > 1)}"


def _comparison(data: Data, results: Sequence[Result]) -> str:
    names = list(dict.fromkeys(name for result in results for name in result["participants"]))
    rows = []
    for result in results:
        ours = result["participants"].get(OURS)
        share = _share(data, result, ours["seconds"]) if ours else "-"
        cells = [_cell(result, name) for name in names]
        rows.append([_title(result), *cells, share, _ratio(result)])
    return _table(["", *names, "share", "ratio to the best peer"], rows)


def _levels(data: Data) -> str:
    results = _of(data, "levels")
    if not results:
        return ""
    names = [level.name for level in LEVELS]
    rows = []
    for result in results:
        measured = result["participants"]
        base = measured.get(names[0])
        cells = []
        for name in names:
            if name not in measured:
                cells.append("-")
                continue
            milliseconds = f"{_number(1e3 * measured[name]['seconds'])} {_spread(measured[name])}"
            faster = base["seconds"] / measured[name]["seconds"] if base else 1.0
            mark = "" if measured[name]["same_answer"] else " †"
            cells.append(f"{milliseconds} ({faster:.3g}x){mark}")
        model = result["case"]["model"] or "product"
        rows.append([f"{model}: {_title(result)}", *cells])
    text = """\
## Levels of optimisation: milliseconds per call

0: scalar loops; 1: element-wise ops fused, loop-invariant code moved; 2: tiled and vectorised by
schedule; 3: on several threads. In brackets: times as fast as level 0.

"""
    return text + _table(["", *names], rows)


def _cache(data: Data) -> str:
    pairs: dict[tuple[str, int, int], dict[bool, Result]] = {}
    for result in _of(data, "cache"):
        case = result["case"]
        key = (case["model"], case["context"], case["steps"])
        pairs.setdefault(key, {})[case["use_cache"]] = result
    rows = []
    for (model, context, steps), pair in pairs.items():
        if len(pair) < 2:
            continue
        for name in pair[True]["participants"]:
            slow = pair[False]["participants"].get(name)
            if slow is None:
                continue
            fast = pair[True]["participants"][name]
            rows.append(
                [
                    f"{model}, {steps} tokens after {context}: {name}",
                    _cell(pair[False], name),
                    _cell(pair[True], name),
                    f"{slow['seconds'] / fast['seconds']:.1f}x",
                ]
            )
    if not rows:
        return ""
    return "## What the KV cache saves: milliseconds per generation\n\n" + _table(
        ["", "without", "with", "times as fast"], rows
    )


def _skipped(data: Data) -> str:
    lines = [
        f"* {name}: {reason}\n"
        for name, reasons in data["skipped"].items()
        for reason in sorted(reasons)
    ]
    return "## Who took no part, and why\n\n" + "".join(lines) + _WITHOUT_ADAPTER
