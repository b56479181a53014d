"""Sizes as people write them on a command line: 500M, 2G."""

from __future__ import annotations

import re

EXAMPLE = "write it like 500M or 2G"

_SIZE = re.compile(r"([1-9][0-9]{0,11})([KMGT]?)i?B?", re.IGNORECASE)


def size_of(text: str) -> int | None:
    """Bytes; each unit is 1024 times the one before. None for what is no size."""
    found = _SIZE.fullmatch(text)
    return int(found[1]) << 10 * " KMGT".index(found[2].upper() or " ") if found else None
