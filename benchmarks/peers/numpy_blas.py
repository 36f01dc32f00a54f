"""NumPy with the OpenBLAS of its wheel: products only."""

from __future__ import annotations

import numpy as np

from benchmarks.cases import Case
from benchmarks.peers.base import Adapter, Job, linear_operands

__all__ = ["NumpyBlas"]


class NumpyBlas(Adapter):
    """`x @ weight.T` into an array that is there already."""

    name = "NumPy"
    packages = ("numpy",)
    kinds = frozenset({"linear"})

    def prepare(self, case: Case) -> Job:
        """Makes a case ready to run; threads are set by the environment of the process."""
        x, weight = linear_operands(case)
        out = np.empty((case.shape[0], case.shape[2]), np.float32)
        return Job(lambda: np.matmul(x, weight.T, out=out), lambda y: y[0])
