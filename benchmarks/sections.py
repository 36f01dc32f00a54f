"""The sections of the page that compare other things than participants in a row."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.peers import AVX2, LEVELS, OURS, VARIANTS
from benchmarks.record import Result
from benchmarks.tables import cell, number, share, spread, table, title

__all__ = ["cache_section", "level_section", "start_section", "thread_section", "variant_section"]


def thread_section(results: Sequence[Result]) -> str:
    """Returns how much faster several threads are than one."""
    pairs: dict[str, dict[int, Result]] = {}
    for result in results:
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


def start_section(results: Sequence[Result]) -> str:
    """Returns times to the first token, and memory."""
    if not results:
        return ""
    rows = []
    for result in results:
        for name, measured in result["participants"].items():
            mark = "" if measured["same_answer"] else " †"
            peak, private = (measured[kind] / (1 << 20) for kind in ("peak", "anonymous"))
            rows.append(
                [
                    f"{result['case']['model']}, {result['title']}: {name}{mark}",
                    f"{measured['seconds']:.2f} {spread(measured)}",
                    f"{peak:.0f} ({measured['peak'] / result['resident']:.2f}x)",
                    f"{private:.0f}",
                ]
            )
    text = """\
## Start of a process, and its memory

In brackets: the peak over the bytes of the weights, as stored, and of the KV cache.

"""
    return text + table(["", "seconds", "MiB at the peak", "MiB private"], rows)


def level_section(results: Sequence[Result]) -> str:
    """Returns what each level of optimisation gains."""
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


def cache_section(results: Sequence[Result]) -> str:
    """Returns what a KV cache gains."""
    pairs: dict[tuple[str, int, int], dict[bool, Result]] = {}
    for result in results:
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


def variant_section(results: Sequence[Result]) -> str:
    """Returns what code for another processor and `batch_invariant` cost."""
    if not results:
        return ""
    names = [OURS, *(variant.name for variant in VARIANTS)]
    rows = []
    for result in results:
        measured = result["participants"]
        cells = []
        for name in names:
            text = cell(result, name)
            if name != OURS and name in measured and OURS in measured:
                ratio = measured[OURS]["seconds"] / measured[name]["seconds"]
                text += f" ({ratio:.2f}x)"
            cells.append(text)
        limit = "-"
        if AVX2.name in measured and result["case"]["dtype"] == "f32":
            limit = share(result, measured[AVX2.name]["seconds"], isa="avx2")
        rows.append([title(result), *cells, limit])
    text = """\
## Other options of the compiler, GPT-2: tokens per second

AVX2: compiled for processors without AVX-512 (`target_cpu="x86-64-v3"`), with its share of the
limits, those of AVX2. batch-invariant: `batch_invariant=True`, a sequence gets the same bits in any
batch. In brackets: times as fast as the default.

"""
    return text + table(["", *names, "share of AVX2"], rows)
