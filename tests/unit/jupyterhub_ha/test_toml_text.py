"""What is written as TOML is read back as it was."""

from __future__ import annotations

import tomllib

import pytest

from jupyterhub_ha.toml_text import toml_document, toml_key, toml_value

VALUES = [
    "plain",
    "",
    'quotes " and \\ and `ticks`',
    "lines\nand\ttabs\r",
    "ü 一 😀",
    "\x00\x1f\x7f\x85\u2028\u2029\ufeff\uffff",
    "{{ env `HOME` }} {{{",
    0,
    -7,
    2.5,
    True,
    False,
    [],
    ["a", 1, {"b": ["c"]}],
    {},
    {"a": {"b": {"c": "d"}}, "with space": 1, "": 2},
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_come_back(value: object) -> None:
    line = "x = " + toml_value(value)
    assert tomllib.loads(line) == {"x": value}
    assert "\n" not in line


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_go_finds_no_template(value: object) -> None:
    assert "{{" not in toml_value(value)


def test_half_a_character_is_written_as_unknown() -> None:
    assert tomllib.loads("x = " + toml_value("a\ud800b")) == {"x": "a\ufffdb"}


@pytest.mark.parametrize(("name", "expected"), [("a-b_1", "a-b_1"), ("a.b", '"a.b"'), ("", '""')])
def test_keys_are_quoted_where_they_must_be(name: str, expected: str) -> None:
    assert toml_key(name) == expected


def test_a_document_comes_back() -> None:
    document = {
        "top": 1,
        "api": {},
        "entryPoints": {"http": {"address": ":80", "http": {"sanitizePath": False}}},
        "list": [{"a": 1}, {"b": "c"}],
        "a.b": {"c d": {"e": ["f"]}},
    }
    assert tomllib.loads(toml_document(document)) == document
