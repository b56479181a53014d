"""traefik.toml and dynamic.toml are TOML, and every key in them is an option of Traefik."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

from proxy_gen import traefik_options
from proxy_gen.errors import Problem
from proxy_gen.lint import Subject
from proxy_gen.values import get, path_text

RULE = "traefik"
# The document, its kind of options, and the value that the user's part of it comes from.
_DOCUMENTS = (
    ("traefik.toml", "static", ("proxy", "traefik", "extraStaticConfig")),
    ("dynamic.toml", "dynamic", ("proxy", "traefik", "extraDynamicConfig")),
)


def check(subject: Subject) -> Iterator[Problem]:
    """Yield every key that Traefik does not know; it would refuse to start with one."""
    for name, kind, extra in _DOCUMENTS:
        if name not in subject.files:
            continue
        try:
            data = tomllib.loads(subject.files[name].text)
        except tomllib.TOMLDecodeError as error:
            yield Problem(
                name, 0, "", f"not TOML: {error}", "check the value it is made from", RULE
            )
            continue
        for unknown in traefik_options.unknown(data, kind):
            yield _problem(subject, name, kind, extra, unknown)


def _problem(
    subject: Subject, name: str, kind: str, extra: tuple[str, ...], found: traefik_options.Unknown
) -> Problem:
    version = traefik_options.version(kind)
    what = f"Traefik {version} has no {kind} option of this name"
    if found.suggestion:
        cure = f"did you mean {found.suggestion}?"
    else:
        cure = f"there are {', '.join(sorted(found.known)[:10])}"
    path = (*extra, *found.path)
    absent = object()
    if get(subject.values.data, path, absent) is not absent:
        file, line = subject.values.place(path)
        return Problem(file, line, path_text(path), what, cure, RULE)
    return Problem(name, 0, path_text(found.path), what, cure, RULE)
