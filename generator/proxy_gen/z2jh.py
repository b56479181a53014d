"""Companion mode: the values with which another release of Zero to JupyterHub uses our proxy. Pure.

The chart writes them, as a ConfigMap among its objects; here they are found, checked against the
values of that release, and made to keep what Helm would drop.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import values, yaml_text
from .errors import Problem, UsageError
from .stream import Document
from .values import Values

COMPONENT = "companion"
"""The folder of the chart's templates that the values come from."""


@dataclass(frozen=True)
class Rendered:
    """The values for the other release, as the chart wrote them, and its hub's Service."""

    text: str
    service: str


def find(documents: Sequence[Document]) -> Rendered:
    """Return the values that the chart rendered; raises UsageError where it rendered none."""
    for document in documents:
        if document.kind == "ConfigMap" and document.component == COMPONENT:
            data = document.data["data"]
            return Rendered(data["values.yaml"], data["hub-service"])
    raise UsageError(
        "hub.enabled: is true, so this release has a hub of its own; "
        "set it to false for the proxy alone (docs/how-to/companion.md)"
    )


def complete(text: str, theirs: Mapping[str, Any]) -> str:
    """Return the values ``text`` with the entries of ``theirs`` in every list that it has.

    Helm merges maps of several values files, but of a list it takes the last one only. The same
    entry, or one with the same name, is there once. Without anything to keep, it is the same text.
    """
    ours = yaml_text.load(text)
    whole = _keep(ours, theirs)
    if whole == ours:
        return text
    return "".join(_head(text)) + yaml_text.dump(whole)


def lists(text: str) -> list[str]:
    """Return the paths of the lists in the values ``text``, which replace others of that path."""
    return sorted(values.path_text(keys) for keys in _list_keys(yaml_text.load(text)))


def problems(theirs: Values, service: str) -> list[Problem]:
    """Return what in the other release's values does not go with the proxy.

    ``service`` is the name that our values give for the Service of its hub.
    """
    found = []
    keys = ("hub", "config", "JupyterHub", "internal_ssl")
    if values.get(theirs.data, keys):
        what = "Traefik has no client certificate for the hub and the users' servers"
        found.append(_problem(theirs, keys, what, "remove it"))
    if isinstance(values.get(theirs.data, ("hub", "extraEnv")), list):
        what = "Helm does not merge a list with the printed variables"
        cure = "write it as a map, NAME: value"
        found.append(_problem(theirs, ("hub", "extraEnv"), what, cure))
    prefix = values.get(theirs.data, ("fullnameOverride",), "")
    if isinstance(prefix, str):
        there = f"{prefix}-hub" if prefix else "hub"
        if there != service:
            what = f"so the hub's Service is {there}, and not {service}"
            cure = f"set hub.external.service to {there} for the proxy"
            found.append(_problem(theirs, ("fullnameOverride",), what, cure))
    return found


def _problem(theirs: Values, keys: tuple[str, ...], what: str, cure: str) -> Problem:
    file, line = theirs.place(keys)
    return Problem(file, line, values.path_text(keys), what, cure, rule="z2jh")


def _keep(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    for key, value in ours.items():
        there = theirs.get(key)
        if isinstance(value, Mapping) and isinstance(there, Mapping):
            whole[key] = _keep(value, there)
        elif isinstance(value, list) and isinstance(there, list):
            kept = [entry for entry in there if not any(_is_same(entry, own) for own in value)]
            whole[key] = [*kept, *value]
        else:
            whole[key] = value
    return whole


def _is_same(entry: Any, own: Any) -> bool:
    if not (isinstance(entry, Mapping) and isinstance(own, Mapping) and "name" in own):
        return bool(entry == own)
    # A volume is known by its name, its mounts also by their places.
    return all(entry.get(field) == own.get(field) for field in ("name", "mountPath"))


def _list_keys(node: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(node, list):
        yield keys
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from _list_keys(value, (*keys, str(key)))


def _head(text: str) -> Iterator[str]:
    """The comment on top, which a dump loses."""
    return itertools.takewhile(lambda line: line.startswith("#"), text.splitlines(keepends=True))
