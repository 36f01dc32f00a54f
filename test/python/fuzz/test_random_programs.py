"""Random programs against NumPy: what one op does must not depend on its neighbours.

Fusion, tiling and in-place buffers couple ops that are right one by one. `make fuzz` runs many
more of these programs, at every level; see `run.py`.
"""

from __future__ import annotations

from checking import check
from exact import Exact, UndecidableError
from generator import programs
from hypothesis import HealthCheck, given, reject, settings
from programs import Program
from variants import two_variants


@settings(
    max_examples=265,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(programs())
def test_random_program(program: Program) -> None:
    try:
        exact = Exact(program)
    except UndecidableError:
        reject()
    for variant in two_variants(program):
        check(exact, variant)
