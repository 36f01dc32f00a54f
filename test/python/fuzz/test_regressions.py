"""Programs that were compiled wrongly once. `run.py` writes one file for each failure it finds."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from checking import Variant, check, check_together
from exact import Exact
from programs import Program
from variants import LEVELS

FOLDER = Path(__file__).parent / "regressions"
FILES = sorted(FOLDER.glob("*.mlir"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_regression(path: Path) -> None:
    exact = Exact(Program.read(path))
    for variant in (*map(Variant, LEVELS), Variant(2, None)):
        check(exact, variant)


def test_together() -> None:
    """Programs in one module do not get in each other's way; `run.py` compiles them so."""
    exacts = [Exact(Program.read(path)) for path in FILES]
    check_together(exacts, Variant(3))
    name, expected = next(iter(exacts[-1].expected.items()))
    wrong = dataclasses.replace(expected, value=expected.value + 1)
    exacts[-1].expected[name] = wrong
    with pytest.raises(AssertionError, match=name):
        check_together(exacts, Variant(0))
