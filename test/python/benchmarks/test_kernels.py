"""The kernels that measure a machine's limits do the work that is counted."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from benchmarks.kernels import CHAINS, compile_fma, compile_read


def test_multiply_adds() -> None:
    lanes, rounds = 4, 5
    start = np.arange(CHAINS * lanes, dtype=np.float32).reshape(CHAINS, lanes)
    factors = np.array([[0.5] * lanes, [3.0] * lanes], np.float32)
    got = compile_fma(lanes)(np.array([rounds], np.int64), start, factors)
    expected = start
    for _ in range(rounds):
        expected = expected * np.float32(0.5) + np.float32(3)
    np.testing.assert_array_equal(np.asarray(got), expected)


def test_reading() -> None:
    lanes = 4
    x = np.arange(2 * CHAINS * lanes, dtype=np.float32)
    got = np.asarray(compile_read(lanes)(x))
    np.testing.assert_array_equal(got, x.reshape(2, CHAINS, lanes).sum(0))
