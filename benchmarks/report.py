"""Results as Markdown: `docs/Performance.md` is this module's output and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.peers import LEVELS
from benchmarks.tables import Data, Result, cell, comparison, number, spread, table, title

__all__ = ["render"]

_HEADER = """\
# Performance

<!-- Written by `make bench` from its measurements; do not edit. -->

All numbers are from one run of `make bench` on one machine; every round of it is in
`docs/performance.json`. Those of other machines and other runs are not comparable with these.
"""

_METHOD = """\
## How it is measured

* All participants get the same checkpoints (random weights, except for the bundled model), token
  ids, shapes and bits, and the same number of threads, bound to the same processors. f32: weights,
  activations, caches and sums; the weights of the bundled model are bf16 in the file. bf16:
  weights, activations and caches, with sums in f32; llama.cpp keeps activations in f32, caches in
  f16.
* Each one runs in a process of its own. While it is not its turn, the process is stopped (SIGSTOP):
  no thread pool spins beside another.
* They take turns: A B C, A B C, {rounds} rounds. A turn is as many calls as fit {seconds} s, at
  least one, after a warm-up; its figure is the median call. A cell is the median of the rounds,
  with half the distance between the slowest and the fastest round in percent.
* Results are compared, too: logits within 5e-3 (f32) or 5e-2 (bf16) of the largest, tokens exactly
  (in bf16: the first one). "†" marks who differs from gpt-mlir; ratios leave it out.
* **share** is that of the limit which binds: the operations a call cannot do without, at the
  multiply-add rate of its type measured in this run, or the bytes it must read (weights and KV
  caches, once), at the measured rate of reading memory, whichever takes longer. Bytes count only
  where the working set exceeds the caches.
* **ratio** is gpt-mlir's speed over that of the fastest peer: above 1, gpt-mlir is faster.
* Prefill gives the logits of the last token. Decode feeds one given token per step, 16 steps. Whole
  generations are greedy: gpt-mlir through `LLM.generate`, peers through the shortest loop around
  the model.
* gpt-mlir and PyTorch eager load the checkpoint itself. OpenVINO, with and without GenAI, and ONNX
  Runtime get a plain PyTorch model of the same weights, traced, through their usual converters;
  llama.cpp gets a GGUF file, CTranslate2 what its converter makes. llama.cpp is built on this
  machine for this processor.
* OpenVINO GenAI and CTranslate2 only generate: their prefill is the time to the first token, their
  decode the time from the first token to the last.
* Products: the weight is the same in every call, as in a model, and may be packed before the first
  one. The number of rows is not known to gpt-mlir's compiler.
* Start: from before the process exists to its first token; files are in the page cache, what a
  participant keeps between starts is there. Memory is what the kernel counts for that process:
  "peak" includes mapped files, "private" is what is not a file, at the end.
"""

# Percent of the processors in use by others, above which a page warns.
_MOST_BUSY = 10

_ROADMAP = """\
## The roadmap's model: milliseconds per call

Vocabulary 256, 64 features, 4 heads, 2 layers, feed-forward 256; RoPE, LayerNorm, GELU."""

_SECTIONS: tuple[tuple[str, str], ...] = (
    ("gpt2", "## GPT-2, 124 million parameters, f32: tokens per second"),
    ("gpt2-bf16", "## GPT-2, 124 million parameters, bf16: tokens per second"),
    ("llama", "## LLaMA, 1.2 billion parameters, bf16: tokens per second"),
    ("shakespeare", "## The bundled model, f32 activations: tokens per second"),
    ("roadmap", _ROADMAP),
    ("linear", "## Products with a weight, MxKxN, f32 and bf16: GFLOP/s"),
)


def render(data: Data, plots: Mapping[str, str]) -> str:
    """Returns the page for the result of a run.

    Args:
        data: The result.
        plots: Where the plot of a section is, as far as there are any.
    """
    settings = data["settings"]
    parts = [_HEADER, _machine(data), _limits(data)]
    for section, heading in _SECTIONS:
        results = _of(data, section)
        if results:
            parts.append(f"{heading}\n\n{comparison(data, results)}")
        if section in plots:
            parts.append(f"![the same as bars]({plots[section]})\n")
    parts += [_threads(data), _starts(data), _levels(data), _cache(data), _skipped(data)]
    parts.append(_METHOD.format(rounds=settings["rounds"], seconds=settings["seconds"]))
    return "\n".join(part for part in parts if part)


def _of(data: Data, section: str) -> list[Result]:
    return [result for result in data["results"] if result["case"]["section"] == section]


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
                *(
                    f"{each['bf16_flops'] / 1e9:.1f}" if each["bf16_flops"] else "-"
                    for each in (before, after)
                ),
                *(f"{each['bandwidth'] / 1e9:.1f}" for each in (before, after)),
            ]
        )
    lanes = next(iter(data["limits"]["before"].values()))["lanes"]
    return f"""\
