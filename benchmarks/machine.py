"""What a result must say about where it comes from: machine, versions, date, revision."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.peers import ADAPTERS
from benchmarks.processor import cpu_flags

__all__ = ["describe_machine", "describe_run", "installed_versions"]

_ROOT = Path(__file__).resolve().parent.parent
_LOOK_SECONDS = 1.0


def describe_machine() -> dict[str, Any]:
    """Returns what the kernel says of the machine."""
    found: dict[str, str] = {}
    for line in _read("/proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        found.setdefault(name.strip(), value.strip())
    memory = next(
        (line.split()[1] for line in _read("/proc/meminfo").splitlines() if "MemTotal" in line), "0"
    )
    flags = cpu_flags()
    wanted = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_tile")
    return {
        "cpu": found.get("model name", platform.machine()),
        "family": "/".join(found.get(name, "?") for name in ("cpu family", "model", "stepping")),
        "processors": len(os.sched_getaffinity(0)),
        "features": [name for name in wanted if name in flags],
        "memory_gib": round(int(memory) / (1 << 20), 1),
        "virtual": "hypervisor" in flags,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "busy_before": _busy(),
    }


def describe_run() -> dict[str, Any]:
    """Returns date and revision of the source."""
    # What a run writes itself is no change of the source.
    changed = [
        line
        for line in _git("status", "--porcelain", "--untracked-files=no").splitlines()
        if not line[3:].lower().startswith("docs/performance")
    ]
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "revision": _git("rev-parse", "HEAD").strip() or "unknown",
        "modified": bool(changed),
    }


def installed_versions() -> dict[str, str]:
    """Returns the versions of everybody's distributions, as far as they are installed."""
    versions: dict[str, str] = {}
    for package in sorted({package for adapter in ADAPTERS for package in adapter.packages}):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _busy() -> float:
    """Returns the share of all processors' time that others use, looking for a second.

    Time that a hypervisor gives to somebody else counts. A load average would still show what set
    the run up.
    """
    samples = []
    for wait in (_LOOK_SECONDS, 0.0):
        fields = [int(field) for field in _read("/proc/stat").partition("\n")[0].split()[1:9]]
        samples.append((sum(fields), sum(fields[3:5])))
        time.sleep(wait)
    if not samples[0][0]:
        return 0.0
    (total, idle), (total_after, idle_after) = samples
    return 1.0 - (idle_after - idle) / max(1, total_after - total)


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout
