"""Random programs against NumPy: what one op does must not depend on its neighbours.

Fusion, tiling and in-place buffers couple ops that are right one by one. `make fuzz` runs many
more of these programs, at every level; see `run.py`.
"""

from __future__ import annotations

import pytest
from examples import check_examples
from generator import programs


@pytest.mark.spread
@pytest.mark.parametrize("chunk", range(9))
def test_random_programs(chunk: int) -> None:
    check_examples(programs(), count=30, chunk=chunk)
