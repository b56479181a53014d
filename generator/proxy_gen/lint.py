"""What ``proxy-gen lint`` looks at, and the list of its rules."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from . import documents as documents_module
from .errors import Problem
from .stream import Document
from .tree import File
from .values import Values

# Name of the family -> what it checks; the module has the same name with _ for -.
FAMILIES: Mapping[str, str] = {
    "kubernetes": "Kubernetes schemas",
    "kube-score": "kube-score",
    "references": "references between objects",
    "selectors": "selectors and ports",
    "traefik": "Traefik's option names",
    "hub-config": "the hub's configuration",
}

# Those that a bundle for one host has something for.
OF_HOST = ("traefik", "hub-config")


@dataclass(frozen=True)
class Subject:
    """What was rendered, and from which values.

    A rule may append to ``notes`` what it could not look at; a note is told, but is no problem.
    """

    documents: Sequence[Document]
    values: Values
    kubernetes_version: str
    notes: list[str] = field(default_factory=list)
    of_host: Mapping[str, File] | None = None
    """The documents of a bundle for one host, which has no objects."""

    @cached_property
    def files(self) -> Mapping[str, File]:
        """The documents inside the objects (traefik.toml, hub/...), by relative path."""
        return documents_module.extract(self.documents) if self.of_host is None else self.of_host

    @cached_property
    def texts_in_values(self) -> frozenset[str]:
        """Every text that the user wrote: what is named there may be the user's own object."""
        return frozenset(_texts(self.values.data))

    def of_kind(self, *kinds: str) -> list[Document]:
        """Return the objects of these kinds."""
        return [document for document in self.documents if document.kind in kinds]


def problem(document: Document, path: str, what: str, cure: str, rule: str) -> Problem:
    """Return a problem in a rendered object; the file is its manifest."""
    return Problem(f"manifests/{document.file_name}", 0, path, what, cure, rule)


def run(
    subject: Subject, families: Iterable[str], say: Callable[[str], None] = lambda _: None
) -> dict[str, list[Problem]]:
    """Run the rules; return what each family found, sorted. Raises ToolError as the rules do."""
    found = {}
    for family in families:
        say(f"checking {FAMILIES[family]}")
        module = importlib.import_module(f"{__package__}.lint_rules.{family.replace('-', '_')}")
        found[family] = sorted(set(module.check(subject)))
    return found


def _texts(node: Any) -> Iterable[str]:
    if isinstance(node, Mapping):
        for value in node.values():
            yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)
    elif isinstance(node, str):
        yield node
