"""What verification found, as a table for people and as JSON for programs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gpt_mlir.verify.checker import Outcome
from gpt_mlir.verify.compare import Difference

__all__ = ["Report", "table_header", "table_row"]

_WIDTH = 52


@dataclass(frozen=True, kw_only=True)
class Report:
    """The stages of one program.

    Attributes:
        subject: What was verified.
        reference: What it was compared with.
        outcomes: One per stage, in the order of the pipeline.
    """

    subject: str
    reference: str
    outcomes: Sequence[Outcome]

    @property
    def succeeded(self) -> bool:
        """Whether every stage that could be run is within its tolerance."""
        return all(outcome.status == "equal" for outcome in self.outcomes)

    def to_json(self) -> dict[str, Any]:
        """Returns the report as plain data."""
        return {
            "subject": self.subject,
            "reference": self.reference,
            "succeeded": self.succeeded,
            "stages": [dataclasses.asdict(outcome) for outcome in self.outcomes],
        }


def table_header(*, tokens: bool) -> str:
    """Returns the first line of the table."""
    columns = f"{'stage':<{_WIDTH}}{'max abs':>10}{'max rel':>10}{'NMSE':>10}{'change':>10}"
    return f"{columns}{'used':>7}  {'tokens  ' if tokens else ''}result  worst op alone"


def table_row(outcome: Outcome, *, tokens: bool, ops: bool = False, cut: bool = True) -> str:
    """Returns the line of one stage, and further ones for what went wrong.

    Args:
        outcome: The stage.
        tokens: Whether there is a column for tokens.
        ops: Whether every op gets a line, not only the worst one a column.
        cut: Whether names that are wider than their column are cut.
    """
    name = f"  {outcome.name}: {outcome.step}" if outcome.step else outcome.name
    if cut and len(name) >= _WIDTH:
        name = f"{name[: _WIDTH - 2]}…"
    difference = outcome.difference
    numbers = " " * 47 if difference is None else _numbers(difference, outcome.change)
    chosen = ""
    if tokens:
        equal = difference is not None and difference.first_token is None
        chosen = f"{'equal' if equal else 'differ':<8}"
    worst = outcome.worst_op
    alone = f"  {_used(worst.difference)} {worst.op}" if worst is not None else ""
    lines = [f"{name:<{_WIDTH}}{numbers}  {chosen}{outcome.status:<6}{alone}".rstrip()]
    if ops:
        lines += [f"    {op.op:<{_WIDTH - 4}}{_numbers(op.difference, None)}" for op in outcome.ops]
    if outcome.message:
        lines.append(f"    {outcome.message}")
    if difference is not None and difference.first_token is not None:
        lines.append(f"    first token that differs: {difference.first_token}")
    return "\n".join(lines)


def _numbers(difference: Difference, change: float | None) -> str:
    changed = f"{change:>10.1e}" if change is not None else " " * 10
    return (
        f"{difference.absolute:>10.1e}{difference.relative:>10.1e}{difference.nmse:>10.1e}"
        f"{changed}{_used(difference):>7}"
    )


def _used(difference: Difference) -> str:
    """Returns the share of the tolerance that is used; what is far above it is not told apart."""
    return f"{min(difference.used, 9.99):.0%}"
