"""Random functions with a KV cache against NumPy: prefill in parts, then decode.

In float64 the functions that the compiler made with a cache must compute what the one without does;
compiled, they must compute what they do in float64.
"""

from __future__ import annotations

from checking import check
from exact import Exact, UndecidableError
from generator import cached_programs
from hypothesis import HealthCheck, given, reject, settings
from programs import Program
from variants import two_variants


@settings(
    max_examples=35,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(cached_programs())
def test_random_generation(program: Program) -> None:
    try:
        exact = Exact(program)
    except UndecidableError:
        reject()
    for variant in two_variants(program):
        check(exact, variant)
