"""The hub's Python compiles, and every trait that values and code set exists.

Nothing is executed: the code is the user's, and it may ask a cluster.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from proxy_gen import traits
from proxy_gen.errors import Problem
from proxy_gen.lint import Subject
from proxy_gen.traits import Catalogue
from proxy_gen.values import get, path_text

RULE = "hub-config"
_CLASSES = {
    "authenticator": "authenticator_class",
    "spawner": "spawner_class",
    "proxy": "proxy_class",
}
_SPAWNER = "KubeSpawner"


def check(subject: Subject) -> Iterator[Problem]:
    """Yield what does not compile, and every trait that no class has."""
    hub = get(subject.values.data, ("hub",), {})
    hub = hub if isinstance(hub, Mapping) else {}
    catalogue = _catalogue(subject, hub)
    for path, file in subject.files.items():
        if path.startswith("hub/") and path.endswith(".py"):
            yield from _code(file.text, catalogue, Problem(path, 0, rule=RULE))
    for key, source in (hub.get("extraConfig") or {}).items():
        if isinstance(source, str):
            keys = ("hub", "extraConfig", str(key))
            file_name, line = subject.values.place(keys)
            place = Problem(file_name, line, path_text(keys), rule=RULE)
            # A literal block begins in the line below its key.
            if "\n" not in source and line:
                place = replace(place, line=line - 1)
            yield from _code(source, catalogue, place)
    yield from _sections(subject, hub.get("config") or {}, catalogue)
    yield from _profiles(subject, catalogue)


def _catalogue(subject: Subject, hub: Mapping[str, Any]) -> Catalogue:
    set_ = {kind: get(hub, ("config", "JupyterHub", trait)) for kind, trait in _CLASSES.items()}
    kinds = {name: kind for kind, name in set_.items() if isinstance(name, str)}
    catalogue, missing = traits.load(kinds)
    if not catalogue.complete:
        subject.notes.append(
            "JupyterHub is not installed here, so no traits are checked; "
            "pip install jupyterhub jupyterhub-kubespawner beside proxy-gen to have them checked"
        )
    elif missing:
        # A name without a module is the one by which an installed package would be found.
        listed = [f"the {kinds[name]} {name!r}" if name in kinds else name for name in missing]
        subject.notes.append(
            f"not installed here, so their traits are not checked: {', '.join(sorted(listed))}"
        )
    return catalogue


def _code(source: str, catalogue: Catalogue, place: Problem) -> Iterator[Problem]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        number = getattr(error, "lineno", None)
        what = f"not Python: {getattr(error, 'msg', error)}"
        yield _at(place, number, what, "see the line; in YAML, begin the code with a | block")
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        section, trait = _section_and_trait(node)
        if not section:
            continue
        nearest = catalogue.suggest_section(section)
        if catalogue.is_unknown(section) and nearest:
            what = f"there is no class {section} to configure"
            yield _at(place, node.lineno, what, f"did you mean c.{nearest}?")
        elif not catalogue.has(section, trait):
            cure = _meant(catalogue.suggest_trait(section, trait), "c.")
            yield _at(place, node.lineno, f"{section} has no trait {trait!r}", cure)


def _section_and_trait(node: ast.Attribute) -> tuple[str, str]:
    """Return ``X`` and ``y`` of ``c.X.y``, or empty texts."""
    below = node.value
    if not (isinstance(below, ast.Attribute) and isinstance(below.value, ast.Name)):
        return "", ""
    if below.value.id != "c" or not below.attr[:1].isupper():
        return "", ""
    return below.attr, node.attr


def _at(place: Problem, number: int | None, what: str, cure: str) -> Problem:
    if place.path:  # a snippet: its text begins in the line below its key
        line = place.line + number if place.line and number else place.line
    else:
        line = number or 0
    return Problem(place.file, line, place.path, what, cure, RULE)


def _sections(
    subject: Subject, config: Mapping[str, Any], catalogue: Catalogue
) -> Iterator[Problem]:
    for section, settings in config.items():
        path = ("hub", "config", str(section))
        if section not in catalogue.traits:
            nearest = catalogue.suggest_section(str(section))
            if nearest and catalogue.is_unknown(str(section)):
                cure = f"did you mean hub.config.{nearest}?"
                yield _in_values(subject, path, "there is no class of this name", cure)
            continue
        for trait in settings if isinstance(settings, Mapping) else ():
            if not catalogue.has(section, str(trait)):
                what = f"{section} has no trait of this name"
                cure = _meant(catalogue.suggest_trait(section, str(trait)), "hub.config.")
                yield _in_values(subject, (*path, str(trait)), what, cure)


def _profiles(subject: Subject, catalogue: Catalogue) -> Iterator[Problem]:
    """Check what the choices of ``singleuser.profileList`` set on the spawner."""
    profiles = get(subject.values.data, ("singleuser", "profileList"))
    if _SPAWNER not in catalogue.traits or not isinstance(profiles, list):
        return
    for path, override in _overrides(profiles, ("singleuser", "profileList")):
        for trait in override:
            if not catalogue.has(_SPAWNER, str(trait)):
                nearest = catalogue.suggest_trait(_SPAWNER, str(trait)).removeprefix("KubeSpawner.")
                what = f"{_SPAWNER} has no trait of this name"
                yield _in_values(subject, (*path, str(trait)), what, _meant(nearest, ""))


def _overrides(
    node: Any, path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from _overrides(item, (*path, index))
    elif isinstance(node, Mapping):
        for key, value in node.items():
            if key == "kubespawner_override" and isinstance(value, Mapping):
                yield (*path, key), value
            else:
                yield from _overrides(value, (*path, str(key)))


def _in_values(subject: Subject, path: tuple[str | int, ...], what: str, cure: str) -> Problem:
    file, line = subject.values.place(path)
    return Problem(file, line, path_text(path), what, cure, RULE)


def _meant(nearest: str, prefix: str) -> str:
    return f"did you mean {prefix}{nearest}?" if nearest else "see the class's reference"
