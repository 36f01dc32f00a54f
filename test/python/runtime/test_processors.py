"""Limits of control groups, read from files as containers have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpt_mlir import _runtime

UNIFIED = "31 23 0:28 {root} /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate"
LEGACY = "32 31 0:29 {root} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct"
OTHERS = (
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "33 31 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
    "34 31 broken line\n"
)


def write(root: Path, files: dict[str, str]) -> float | None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    quota: float | None = _runtime.processor_quota(str(root))
    return quota


def unified(root: Path, group: str, limits: dict[str, str], *, mounted: str = "/") -> float | None:
    files = {
        "proc/self/mountinfo": OTHERS + UNIFIED.format(root=mounted) + "\n",
        "proc/self/cgroup": f"1:name=systemd:/other\n0::{group}\n",
    }
    files |= {f"sys/fs/cgroup{path}/cpu.max": text for path, text in limits.items()}
    return write(root, files)


def test_no_files(tmp_path: Path) -> None:
    assert write(tmp_path, {}) is None


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("150000 100000\n", 1.5),
        ("400000 100000\n", 4.0),
        ("max 100000\n", None),
        ("", None),
        ("0 0\n", None),
    ],
)
def test_unified(tmp_path: Path, text: str, quota: float | None) -> None:
    assert unified(tmp_path, "/", {"": text}) == quota


def test_unified_takes_the_least_of_all_groups_around(tmp_path: Path) -> None:
    limits = {"/a/b": "max 100000", "/a": "200000 100000", "": "800000 100000", "/c": "1000 100000"}
    assert unified(tmp_path, "/a/b", limits) == 2.0


def test_unified_in_a_container(tmp_path: Path) -> None:
    """A group is relative to the root of the hierarchy, files are below what is mounted of it."""
    limits = {"": "300000 100000", "/inner": "100000 100000"}
    assert unified(tmp_path, "/box/1/inner", limits, mounted="/box/1") == 1.0


def test_unified_group_outside_of_what_is_mounted(tmp_path: Path) -> None:
    assert unified(tmp_path, "/../other", {"": "300000 100000"}) == 3.0
    assert unified(tmp_path, "/elsewhere", {"": "300000 100000"}, mounted="/box") == 3.0


@pytest.mark.parametrize(
    ("quota", "expected"), [("250000", 2.5), ("-1", None)], ids=["limited", "unlimited"]
)
def test_legacy(tmp_path: Path, quota: str, expected: float | None) -> None:
    files = {
        "proc/self/mountinfo": OTHERS + LEGACY.format(root="/") + "\n",
        "proc/self/cgroup": "5:cpuset:/x\n4:cpu,cpuacct:/jobs/7\n",
        "sys/fs/cgroup/cpu,cpuacct/jobs/7/cpu.cfs_quota_us": quota + "\n",
        "sys/fs/cgroup/cpu,cpuacct/jobs/7/cpu.cfs_period_us": "100000\n",
    }
    assert write(tmp_path, files) == expected


def test_both_versions_at_once(tmp_path: Path) -> None:
    files = {
        "proc/self/mountinfo": LEGACY.format(root="/") + "\n" + UNIFIED.format(root="/") + "\n",
        "proc/self/cgroup": "4:cpu,cpuacct:/\n0::/\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "300000\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        "sys/fs/cgroup/cpu.max": "max 100000\n",
    }
    assert write(tmp_path, files) == 3.0


def test_this_process() -> None:
    quota = _runtime.processor_quota()
    usable = _runtime.usable_processors()
    assert usable >= 1
    assert quota is None or usable <= max(1, quota)
