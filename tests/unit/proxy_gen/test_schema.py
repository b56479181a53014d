"""What the schema finds wrong is told with path, line, reason and cure."""

import pytest

from proxy_gen import schema
from proxy_gen.values import Values, parse

SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "replicas": {"type": "integer", "minimum": 1, "maximum": 9},
        "kind": {"enum": ["traefik-etcd", "chp"]},
        "name": {"type": ["string", "null"], "description": "A name. More words."},
        "flag": {"type": "boolean"},
        "list": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
        "map": {"$ref": "#/$defs/map"},
        "time": {"type": "string", "pattern": "^[0-9]+s$"},
        "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        "password": {"type": "string"},
        "needed": {"type": "object", "required": ["x"], "properties": {"x": {}}},
    },
    "$defs": {
        "map": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"dashboard": {"type": "object"}, "replicaCount": {}},
        }
    },
}


def check(text, defaults=None):
    source = parse(text, "v.yaml")
    return schema.check(Values(source.data, (source,)), SCHEMA, defaults or {})


@pytest.mark.parametrize(
    ("text", "path", "what", "cure"),
    [
        ("replica: 1", "replica", "unknown key", "did you mean replicas?"),
        ("Replicas: 1", "Replicas", "unknown key", "did you mean replicas?"),
        ("dashboard: {}", "dashboard", "unknown key", "did you mean map.dashboard?"),
        ("map: {xyz: 1}", "map.xyz", "unknown key", "map has dashboard, replicaCount"),
        ('replicas: "2"', "replicas", "must be a whole number", "write 2 without quotes"),
        ("replicas: 0", "replicas", "out of range", "at least 1"),
        ("replicas: 10", "replicas", "out of range", "at most 9"),
        ("replicas: 1.5", "replicas", "must be a whole number", ""),
        ("kind: chq", "kind", "not allowed", 'did you mean "chp"?'),
        ("kind: x", "kind", "not allowed", '"traefik-etcd", "chp"'),
        ("name: 1.0", "name", "must be a text or null", "put it in quotes"),
        ('flag: "yes"', "flag", "must be true or false", "write true without quotes"),
        ("list: a", "list", "must be a list", "begins with -"),
        ("list: {a: 1}", "list", "must be a list", "begins with -"),
        ("list: [a, b, c]", "list", "3 entries", "at most 2"),
        ("list: [a, 1]", "list[1]", "must be a text", "put it in quotes"),
        ("map: [a]", "map", "must be a mapping", "without the leading -"),
        ("map: x", "map", "must be a mapping", "key: value"),
        ("time: 5m", "time", "right form", "^[0-9]+s$"),
        ("either: []", "either", "must be a text or a whole number", ""),
        ("needed: {}", "needed.x", "missing", "give it a value"),
    ],
)
def test_one_problem(text, path, what, cure):
    (found,) = check(text)
    assert (found.file, found.line, found.path) == ("v.yaml", 1, path)
    assert what in found.what
    assert cure in found.cure


def test_all_problems_sorted_by_line():
    found = check("kind: x\nreplica: 1\nlist: a\n")
    assert [(one.line, one.path) for one in found] == [(1, "kind"), (2, "replica"), (3, "list")]


def test_valid_values_have_no_problems():
    assert check("replicas: 2\nname: null\nmap: {dashboard: {}}\n") == []


def test_null_takes_a_default_away():
    assert check("flag: null\n", {"flag": True}) == []


def test_secret_is_not_shown():
    (found,) = check("password: 12345678\n")
    assert "12345678" not in str(found)
    assert "must be a text" in found.what


def test_wrong_default_is_not_blamed_on_the_user():
    (found,) = check("flag: true\n", {"replicas": "x"})
    assert found.file == "the chart's own values.yaml"
