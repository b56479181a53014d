"""TOML from plain Python values. Pure: no I/O. Python reads TOML itself, but does not write it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

# A string of JSON is one of TOML, but for what TOML wants escaped and JSON does not.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")


def toml_value(value: Any) -> str:
    """A value on one line; mappings become inline tables.

    ``{{`` is written so that Go's templates, as which Traefik reads its dynamic configuration,
    leave it alone. Half a surrogate pair is no character and is written as U+FFFD.
    """
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{toml_key(k)}={toml_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(toml_value, value)) + "]"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return _string(str(value))


def toml_key(name: str) -> str:
    """One part of a key, in quotes if it needs them."""
    return name if _BARE.match(name) else _string(name)


def toml_document(document: Mapping[str, Any]) -> str:
    """A whole document, with a table for each mapping."""
    return "\n".join(_lines(document, ())) + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    values = {k: v for k, v in table.items() if not isinstance(v, Mapping)}
    if path and (values or not table):
        yield f"\n[{'.'.join(map(toml_key, path))}]"
    for key, value in values.items():
        yield f"{toml_key(key)} = {toml_value(value)}"
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _lines(value, (*path, key))


def _string(text: str) -> str:
    quoted = _ESCAPED.sub(_escaped, json.dumps(text, ensure_ascii=False))
    return quoted.replace("{{", "{\\u007b")


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return "\ufffd" if 0xD800 <= code < 0xE000 else f"\\u{code:04x}"
