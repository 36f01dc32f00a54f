"""Results as Markdown: `docs/Performance.md` is this module's output and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.record import Data, Result, Run, results_of
from benchmarks.sections import (
    cache_section,
    level_section,
    start_section,
    thread_section,
    variant_section,
)
from benchmarks.tables import comparison, table

__all__ = ["render"]

_HEADER = """\
# Performance

<!-- Written by `make bench` from its measurements; do not edit. -->

All numbers are from one machine; every round of theirs is in `performance.json`, beside this page.
A row is of one run of `make bench`, its shares are of the limits measured in that run. Numbers of
other machines are not comparable with these.
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
* They take turns: A B C, A B C, for some rounds. A turn is as many calls as fit its time, at least
  one, after a warm-up; its figure is the median call. A cell is the median of the rounds, with half
  the distance between the slowest and the fastest round in percent.
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
    """Returns the page for the runs of a record.

    Args:
        data: The record.
        plots: Where the plot of a section is, as far as there are any.
    """
    results = results_of(data)
    runs = data["runs"]
    parts = [_HEADER, _machine(runs), _limits(runs)]
    for section, heading in _SECTIONS:
        found = _of(results, section)
        if found:
            parts.append(f"{heading}\n\n{comparison(found)}")
        if section in plots:
            parts.append(f"![the same as bars]({plots[section]})\n")
    parts += [
        thread_section(_of(results, "gpt2")),
        start_section(_of(results, "start")),
        level_section(_of(results, "levels")),
        variant_section(_of(results, "variants")),
        cache_section(_of(results, "cache")),
        _skipped(runs),
        _METHOD,
    ]
    return "\n".join(part for part in parts if part)


def _of(results: Sequence[Result], section: str) -> list[Result]:
    return [result for result in results if result["case"]["section"] == section]


def _machine(runs: Sequence[Run]) -> str:
    """The machine, which is that of all runs, and the runs."""
    latest = runs[-1]
    machine = latest["machine"]
    cpu = f"{machine['cpu']} (family/model/stepping {machine['family']})"
    virtual = ", virtual" if machine["virtual"] else ""
    rows = {
        "processor": f"{cpu}, {machine['processors']} processors{virtual}",
        "features": ", ".join(machine["features"]) or "none of those looked for",
        "memory": f"{machine['memory_gib']} GiB",
        "system": f"Linux {machine['kernel']}, Python {machine['python']}",
        "versions": ", ".join(f"{name} {each}" for name, each in latest["versions"].items()),
    }
    rows |= {_name(runs, run): _describe(run) for run in runs}
    text = "| | |\n|---|---|\n" + "".join(f"| {name} | {row} |\n" for name, row in rows.items())
    if any(run["settings"]["quick"] for run in runs):
        text += "\nA quick run: it shows that everything works, not how fast it is.\n"
    if any(100 * run["machine"]["busy_before"] > _MOST_BUSY for run in runs):
        text += (
            "\n**The machine was busy with something else: these numbers are not to be used.**\n"
        )
    return text


def _name(runs: Sequence[Run], run: Run) -> str:
    return "run" if len(runs) == 1 else f"run {runs.index(run) + 1}"


def _describe(run: Run) -> str:
    about, settings = run["run"], run["settings"]
    changed = " with changes that are not committed" if about["modified"] else ""
    sections = dict.fromkeys(result["case"]["section"] for result in run["results"])
    busy = 100 * run["machine"]["busy_before"]
    return (
        f"{about['date']}, revision {about['revision'][:12]}{changed}, {about['minutes']:.1f} "
        f"minutes; {settings['rounds']} rounds of {settings['seconds']} s; {busy:.0f} % busy "
        f"before; {', '.join(sections)}"
    )


def _limits(runs: Sequence[Run]) -> str:
    rows = []
    for run in runs:
        for threads, before in run["limits"]["before"].items():
            pair = before, run["limits"]["after"][threads]
            row = [_name(runs, run), threads]
            for rate in ("flops", "avx2_flops", "bf16_flops", "bandwidth"):
                row += [f"{each[rate] / 1e9:.1f}" if each[rate] else "-" for each in pair]
            rows.append(row)
    lanes = next(iter(runs[-1]["limits"]["before"].values()))["lanes"]
    return f"""\
## Limits of the machine

f32 multiply-adds in registers ({lanes} lanes, and those of AVX2), sums of products of bf16 pairs
(`vdpbf16ps`), and reading 512 MiB once, all compiled by gpt-mlir's own code generation. Measured
before and after everything else; shares are of the better one.

""" + table(
        [
            "",
            "threads",
            "f32 GFLOP/s, before",
            "after",
            "AVX2, before",
            "after",
            "bf16 GFLOP/s, before",
            "after",
            "GB/s read, before",
            "after",
        ],
        rows,
    )


def _skipped(runs: Sequence[Run]) -> str:
    reasons: dict[str, set[str]] = {}
    for run in runs:
        for name, found in run["skipped"].items():
            reasons.setdefault(name, set()).update(found)
    lines = [f"* {name}: {reason}\n" for name in reasons for reason in sorted(reasons[name])]
    return "## Who took no part, and why\n\n" + "".join(lines) if lines else ""