## Limits of the machine

f32 multiply-adds in registers ({lanes} lanes), sums of products of bf16 pairs (`vdpbf16ps`), and
reading 512 MiB once, all compiled by gpt-mlir's own code generation. Measured before and after
everything else; shares are of the better one.

""" + table(
        [
            "threads",
            "f32 GFLOP/s, before",
            "after",
            "bf16 GFLOP/s, before",
            "after",
            "GB/s read, before",
            "after",
        ],
        rows,
    )


def _threads(data: Data) -> str:
    """How much faster several threads are than one."""
    pairs: dict[str, dict[int, Result]] = {}
    for result in _of(data, "gpt2"):
        pairs.setdefault(result["title"], {})[result["case"]["threads"]] = result
    rows = []
    for name, pair in pairs.items():
        if len(pair) < 2:
            continue
        one, many = (pair[count]["participants"] for count in (min(pair), max(pair)))
        gains = {each: one[each]["seconds"] / many[each]["seconds"] for each in many if each in one}
        rows += [[f"{name}: {each}", f"{gain:.2f}x"] for each, gain in gains.items()]
    if not rows:
        return ""
    count = max(count for pair in pairs.values() for count in pair)
    return f"## {count} threads instead of 1, GPT-2 f32\n\n" + table(["", "times as fast"], rows)


def _starts(data: Data) -> str:
    results = _of(data, "start")
    if not results:
        return ""
    rows = []
    for result in results:
        for name, measured in result["participants"].items():
            mark = "" if measured["same_answer"] else " †"
            rows.append(
                [
                    f"{result['case']['model']}, {result['title']}: {name}{mark}",
                    f"{measured['seconds']:.2f} {spread(measured)}",
                    *(f"{measured[kind] / (1 << 20):.0f}" for kind in ("peak", "anonymous")),
                ]
            )
    header = ["", "seconds", "MiB at the peak", "MiB private"]
    return "## Start of a process, and its memory\n\n" + table(header, rows)


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
            milliseconds = f"{number(1e3 * measured[name]['seconds'])} {spread(measured[name])}"
            faster = base["seconds"] / measured[name]["seconds"] if base else 1.0
            mark = "" if measured[name]["same_answer"] else " †"
            cells.append(f"{milliseconds} ({faster:.3g}x){mark}")
        model = result["case"]["model"] or "product"
        rows.append([f"{model}: {title(result)}", *cells])
    text = """\
## Levels of optimisation: milliseconds per call

0: scalar loops; 1: element-wise ops fused, loop-invariant code moved; 2: tiled and vectorised by
schedule; 3: on several threads. In brackets: times as fast as level 0.

"""
    return text + table(["", *names], rows)


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
                    cell(pair[False], name),
                    cell(pair[True], name),
                    f"{slow['seconds'] / fast['seconds']:.1f}x",
                ]
            )
    if not rows:
        return ""
    return "## What the KV cache saves: milliseconds per generation\n\n" + table(
        ["", "without", "with", "times as fast"], rows
    )


def _skipped(data: Data) -> str:
    lines = [
        f"* {name}: {reason}\n"
        for name, reasons in data["skipped"].items()
        for reason in sorted(reasons)
    ]
    return "## Who took no part, and why\n\n" + "".join(lines) if lines else ""
