"""Scalars are resolved as Helm's YAML does, not as PyYAML does."""

import pytest
import yaml

from proxy_gen import yaml_text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("y", True),
        ("No", False),
        ("on", True),
        ("2026-01-01", "2026-01-01"),
        ("1:30", "1:30"),
        ("1e3", 1000.0),
        ("0644", 420),
        ("0o17", 15),
        ("08", 8.0),
        ("1_000", 1000),
        ("0x1f", 31),
        ("-0b11", -3),
        (".5", 0.5),
        ("=", "="),
        ("~", None),
        ('"1"', "1"),
        ("v1.2.3", "v1.2.3"),
        ("1.2.3", "1.2.3"),
        ("+1", 1),
    ],
)
def test_scalars(text, value):
    found = yaml_text.load(text)
    assert found == value
    assert type(found) is type(value)


def test_keys_are_texts():
    assert yaml_text.load("{1: a, true: b, ~: c, 2.0: d}") == {
        "1": "a",
        "true": "b",
        "null": "c",
        "2": "d",
    }


def test_compose_knows_lines():
    data, node = yaml_text.compose("a: 1\nb: 2\n")
    assert data == {"a": 1, "b": 2}
    assert [key.start_mark.line for key, _ in node.value] == [0, 1]


def test_compose_refuses_two_documents():
    with pytest.raises(yaml.YAMLError):
        yaml_text.compose("a: 1\n---\nb: 1\n")


def test_load_all_leaves_empty_documents_out():
    assert yaml_text.load_all("---\na: 1\n---\n# nothing\n---\nb: 1\n") == [{"a": 1}, {"b": 1}]


def test_dump_writes_literal_blocks_and_reads_back():
    data = {"pem": "-----BEGIN\nabc\n-----END\n", "list": ["y", "1", 1, True], "again": []}
    text = yaml_text.dump(data)
    assert "pem: |\n" in text
    assert yaml_text.load(text) == data
