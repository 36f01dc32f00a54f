"""Random functions with a KV cache against NumPy: prefill in parts, then decode.

In float64 the functions that the compiler made with a cache must compute what the one without does;
compiled, they must compute what they do in float64.
"""

from __future__ import annotations

import pytest
from examples import check_examples
from generator import cached_programs


@pytest.mark.spread
@pytest.mark.parametrize("chunk", range(5))
def test_random_generation(chunk: int) -> None:
    check_examples(cached_programs(), count=7, chunk=chunk)
