"""Damaged checkpoint files: each is refused with an error of ours, or read; nothing else happens.

`make fuzz-files` tries many more.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from file_mutations import targets

TARGETS = targets()
COUNT = 500


@pytest.mark.parametrize("name", TARGETS)
def test_random_file(name: str, tmp_path: Path) -> None:
    rng = random.Random(0)
    accepted = sum(TARGETS[name].try_one(tmp_path, rng) for _ in range(COUNT))
    # Most are refused, but not because of how they all begin: some changes do no harm.
    assert 0 < accepted < COUNT / 2
