"""Text for people: columns, and colours where there is a terminal. Pure."""

from __future__ import annotations

from collections.abc import Sequence

BOLD, RED, GREEN, YELLOW = "1", "31", "32", "33"


def coloured(text: str, code: str, colour: bool = True) -> str:
    """Return ``text`` in the colour of ``code``; as it is without a code, or without colours."""
    return f"\033[{code}m{text}\033[0m" if colour and code else text


def table(rows: Sequence[tuple[str, ...]], heads: tuple[str, ...]) -> str:
    """Lay ``rows`` out in columns under ``heads``."""
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [heads, *rows]
    ]
    return "\n".join(lines)


def printable(text: str) -> str:
    """Return ``text`` in one line, without what would steer a terminal."""
    return "".join(one for one in " ".join(text.split()) if one.isprintable())
