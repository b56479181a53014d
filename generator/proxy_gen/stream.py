"""Helm's stream of YAML documents, split as text: nothing is parsed that nobody asks for.

Writing the text that Helm wrote, instead of parsing and writing it anew, keeps every byte as it is
deployed and costs no time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from . import yaml_text

_SEPARATOR = re.compile(r"^---(?:[ \t].*)?$\n?", re.MULTILINE)
_SOURCE = re.compile(r"^# Source: (\S+)$", re.MULTILINE)
_KIND = re.compile(r"^kind: *[\"']?([A-Za-z]+)[\"']? *$", re.MULTILINE)
_METADATA = re.compile(r"^metadata:\n((?:[ #].*\n|\n)*)", re.MULTILINE)
_FIELD = r"^(?P<indent> +)%s: *[\"']?([^\s\"']+)[\"']? *$"
_NAME = re.compile(_FIELD % "name", re.MULTILINE)
_NAMESPACE = re.compile(_FIELD % "namespace", re.MULTILINE)


@dataclass(frozen=True)
class Document:
    """One object: its text as Helm wrote it, what it is, and the template that made it."""

    text: str
    kind: str
    name: str
    namespace: str = ""
    source: str = ""

    @cached_property
    def data(self) -> dict[str, Any]:
        """The object, parsed."""
        parsed: dict[str, Any] = yaml_text.load(self.text)
        return parsed

    @property
    def file_name(self) -> str:
        """The name of its file among the manifests, such as ``deployment-hub.yaml``."""
        # A colon is legal in the names of roles, but not in file names everywhere.
        name = self.name.replace(":", "_")
        return f"{self.kind.lower()}-{name}.yaml"

    @property
    def component(self) -> str:
        """The folder of its template: ``hub``, ``proxy``, ``etcd`` ... or an empty text."""
        _, _, inner = self.source.partition("/templates/")
        return inner.rpartition("/")[0]

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


def split(stream: str) -> list[Document]:
    """Return the objects of a stream in a stable order: by kind, then by name.

    Documents that hold nothing but comments are left out. The order does not depend on Helm's.
    """
    documents = [_document(text) for text in _pieces(stream)]
    return sorted(documents, key=lambda one: (one.kind, one.name, one.namespace))


def join(documents: Iterable[Document]) -> str:
    """Return one stream of all ``documents``, as ``kubectl apply -f -`` takes it."""
    return "".join(f"---\n{document.text}" for document in documents)


def _pieces(stream: str) -> Iterator[str]:
    for piece in _SEPARATOR.split(stream):
        lines = piece.splitlines()
        if any(line.strip() and not line.lstrip().startswith("#") for line in lines):
            yield piece.strip("\n") + "\n"


def _document(text: str) -> Document:
    source = _SOURCE.search(text)
    kind = _KIND.search(text)
    metadata = _METADATA.search(text)
    name = _first_level(_NAME, metadata[1]) if metadata else ""
    namespace = _first_level(_NAMESPACE, metadata[1]) if metadata else ""
    if not (kind and name):  # written in another style than ours: read it as what it is
        data = yaml_text.load(text)
        found = data.get("metadata") or {}
        return Document(
            text,
            str(data.get("kind", "")),
            str(found.get("name", "")),
            str(found.get("namespace", "")),
            source[1] if source else "",
        )
    return Document(text, kind[1], name, namespace, source[1] if source else "")


def _first_level(pattern: re.Pattern[str], block: str) -> str:
    """Find a field directly below ``metadata:``, not one of its labels or annotations."""
    first = re.search(r"^( +)\S", block, re.MULTILINE)
    if first is None:
        return ""
    for match in pattern.finditer(block):
        if match["indent"] == first[1]:
            return str(match[2])
    return ""
