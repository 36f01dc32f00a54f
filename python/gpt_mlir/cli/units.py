"""Numbers as people read them."""

from __future__ import annotations

__all__ = ["bytes_text", "count_text"]


def bytes_text(size: float) -> str:
    """Returns a number of bytes with a binary unit: `1.5 MiB`."""
    units = ("B", "KiB", "MiB", "GiB", "TiB")
    index = 0
    while size >= 1024 and index < len(units) - 1:
        size /= 1024
        index += 1
    return f"{size:.0f} B" if index == 0 else f"{size:.1f} {units[index]}"


def count_text(count: float) -> str:
    """Returns a count with a decimal suffix: `124.4 M`."""
    for limit, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= limit:
            return f"{count / limit:.1f} {suffix}"
    return f"{count:.0f}"
