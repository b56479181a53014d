"""Users' names in the shapes that hubs have."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

SHAPES: dict[str, Callable[[int], str]] = {
    "student": lambda number: f"student{number:05}",
    "e-mail": lambda number: f"{_first(number)}.{_last(number)}{number}@uni-example.org",
    "hash": lambda number: hashlib.sha256(str(number).encode()).hexdigest()[:32],
}
_FIRST = ("ada", "ben", "chen", "dina", "eva", "fatima", "grace", "hugo", "ines", "jan", "kofi")
_LAST = ("adams", "brown", "costa", "diaz", "evans", "fischer", "garcia", "huber", "ito", "jones")


def _first(number: int) -> str:
    return _FIRST[number % len(_FIRST)]


def _last(number: int) -> str:
    return _LAST[number // len(_FIRST) % len(_LAST)]


def user_paths(shape: str, numbers: range) -> list[str]:
    """Route paths such as "/user/student00001/", all different."""
    return [f"/user/{SHAPES[shape](number)}/" for number in numbers]
