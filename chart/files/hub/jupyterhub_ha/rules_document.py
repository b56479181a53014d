"""Traefik's keys of a KV store as the document of its file provider. Pure: no I/O.

Both say the same: ``<root>/http/routers/<name>/parentrefs/0`` is the first element of the list
``http.routers.<name>.parentRefs`` (https://doc.traefik.io/traefik/reference/dynamic-configuration/).

The text is TOML with one router or service on a line, as an inline table: of all that Traefik
reads it is read fastest (docs/explanation/design.md has the figures).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .table import Operation, Put
from .toml_text import toml_key, toml_value

HEAD = """\
# The hub writes this file, and repairs it when it is changed. Put rules of your own into another
# file of this folder.
"""

# Keys are in lower case in a KV store; here they are as Traefik's documentation has them.
_NAMES = {
    name.lower(): name
    for name in (
        "customResponseHeaders",
        "entryPoints",
        "loadBalancer",
        "parentRefs",
        "serversTransport",
    )
}
_Entry = dict[str, str]
"""Path below the name, as in a KV store, to value."""


class RulesDocument:
    """Routers, services and middlewares below a prefix of keys such as ``traefik/http/``."""

    def __init__(self, prefix: str, text: str = "") -> None:
        """Read what `text` has; ValueError if that is not like what `text()` gives."""
        self.prefix = prefix
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._written: dict[tuple[str, str], str] = {}
        self._rest: dict[str, Any] = {}
        if text:
            self._read(text)

    def pairs(self) -> dict[str, str]:
        """All as the keys of a KV store."""
        return {
            f"{self.prefix}{kind}/{name}/{path}": value
            for (kind, name), entry in self._entries.items()
            for path, value in entry.items()
        }

    def apply(self, operations: Iterable[Operation]) -> None:
        """Make the operations whose keys are below the prefix."""
        for operation in operations:
            kind, name, path = operation.key.removeprefix(self.prefix).split("/", 2)
            entry = self._entries.setdefault((kind, name), {})
            if isinstance(operation, Put):
                entry[path] = operation.value
            else:
                entry.pop(path, None)
            if not entry:
                del self._entries[kind, name]
            self._written.pop((kind, name), None)

    def text(self) -> str:
        """The document; only what was changed is encoded anew."""
        parts = [HEAD, *(f"{toml_key(name)} = {toml_value(v)}\n" for name, v in self._rest.items())]
        section = ""
        for kind, name in sorted(self._entries):
            if kind != section:  # Traefik takes no empty section
                parts.append(f"\n[http.{toml_key(kind)}]\n")
                section = kind
            line = self._written.get((kind, name))
            if line is None:
                line = f"{toml_key(name)} = {toml_value(_nested(self._entries[kind, name]))}\n"
                self._written[kind, name] = line
            parts.append(line)
        return "".join(parts)

    def _read(self, text: str) -> None:
        document = tomllib.loads(text)
        http = document.pop("http", {})
        self._rest = document
        for kind, found in _items(http):
            for name, content in _items(found):
                self._entries[kind, name] = dict(_flat(content))
                self._written[kind, name] = f"{toml_key(name)} = {toml_value(content)}\n"


def _items(found: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(found, dict):
        raise ValueError(f"an object is expected, and not {str(found)[:40]!r}")
    yield from found.items()


def _flat(content: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The leaves of a document with their paths."""
    if isinstance(content, dict | list):
        pairs = content.items() if isinstance(content, dict) else enumerate(content)
        for key, inner in pairs:
            name = str(key).lower()
            yield from _flat(inner, f"{path}/{name}" if path else name)
    elif isinstance(content, bool):
        yield path, str(content).lower()
    else:
        yield path, str(content)


def _nested(entry: Mapping[str, str]) -> Any:
    """What has these leaves; where all keys of one level are numbers, it is a list."""
    tree: dict[str, Any] = {}
    for path, value in sorted(entry.items()):
        *parents, last = path.split("/")
        inner = tree
        for part in parents:
            inner = inner.setdefault(_NAMES.get(part, part), {})
        inner[_NAMES.get(last, last)] = value
    return _with_lists(tree)


def _with_lists(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    if tree and all(key.isdigit() for key in tree):
        return [_with_lists(tree[key]) for key in sorted(tree, key=int)]
    return {key: _with_lists(inner) for key, inner in tree.items()}
