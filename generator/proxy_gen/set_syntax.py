"""The syntax of ``--set``, ``--set-string``, ``--set-json`` and ``--set-file``, as Helm has it.

``a.b=c,d=e`` sets two values; ``\\.`` and ``\\,`` are a dot in a key and a comma in a value;
``a[0].b=c`` sets an item of a list; ``a={x,y}`` is a list; ``a=`` is an empty text. ``--set`` reads
``true``, ``false``, ``null`` and integers without a leading zero, everything else is a text.
Source: https://helm.sh/docs/intro/using_helm/#the-format-and-limitations-of---set
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import UsageError

# Helm's limits; they keep a slip of the finger from filling the memory.
_MAX_INDEX = 65536
_MAX_DEPTH = 30

_INTEGER = re.compile(r"0|[-+][0-9]+|[1-9][0-9]*")
_END = ""


def apply_set(text: str, target: dict[str, Any]) -> None:
    """Set what ``text`` says in ``target``; values are typed. Raises UsageError."""
    _Parser("--set", text, typed).parse(target)


def apply_set_string(text: str, target: dict[str, Any]) -> None:
    """Set what ``text`` says in ``target``; every value is a text. Raises UsageError."""
    _Parser("--set-string", text, str).parse(target)


def apply_set_json(text: str, target: dict[str, Any]) -> None:
    """Set what ``text`` says in ``target``; every value is JSON. Raises UsageError."""
    _Parser("--set-json", text, None).parse(target)


def apply_set_file(text: str, target: dict[str, Any]) -> None:
    """Set what ``text`` says in ``target``; each value is a file's text. Raises UsageError."""
    _Parser("--set-file", text, _read).parse(target)


def typed(text: str) -> Any:
    """Return the value that ``--set`` sees in ``text``."""
    lowered = text.lower()
    if lowered in ("true", "false"):
        return lowered == "true"
    if lowered == "null":
        return None
    if _INTEGER.fullmatch(text) and -(2**63) <= int(text) < 2**63:
        return int(text)
    return text


def _read(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"--set-file: {name}: is no text; name a file in UTF-8") from error
    except OSError as error:
        raise UsageError(
            f"--set-file: {name}: cannot be read ({error.strerror}); check the path"
        ) from error


class _Parser:
    """Reads one option's text from left to right; ``read`` turns a value's text into the value."""

    def __init__(self, option: str, text: str, read: Callable[[str], Any] | None) -> None:
        self.option = option
        self.text = text
        self.read = read
        self.at = 0

    def parse(self, target: dict[str, Any]) -> None:
        while self.at < len(self.text):
            self._key(target, 0)

    def _fail(self, what: str) -> UsageError:
        return UsageError(f"{self.option} {self.text}: {what}")

    def _until(self, stops: str) -> tuple[str, str]:
        """Read up to one of ``stops``; a backslash takes the next character as it is."""
        taken: list[str] = []
        while self.at < len(self.text):
            character = self.text[self.at]
            self.at += 1
            if character in stops:
                return "".join(taken), character
            if character == "\\" and self.at < len(self.text):
                character = self.text[self.at]
                self.at += 1
            taken.append(character)
        return "".join(taken), _END

    def _key(self, target: dict[str, Any], depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise self._fail(f"nested deeper than {_MAX_DEPTH}")
        key, stop = self._until("=[,.")
        if stop in (_END, ","):
            raise self._fail(f"{key!r} has no value; write {key or 'key'}=value")
        if stop == "=":
            value = self._value()
        elif stop == "[":
            value = self._items(target.get(key, []), self._index(), key, depth)
        else:
            value = target.get(key, {})
            if not isinstance(value, dict):
                raise self._fail(f"{key!r} is not a mapping, so nothing can be set in it")
            self._key(value, depth + 1)
            if not value:
                raise self._fail(f"nothing is set in {key!r}; write a.b=value")
        if key:
            target[key] = value

    def _index(self) -> int:
        text, stop = self._until("]")
        if not stop or not re.fullmatch(r"[0-9]+", text):
            raise self._fail(f"{text!r} is no index; write name[0]=value")
        if int(text) > _MAX_INDEX:
            raise self._fail(f"index {text} is greater than {_MAX_INDEX}")
        return int(text)

    def _items(self, items: Any, index: int, key: str, depth: int) -> list[Any]:
        if items is None:
            items = []
        if not isinstance(items, list):
            raise self._fail(f"{key!r} is not a list, so it has no item {index}")
        rest, stop = self._until("[.=")
        if rest or not stop:
            raise self._fail(f"unexpected {rest!r} after ]; write name[0]=value")
        former = items[index] if index < len(items) else None
        if stop == "=":
            value = self._value()
        elif stop == "[":
            value = self._items(former, self._index(), key, depth)
        else:
            value = former if isinstance(former, dict) else {}
            self._key(value, depth + 1)
        filled = list(items) + [None] * (index + 1 - len(items))
        filled[index] = value
        return filled

    def _value(self) -> Any:
        if self.read is None:
            return self._json()
        if self.text[self.at : self.at + 1] != "{":
            text, _ = self._until(",")
            return self.read(text)
        self.at += 1
        return self._list(self.read)

    def _list(self, read: Callable[[str], Any]) -> list[Any]:
        values: list[Any] = []
        while True:
            text, stop = self._until(",}")
            if not stop:
                raise self._fail("the list does not end; write name={a,b}")
            values.append(read(text))  # {} is a list of one empty text, as in Helm
            if stop == "}":
                if self.text[self.at : self.at + 1] == ",":
                    self.at += 1
                return values

    def _json(self) -> Any:
        self._skip_blanks()
        if self.at >= len(self.text) or self.text[self.at] == ",":
            self.at += 1
            return None
        try:
            value, self.at = json.JSONDecoder().raw_decode(self.text, self.at)
        except json.JSONDecodeError as error:
            raise self._fail(f"no JSON at character {error.pos + 1}: {error.msg}") from error
        self._skip_blanks()
        if self.text[self.at : self.at + 1] == ",":
            self.at += 1
        return value

    def _skip_blanks(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
