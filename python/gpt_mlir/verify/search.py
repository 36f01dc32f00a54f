"""The search for the first point of a pipeline that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gpt_mlir.verify.checker import Outcome, Status, is_wrong
from gpt_mlir.verify.stages import Point

__all__ = ["first_wrong"]

# Points ahead of the one that was found that are looked at, too: an error may hide again.
_LOOK_BACK = 4


def first_wrong(
    check: Callable[[Point], Outcome], points: Sequence[Point]
) -> tuple[Point, Outcome]:
    """Returns a point that is wrong although the one before it is not, the first if possible.

    Args:
        check: Runs a program at a point.
        points: The points in order; the first is right, the last is wrong.
    """
    outcomes: dict[int, Outcome] = {}

    def status(index: int) -> Status:
        if index not in outcomes:
            outcomes[index] = check(points[index])
        return outcomes[index].status

    low, high = 0, len(points) - 1
    while True:
        while high - low > 1:
            # Points that cannot be run are stepped over, towards the wrong end first.
            middle = (low + high) // 2
            order = [*range(middle, high), *range(middle - 1, low, -1)]
            known = next((index for index in order if status(index) != "error"), None)
            if known is None:
                break
            low, high = (low, known) if is_wrong(status(known)) else (known, high)
        earlier = range(1, low, max(1, low // _LOOK_BACK))
        hidden = next((index for index in earlier if is_wrong(status(index))), None)
        if hidden is None:
            status(high)
            return points[high], outcomes[high]
        low, high = 0, hidden
