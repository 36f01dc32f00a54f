"""What a schedule did with a module: which ops it took, and why not the others."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["CATEGORY", "ScheduleEntry", "ScheduleReport", "make_report"]

CATEGORY = "schedule"
"""The category of the remarks that a report is made of."""


_SEQUENCE = "gpt-apply-schedule"
# "Key=value, Other=value": values may contain commas and spaces, keys do not.
_DETAIL = re.compile(r"(\w+)=(.*?)(?=, \w+=|$)")
_OUTCOMES = {"passed": "yes", "missed": "no", "failure": "failed", "analysis": "ran"}


@dataclass(frozen=True, kw_only=True)
class ScheduleEntry:
    """What one pass of a schedule said about an op.

    Attributes:
        outcome: "yes" if it took the op, "no" or "failed" if not, "ran" for a whole sequence.
        step: The pass, or the sequence.
        location: Where the op is from, `file:line:column`; "" if nobody knows.
        text: What was done, or the reason why not.
        sizes: Numbers that go with it, by name.
        count: How many ops it is true of.
    """

    outcome: str
    step: str
    location: str
    text: str
    sizes: tuple[tuple[str, str], ...] = ()
    count: int = 1


@dataclass(frozen=True)
class ScheduleReport:
    """What a schedule did, in order; ops that are alike are one entry.

    Attributes:
        entries: All of it.
    """

    entries: tuple[ScheduleEntry, ...] = field(default_factory=tuple)

    def __iter__(self) -> Iterator[ScheduleEntry]:
        return iter(self.entries)

    def __str__(self) -> str:
        """Returns a table."""
        rows = [("taken", "step", "op from", "ops", "details")]
        for entry in self.entries:
            sizes = ", ".join(f"{name} {value}" for name, value in entry.sizes)
            details = ": ".join(part for part in (sizes, entry.text) if part)
            rows.append(
                (entry.outcome, entry.step, entry.location or "-", str(entry.count), details)
            )
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = ("  ".join([*map(str.ljust, row[:4], widths), row[4]]).rstrip() for row in rows)
        return "\n".join(lines)


def make_report(remarks: list[tuple[str, str, str, str]]) -> ScheduleReport:
    """Makes a report of remarks, each (kind, pass, location, details)."""
    counts: Counter[ScheduleEntry] = Counter()  # keeps the order of first occurrence
    for kind, step, location, details in remarks:
        values = dict(_DETAIL.findall(details))
        text = values.pop("Reason", values.pop("Remark", ""))
        if step == _SEQUENCE:
            step = f"@{values.pop('Sequence')}"
            text = values.pop("Schedule")
            location = ""
        entry = ScheduleEntry(
            outcome=_OUTCOMES[kind],
            step=step,
            location=location,
            text=text,
            sizes=tuple(values.items()),
        )
        counts[entry] += 1
    return ScheduleReport(
        tuple(dataclasses.replace(entry, count=count) for entry, count in counts.items())
    )
