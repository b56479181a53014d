"""Differences between two sets of objects, by object and by field; secrets are masked. Pure."""

from __future__ import annotations

import base64
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from . import masking, yaml_text
from .stream import Document
from .terminal import BOLD, GREEN, RED, YELLOW, coloured
from .values import path_text

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
_ABSENT = object()
_LISTED = 10
_CHECKSUM = re.compile(r"\bchecksum/[\w.-]+$")
# What makes an item of a list the same item on both sides, in the order of preference.
_IDENTITIES = ("name", "mountPath", "containerPort", "port", "host", "path", "key", "ip", "uid")


@dataclass(frozen=True)
class Difference:
    """One field that differs: in which object, where, and both sides as they may be shown.

    ``state`` is ``added``, ``removed`` or ``changed``. For a whole object the path is empty.
    ``lines`` is a unified diff for a text of several lines.
    """

    object: str
    path: str
    state: str
    old: str = ""
    new: str = ""
    lines: tuple[str, ...] = ()


def compare(old: Sequence[Document], new: Sequence[Document]) -> list[Difference]:
    """Return what differs between two sets of objects, in the order of the objects' names."""
    before, after = _by_name(old), _by_name(new)
    found: list[Difference] = []
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            found.append(Difference(name, "", REMOVED))
        elif name not in before:
            found.append(Difference(name, "", ADDED))
        elif before[name].text != after[name].text:
            found += compare_data(name, before[name].data, after[name].data)
    return found


def compare_data(name: str, old: Any, new: Any) -> list[Difference]:
    """Return what differs between two pieces of data, as differences of the object ``name``."""
    hidden = name.startswith("Secret/")
    return list(_walk(name, old, new, (), (), hidden))


def _by_name(documents: Sequence[Document]) -> dict[str, Document]:
    found = {}
    for document in documents:
        name = f"{document.kind}/{document.name}"
        if name in found:
            name = f"{name} ({document.namespace})"
        found[name] = document
    return found


def _walk(
    name: str,
    old: Any,
    new: Any,
    path: tuple[str | int, ...],
    shown: tuple[str, ...],
    hidden: bool,
) -> Iterator[Difference]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys(), key=str):
            before, after = old.get(key, _ABSENT), new.get(key, _ABSENT)
            steps = (*shown, path_text([str(key)]))
            yield from _walk(name, before, after, (*path, str(key)), steps, hidden)
        return
    if isinstance(old, list) and isinstance(new, list):
        yield from _lists(name, old, new, path, shown, hidden)
        return
    if old == new and type(old) is type(new):  # 1 is no true, though Python says so
        return
    secret = hidden and path[:1] in (("data",), ("stringData",))
    if secret and shown[-1].endswith('.yaml"'):
        yield _values_difference(name, old, new, shown)
    else:
        yield _difference(name, old, new, path, shown, secret)


def _lists(
    name: str,
    old: list[Any],
    new: list[Any],
    path: tuple[str | int, ...],
    shown: tuple[str, ...],
    hidden: bool,
) -> Iterator[Difference]:
    identity = _identity([*old, *new], old, new)
    if identity is None:
        before: dict[Any, Any] = dict(enumerate(old))
        after: dict[Any, Any] = dict(enumerate(new))
    else:
        before = {item[identity]: item for item in old}
        after = {item[identity]: item for item in new}
    for key in [*before, *(one for one in after if one not in before)]:
        steps = (*shown[:-1], f"{shown[-1] if shown else ''}[{key}]")
        yield from _walk(
            name,
            before.get(key, _ABSENT),
            after.get(key, _ABSENT),
            (*path, str(key)),  # a name such as DB_PASSWORD says that what is below is secret
            steps,
            hidden,
        )


def _identity(items: list[Any], *sides: list[Any]) -> str | None:
    if not items or not all(isinstance(item, Mapping) for item in items):
        return None
    for field in _IDENTITIES:
        if all(isinstance(item.get(field), str | int) for item in items) and all(
            len({item[field] for item in side}) == len(side) for side in sides
        ):
            return field
    return None


