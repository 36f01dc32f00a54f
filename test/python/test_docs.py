"""What the documentation names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("docs/*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
# Where paths of the repository begin; others are of a user, or relative to what a text is about.
FOLDERS = ("benchmarks", "cmake", "dialect", "docs", "examples", "lib", "python", "test", "tools")
GENERATED = {"docs/reference/"}  # by `make docs`


def paths_in(text: str) -> set[str]:
    """Returns what stands between backticks and looks like a path; may have * and {a,b}."""
    quoted = re.findall(r"`([\w.*{},-]+/[\w.*{},/-]*)`", text)
    return {path for path in quoted if path.partition("/")[0] in FOLDERS} - GENERATED


def alternatives(path: str) -> list[str]:
    """Takes "a.{h,cpp}" apart: "a.h" and "a.cpp"."""
    match = re.search(r"\{([^{}]*)\}", path)
    if match is None:
        return [path]
    before, after = path[: match.start()], path[match.end() :]
    return [one for part in match[1].split(",") for one in alternatives(before + part + after)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_exist(page: Path) -> None:
    paths = paths_in(page.read_text(encoding="utf-8"))
    missing = [path for path in paths for one in alternatives(path) if not [*ROOT.glob(one)]]
    assert sorted(missing) == []


def test_paths_are_found() -> None:
    text = "`lib/gpt/Input/`, `test/a-*.{td,cpp}`, `a/b`, `python` and `gpt-mlir verify a/b.mlir`"
    assert paths_in(text) == {"lib/gpt/Input/", "test/a-*.{td,cpp}"}
    assert alternatives("test/a-*.{td,cpp}") == ["test/a-*.td", "test/a-*.cpp"]
