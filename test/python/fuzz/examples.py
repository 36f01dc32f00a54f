"""Random programs of one kind, in chunks that workers share: each compiled in two ways."""

from __future__ import annotations

from checking import check
from exact import Exact, UndecidableError
from hypothesis import HealthCheck, given, reject, seed, settings
from hypothesis.strategies import SearchStrategy
from programs import Program
from variants import two_variants

__all__ = ["check_examples"]


def check_examples(strategy: SearchStrategy[Program], *, count: int, chunk: int) -> None:
    """Checks programs, the same ones on every run.

    Args:
        strategy: What makes them.
        count: How many.
        chunk: Which ones: every chunk has others.

    Raises:
        AssertionError: One is compiled wrongly.
        CompileError: One cannot be compiled.
    """

    @seed(chunk)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def check_one(program: Program) -> None:
        try:
            exact = Exact(program)
        except UndecidableError:
            reject()
        for variant in two_variants(program):
            check(exact, variant)

    check_one()
