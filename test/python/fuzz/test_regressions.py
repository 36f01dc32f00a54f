"""Programs that were compiled wrongly once. `run.py` writes one file for each failure it finds."""

from __future__ import annotations

from pathlib import Path

import pytest
from checking import Variant, check
from exact import Exact
from programs import Program
from variants import LEVELS

FILES = sorted((Path(__file__).parent / "regressions").glob("*.mlir"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_regression(path: Path) -> None:
    exact = Exact(Program.read(path))
    for variant in (*map(Variant, LEVELS), Variant(2, None)):
        check(exact, variant)
