"""How far results are from those that are expected, in a few numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpt_mlir.verify.evaluator import Expected
from gpt_mlir.verify.program import Observation
from gpt_mlir.verify.reference import Array

__all__ = ["Difference", "compare", "largest_difference"]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The difference between results and a reference.

    Attributes:
        absolute: The largest absolute error.
        relative: The largest error in relation to the largest magnitude of its row.
        nmse: Mean squared error over the mean square of the reference, of the worst result.
        used: The largest share of its tolerance that an element takes; above 1 it is wrong.
        misses: How many elements are wrong.
        worst: The observation with the worst element, and where that is; "" if none is wrong.
        first_token: The first observation whose next token differs, with both tokens; None if all
            are equal, or there are none.
    """

    absolute: float = 0.0
    relative: float = 0.0
    nmse: float = 0.0
    used: float = 0.0
    misses: int = 0
    worst: str = ""
    first_token: str | None = None


def _finite(difference: Array) -> Array:
    return np.nan_to_num(difference, nan=0.0, posinf=np.inf, neginf=np.inf)


def compare(observations: Sequence[Observation], expected: Sequence[Expected]) -> Difference:
    """Compares each observation with what it should be."""
    absolute = relative = nmse = used = 0.0
    misses, worst, first_token = 0, "", None
    for observation, want in zip(observations, expected, strict=True):
        got, exact = observation.value, want.value.astype(np.float64)
        if got.shape != want.value.shape:
            shapes = f"{list(got.shape)}, expected {list(want.value.shape)}"
            misses, worst, used = misses + 1, f"{observation.what}: shape {shapes}", np.inf
            continue
        if got.size == 0:
            continue
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            off = _finite(np.abs(got.astype(np.float64) - exact))
            wrong = want.misses(got)
            share = np.where(want.allowed > 0, off / want.allowed, np.where(off > 0, np.inf, 0.0))
            share = np.where(wrong, np.maximum(share, 1.01), np.minimum(share, 1.0))
            row = np.nan_to_num(np.abs(exact), posinf=0.0)
            row = row.max(-1, keepdims=True) if row.ndim else row
            absolute = max(absolute, float(off.max()))
            relative = max(relative, float(np.where(row > 0, off / row, 0.0).max()))
            square = float(np.mean(np.nan_to_num(exact, posinf=0.0, neginf=0.0) ** 2))
            nmse = max(nmse, float(np.mean(off**2)) / square if square else 0.0)
        if (wrong.any() and share.max() > used) or (wrong.any() and not worst):
            place = tuple(int(i) for i in np.unravel_index(int(np.argmax(share)), share.shape))
            worst = (
                f"{observation.what} at {list(place)}: {got[place]!s}, "
                f"expected {exact[place]:.9g} within {want.allowed[place]:.3g}"
            )
        used = max(used, float(share.max()))
        misses += int(wrong.sum())
        if observation.token and first_token is None:
            mine, theirs = (
                int(np.argmax(got.reshape(-1, got.shape[-1])[-1])),
                int(np.argmax(exact.reshape(-1, exact.shape[-1])[-1])),
            )
            if mine != theirs:
                first_token = f"{observation.what}: {mine}, expected {theirs}"
    return Difference(
        absolute=absolute,
        relative=relative,
        nmse=nmse,
        used=used,
        misses=misses,
        worst=worst,
        first_token=first_token,
    )


def largest_difference(one: Sequence[Observation], other: Sequence[Observation]) -> float:
    """Returns the largest absolute difference between two runs of a program."""
    largest = 0.0
    for a, b in zip(one, other, strict=True):
        if a.value.shape != b.value.shape:
            return float("inf")
        with np.errstate(invalid="ignore", over="ignore"):
            off = np.abs(a.value.astype(np.float64) - b.value.astype(np.float64))
        same = np.isnan(a.value.astype(np.float64)) & np.isnan(b.value.astype(np.float64))
        off = np.where(same | (a.value == b.value), 0.0, np.nan_to_num(off, nan=np.inf))
        largest = max(largest, float(off.max(initial=0.0)))
    return largest