def _difference(
    name: str,
    old: Any,
    new: Any,
    path: tuple[str | int, ...],
    shown: tuple[str, ...],
    secret: bool,
) -> Difference:
    state = ADDED if old is _ABSENT else REMOVED if new is _ABSENT else CHANGED
    before, after = _masked(old, path, secret), _masked(new, path, secret)
    lines: tuple[str, ...] = ()
    if isinstance(before, str) and isinstance(after, str) and "\n" in before + after:
        lines = tuple(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm=""))
        lines = lines[2:]  # without the names of files that are none
    return Difference(name, ".".join(shown), state, _written(before), _written(after), lines)


def _values_difference(name: str, old: Any, new: Any, shown: tuple[str, ...]) -> Difference:
    """Name the values that changed inside a YAML document of a Secret, but show none of them."""
    try:
        before, after = (yaml_text.load(base64.b64decode(one).decode()) for one in (old, new))
        inner = [one.path for one in _walk(name, before, after, (), (), hidden=False)]
    except (TypeError, ValueError, yaml.YAMLError):
        inner = []
    listed = ", ".join([*inner[:_LISTED], *(["..."] if len(inner) > _LISTED else [])])
    value = f"{masking.MASK}: {listed}" if listed else masking.MASK
    return Difference(name, ".".join(shown), CHANGED, value, value)


def _masked(value: Any, path: tuple[str | int, ...], secret: bool) -> Any:
    if value is _ABSENT:
        return ""
    if isinstance(value, Mapping):
        # The name of an environment variable says that its value is secret; it is not itself.
        return {
            key: one if key == "name" and not secret else _masked(one, (*path, str(key)), secret)
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [_masked(one, path, secret) for one in value]
    if secret or masking.is_secret(path, value) or _holds_key(value):
        return masking.MASK
    return value


def _holds_key(value: Any) -> bool:
    """Tell whether a text is a private key in base64, as it may stand in any object."""
    if not isinstance(value, str) or not value.startswith("LS0tLS1CRUdJTi"):
        return False
    try:
        return masking.is_secret((), base64.b64decode(value).decode(errors="replace"))
    except ValueError:
        return False


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, Mapping | list):
        import json

        value = json.dumps(value, ensure_ascii=False, default=str)
    text = str(value)
    if "\n" in text:
        return f"({len(text.splitlines())} lines)"
    return text


def text(differences: Sequence[Difference], *, colour: bool = False) -> str:
    """Return the differences for people: one heading per object, one line per field."""
    lines: list[str] = []
    last = ""
    for one in differences:
        if one.object != last:
            lines.append(coloured(one.object, BOLD, colour))
            last = one.object
        lines += _lines(one, colour)
    return "".join(f"{line}\n" for line in lines)


def _lines(one: Difference, colour: bool) -> Iterator[str]:
    mark, code = {ADDED: ("+", GREEN), REMOVED: ("-", RED), CHANGED: ("~", YELLOW)}[one.state]
    if not one.path:
        yield coloured(f"  {mark} the whole object is {one.state}", code, colour)
        return
    if one.lines:
        yield coloured(f"  {mark} {one.path}:", code, colour)
        for line in one.lines:
            inner = {"+": GREEN, "-": RED}.get(line[:1], "")
            yield coloured(f"      {line}", inner, colour)
        return
    if one.state == CHANGED and (one.old == one.new or _CHECKSUM.search(one.path)):
        listed = one.new.removeprefix(masking.MASK) if one.old == one.new else ""
        yield coloured(f"  {mark} {one.path}: (changed{listed})", code, colour)
        return
    value = {ADDED: one.new, REMOVED: one.old}.get(one.state, f"{one.old} -> {one.new}")
    yield coloured(f"  {mark} {one.path}: {value}", code, colour)
