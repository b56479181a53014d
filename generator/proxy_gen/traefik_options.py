"""The names of Traefik's options, and what in a TOML file is none of them. Pure but for the lists.

The lists in ``data/`` come from the real binary; tools/traefik_options.py writes them anew.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

_ANY_KEY = "<name>"
_ANYTHING = "**"
Kind = str
"""``static`` or ``dynamic``."""


@dataclass
class Option:
    """One level of the tree of options: how it is written, and what may stand below it.

    Children are found in lower case, since Traefik does not mind the case of its options.
    """

    spelling: str = ""
    children: dict[str, Option] = field(default_factory=dict)
    is_list: bool = False

    def child(self, key: str) -> Option | None:
        """Return the option called ``key`` below this one, or None."""
        return self.children.get(key.lower()) or self.children.get(_ANY_KEY)


@dataclass(frozen=True)
class Unknown:
    """A key that is no option: its path, and the nearest path that is one (or an empty text)."""

    path: tuple[str | int, ...]
    suggestion: str
    known: tuple[str, ...]


@cache
def tree(kind: Kind) -> Option:
    """Return the options of the static or of the dynamic configuration."""
    text = files(__package__).joinpath("data", f"traefik_{kind}.txt").read_text(encoding="utf-8")
    root = Option()
    for line in text.splitlines():
        if line and not line.startswith("#"):
            _add(root, line)
    return root


def version(kind: Kind) -> str:
    """Return the version of Traefik that the list was made from."""
    text = files(__package__).joinpath("data", f"traefik_{kind}.txt").read_text(encoding="utf-8")
    return text.split()[2].rstrip(";")


def unknown(data: Mapping[str, Any], kind: Kind) -> list[Unknown]:
    """Return every key of a parsed TOML document that is no option of Traefik."""
    return list(_walk(data, tree(kind), ()))


def _add(root: Option, path: str) -> None:
    node = root
    for part in path.split("."):
        name = part.removesuffix("[]")
        node = node.children.setdefault(name.lower(), Option(name))
        node.is_list = node.is_list or part.endswith("[]")


def _walk(data: Any, option: Option, path: tuple[str | int, ...]) -> Iterator[Unknown]:
    if _ANYTHING in option.children:
        return
    if isinstance(data, list):
        for index, item in enumerate(data):
            yield from _walk(item, option, (*path, index))
        return
    if not isinstance(data, Mapping):
        return
    for key, value in data.items():
        found = option.child(str(key))
        if found is None:
            spellings = [one.spelling for one in option.children.values()]
            yield Unknown((*path, key), _suggest(str(key), path, spellings), tuple(spellings))
        else:
            yield from _walk(value, found, (*path, key))


def _suggest(key: str, path: Sequence[str | int], spellings: Sequence[str]) -> str:
    by_lower = {one.lower(): one for one in spellings if one != _ANY_KEY}
    near = difflib.get_close_matches(key.lower(), by_lower, n=1, cutoff=0.6)
    # A cut-off word, such as `acess` for `accessLog`, is nearer than its length says.
    begun = sorted(
        (
            one
            for one in by_lower
            if difflib.SequenceMatcher(None, key.lower(), one[: len(key) + 1]).ratio() >= 0.8
        ),
        key=len,
    )
    best = near[:1] or begun[:1]
    return ".".join([*map(str, path), by_lower[best[0]]]) if best else ""
