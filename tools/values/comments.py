"""What a comment in values.yaml says beside its text: lines that begin with "@".

@type: string|null      the types that are allowed
@enum: a|b|null         the values that are allowed; an empty one is the empty text
@pattern: ^[a-z]+$      for strings
@min: 1  @max: 5        for numbers
@items: string|object   the types of a list's items
@values: string|null    the types of a map's values
"""

from __future__ import annotations

import re
from typing import Any

Schema = dict[str, Any]

_LINE = re.compile(r"^@(?P<name>\w+): (?P<value>.*\S)\s*$")
_TYPES = ("string", "integer", "number", "boolean", "object", "array", "null")


class AnnotationError(Exception):
    """A comment in values.yaml says something that cannot be."""


def split(text: str) -> tuple[str, dict[str, str]]:
    """Take a comment apart: its text, and its annotations by name."""
    words, notes = [], {}
    for line in text.splitlines():
        if not line.startswith("@"):
            words.append(line)
            continue
        match = _LINE.match(line)
        if match is None:
            raise AnnotationError(f"{line!r} is no annotation; write @name: value")
        if match["name"] in notes:
            raise AnnotationError(f"@{match['name']} is given twice")
        notes[match["name"]] = match["value"]
    return "\n".join(words).strip(), notes


def apply(schema: Schema, notes: dict[str, str]) -> None:
    """Write what the annotations say into the schema of one property."""
    for name, value in notes.items():
        rule = _RULES.get(name)
        if rule is None:
            raise AnnotationError(f"@{name} is none of {', '.join(f'@{one}' for one in _RULES)}")
        rule(schema, value)


def types(text: str) -> str | list[str]:
    """Read `string|null` as JSON schema has it: a name or a list of names."""
    names = text.split("|")
    for name in names:
        if name not in _TYPES:
            raise AnnotationError(f"{name!r} is none of the types {', '.join(_TYPES)}")
    return names[0] if len(names) == 1 else names


def _type(schema: Schema, value: str) -> None:
    schema["type"] = types(value)


def _enum(schema: Schema, value: str) -> None:
    schema["enum"] = [None if one == "null" else one for one in value.split("|")]


def _pattern(schema: Schema, value: str) -> None:
    re.compile(value)
    schema["pattern"] = value


def _number(key: str) -> Any:
    def set_number(schema: Schema, value: str) -> None:
        schema[key] = int(value)

    return set_number


def _items(schema: Schema, value: str) -> None:
    schema["items"] = {"type": types(value)}


def _values(schema: Schema, value: str) -> None:
    schema["additionalProperties"] = {"type": types(value)}


_RULES = {
    "type": _type,
    "enum": _enum,
    "pattern": _pattern,
    "min": _number("minimum"),
    "max": _number("maximum"),
    "items": _items,
    "values": _values,
}
