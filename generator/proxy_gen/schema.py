"""What is wrong with values by the chart's JSON schema, in words that name place and cure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from . import json_schema, masking
from . import values as values_module
from .errors import Problem
from .values import Values, coalesce, path_text

_TYPES = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "null",
}
_LISTED = 8
_ABSENT = object()
_DEFAULTS = "the chart's own values.yaml"


def check(values: Values, schema: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[Problem]:
    """Return everything that the schema finds wrong with ``values`` over ``defaults``.

    The places are those of the files that the values came from; sorted by file and line.
    """
    whole = coalesce(values.data, defaults)
    problems = set()
    for error in _leaves(json_schema.validator(schema).iter_errors(whole)):
        for path, what, cure in _explain(error, schema):
            file, line = values.place(path)
            if values_module.get(values.data, path, _ABSENT) is _ABSENT:
                missing = error.validator == "required"  # a null of the user's took it away
                file, line = (file, line) if missing else (_DEFAULTS, 0)
            problems.add(Problem(file, line, path_text(path), what, cure, rule="schema"))
    return sorted(problems)


def _leaves(errors: Iterator[Any]) -> Iterator[Any]:
    """Go down into ``anyOf`` and ``oneOf`` to the branch that the value was nearest to."""
    for error in errors:
        if error.validator in ("anyOf", "oneOf") and error.context:
            branches: dict[Any, list[Any]] = {}
            for inner in error.context:
                branches.setdefault(inner.schema_path[0], []).append(inner)
            deep = [
                found
                for found in branches.values()
                if all(inner.path or inner.validator != "type" for inner in found)
            ]
            if len(deep) == 1:
                yield from _leaves(iter(deep[0]))
                continue
        yield error


def _explain(
    error: Any, schema: Mapping[str, Any]
) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Yield path, what is wrong and what would be right for one error of jsonschema."""
    path = tuple(error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        known = list(error.schema.get("properties", {}))
        patterns = [re.compile(one) for one in error.schema.get("patternProperties", {})]
        for key in error.instance:
            if key not in known and not any(pattern.search(str(key)) for pattern in patterns):
                yield (*path, key), "unknown key", _suggest(str(key), path, known, schema)
        return
    if error.validator == "required":
        for key in error.validator_value:
            if key not in error.instance:
                yield (*path, key), "missing", "give it a value; null takes away the default"
        return
    explain = _EXPLAINERS.get(error.validator)
    if explain is None:
        yield path, _plain(error), _described(error)
    else:
        what, cure = explain(error)
        yield path, what, cure


def _suggest(
    key: str, path: Sequence[str | int], known: Sequence[str], schema: Mapping[str, Any]
) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    folded = [one for one in known if one.lower() == key.lower()]
    if folded or near:
        return f"did you mean {path_text([*path, (folded or near)[0]])}?"
    elsewhere = sorted(_paths_of(key, schema), key=len)
    if elsewhere:
        return f"did you mean {' or '.join(path_text(one) for one in elsewhere[:2])}?"
    if not known:
        return "remove it"
    listed = ", ".join(sorted(known)[:_LISTED])
    more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    where = path_text(path)
    return f"{where or 'the top level'} has {listed}{more}"


def _paths_of(key: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the paths at which the schema knows ``key``."""

    def walk(node: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        node = _resolve(node, schema)
        for name, child in node.get("properties", {}).items():
            if name == key:
                yield (*path, name)
            if len(path) < 8:
                yield from walk(child, (*path, name))

    yield from walk(schema, ())


def _resolve(node: Any, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    seen = 0
    while isinstance(node, Mapping) and "$ref" in node and seen < 10:
        keys = str(node["$ref"]).removeprefix("#/").split("/")
        node = values_module.get(schema, keys, {})
        seen += 1
    return node if isinstance(node, Mapping) else {}


def _explain_type(error: Any) -> tuple[str, str]:
    wanted = error.validator_value
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    what = f"{_seen(error)}, but it must be {_either(names)}"
    return what, _cure_of_type(error.instance, names) or f"write {_either(names)} here"


def _cure_of_type(value: Any, names: Sequence[str]) -> str:
    if isinstance(value, str):
        if {"integer", "number"} & set(names) and re.fullmatch(r"-?\d+(\.\d+)?", value.strip()):
            return f"write {value.strip()} without quotes (with --set, not --set-string)"
        if "boolean" in names and value.lower() in ("true", "false", "yes", "no", "on", "off"):
            right = "true" if value.lower() in ("true", "yes", "on") else "false"
            return f"write {right} without quotes"
        if "array" in names:
            return "write it as a list: one line that begins with - for each item"
        if "object" in names:
            return "write `key: value` lines below it"
    if "string" in names and isinstance(value, bool):
        return "put it in quotes: without them YAML reads yes, no, on and off as true and false"
    if "string" in names and isinstance(value, int | float):
        return "put it in quotes"
    if "array" in names and isinstance(value, Mapping):
        return "write it as a list: one line that begins with - for each item"
    if "object" in names and isinstance(value, list):
        return "write `key: value` lines, without the leading -"
    if value is None:
        return "leave the key out, or give it a value"
    return ""


def _explain_enum(error: Any) -> tuple[str, str]:
    allowed = [_written(one) for one in error.validator_value]
    near = difflib.get_close_matches(str(error.instance), allowed, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{_seen(error)} is not allowed", f"{hint}it is one of {', '.join(allowed)}"


def _explain_pattern(error: Any) -> tuple[str, str]:
    what = f"{_seen(error)} does not have the right form"
    return what, f"it must match {error.validator_value}{_after(_described(error))}"


def _explain_limit(error: Any) -> tuple[str, str]:
    words = {
        "minimum": "at least",
        "maximum": "at most",
        "exclusiveMinimum": "more than",
        "exclusiveMaximum": "less than",
        "multipleOf": "a multiple of",
    }
    limit = f"{words[error.validator]} {error.validator_value}"
    return f"{_seen(error)} is out of range", f"it must be {limit}"


def _explain_length(error: Any) -> tuple[str, str]:
    count = len(error.instance)
    thing = "characters" if isinstance(error.instance, str) else "entries"
    least = str(error.validator).startswith("min")
    limit = f"{'at least' if least else 'at most'} {error.validator_value}"
    return f"it has {count} {thing}", f"it must have {limit}"


def _explain_any(error: Any) -> tuple[str, str]:
    names = [
        str(name)
        for branch in error.validator_value
        for name in ([branch["type"]] if isinstance(branch.get("type"), str) else [])
    ]
    wanted = f"it must be {_either(names)}" if names else "none of the allowed forms fits"
    return f"{_seen(error)}, but {wanted}", _described(error) or "see the values reference"


def _explain_not(error: Any) -> tuple[str, str]:
    return "not allowed here", _described(error) or "remove it"


_EXPLAINERS: dict[str, Callable[[Any], tuple[str, str]]] = {
    "type": _explain_type,
    "enum": _explain_enum,
    "const": lambda error: (
        f"{_seen(error)} is not allowed",
        f"it must be {_written(error.validator_value)}",
    ),
    "pattern": _explain_pattern,
    "minimum": _explain_limit,
    "maximum": _explain_limit,
    "exclusiveMinimum": _explain_limit,
    "exclusiveMaximum": _explain_limit,
    "multipleOf": _explain_limit,
    "minLength": _explain_length,
    "maxLength": _explain_length,
    "minItems": _explain_length,
    "maxItems": _explain_length,
    "minProperties": _explain_length,
    "maxProperties": _explain_length,
    "anyOf": _explain_any,
    "oneOf": _explain_any,
    "not": _explain_not,
}


def _plain(error: Any) -> str:
    message = str(error.message)
    return message if len(message) < 200 else f"breaks the schema's rule {error.validator!r}"


def _described(error: Any) -> str:
    """Return the first sentence of the option's own text."""
    text = " ".join(str(error.schema.get("description", "")).split())
    sentence = re.split(r"(?<=\.)\s", text, maxsplit=1)[0] if text else ""
    return sentence.rstrip(".")


def _after(text: str) -> str:
    return f" ({text})" if text else ""


def _either(names: Sequence[str]) -> str:
    return " or ".join(_TYPES.get(name, name) for name in names)


def _seen(error: Any) -> str:
    value = error.instance
    if masking.is_secret(tuple(error.absolute_path), value):
        return "this value"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = _written(value)
    if len(text) > 40 or "\n" in text:  # long texts may be keys and certificates
        return "a long text"
    return text


def _written(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)
