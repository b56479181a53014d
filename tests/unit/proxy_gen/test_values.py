"""Values files: places, duplicates, merging, the --set family."""

import json

import pytest

from proxy_gen import values
from proxy_gen.errors import ProblemsError, UsageError
from proxy_gen.values import Overrides


def problems_of(text):
    with pytest.raises(ProblemsError) as refusal:
        values.parse(text, "v.yaml")
    return refusal.value.problems


@pytest.mark.parametrize(
    ("base", "over", "merged"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}}, {"a": {"x": 1, "y": 3}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"x": 1}}, {"a": None}, {"a": None}),
        ({"a": None}, {"a": {"x": 1}}, {"a": {"x": 1}}),
        ({"a": {"x": 1}}, {"a": 5}, {"a": 5}),
        ({"a": 5}, {"a": {"x": 1}}, {"a": {"x": 1}}),
    ],
)
def test_merge(base, over, merged):
    before = json.dumps([base, over])
    assert values.merge(base, over) == merged
    assert json.dumps([base, over]) == before, "the input was changed"


@pytest.mark.parametrize(
    ("given", "defaults", "seen"),
    [
        ({}, {"a": 1}, {"a": 1}),
        ({"a": None}, {"a": 1, "b": 2}, {"b": 2}),
        ({"a": {"x": None}}, {"a": {"x": 1, "y": 2}}, {"a": {"y": 2}}),
        ({"a": 5}, {"a": {"x": 1}}, {"a": 5}),
        ({"new": None}, {}, {"new": None}),
    ],
)
def test_coalesce(given, defaults, seen):
    assert values.coalesce(given, defaults) == seen


def test_files_merge_in_order_and_options_win(tmp_path):
    first, second, secret = (tmp_path / name for name in ("1.yaml", "2.yaml", "s.yaml"))
    first.write_text("a: 1\nb: {x: 1}\nc: [1, 2]\n")
    second.write_text("b: {z: 2}\nc: [3]\nd: file\n")
    secret.write_text("a: 9\n")
    overrides = Overrides(set=["d=set,e.f=1"], set_string=["e.f=1"], set_json=['g={"h":[1]}'])
    found = values.read([first, second], overrides, secrets=secret)
    assert found.data == {
        "a": 9,
        "b": {"x": 1, "z": 2},
        "c": [3],
        "d": "set",
        "e": {"f": "1"},
        "g": {"h": [1]},
    }


def test_place_is_the_last_file_that_sets_it(tmp_path):
    first, second = tmp_path / "1.yaml", tmp_path / "2.yaml"
    first.write_text("a:\n  b: 1\n  list:\n  - x: 1\n  - x: 2\n")
    second.write_text("\n\na:\n  c: 1\n")
    found = values.read([first, second])
    assert found.place(("a", "b")) == (str(first), 2)
    assert found.place(("a", "c")) == (str(second), 4)
    assert found.place(("a", "list", 1, "x")) == (str(first), 5)
    assert found.place(("a", "absent")) == (str(second), 3)


def test_keys_that_are_the_same_boolean():
    (found,) = problems_of("a: {on: 1, y: 2}\n")
    assert found.path == "a.true"
    assert "put the key in quotes" in found.cure


def test_place_of_an_option():
    found = values.read([], Overrides(set=["a.b=1"]))
    assert found.place(("a", "b")) == ("--set", 0)


def test_every_duplicate_is_told():
    found = problems_of("a: 1\nb:\n  c: 1\n  c: 2\na: 2\n")
    assert [(p.line, p.path) for p in found] == [(4, "b.c"), (5, "a")]
    assert "the first is in line 3" in found[0].what


def test_keys_may_repeat_in_merges():
    text = "base: &base {x: 1}\na:\n  <<: *base\n  x: 2\n"
    assert values.parse(text, "v.yaml").data["a"] == {"x": 2}


@pytest.mark.parametrize(
    ("text", "line", "cure"),
    [
        ("a:\n\tb: 1\n", 2, "spaces"),
        ("a: *x\n", 1, "anchor"),
        ("a: 1\n---\nb: 2\n", 2, "one document"),
        ("a: [1,\n", 1, "check"),
        ("- 1\n", 1, "key: value"),
        ("just a text\n", 1, "key: value"),
        ("a: b: c\n", 1, "colons"),
        ("a: 1\nb: \x01\n", 2, "remove it"),
        ("a: !!python/object:os.system x\n", 1, "remove the tag"),
        ("? [a]\n: b\n", 1, "a text before the colon"),
        ("a: {b: 1}\nx: &x {y: [*x]}\n", 2, "write out what it is"),
        ("a: .nan\n", 1, "give a number"),
        ("a: " + "[" * 3000 + "]" * 3000, 1, "no value is below"),
        ("a: [1, -.inf]\n", 1, "give a number"),
        (
            "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
            + "".join(f"{x}: &{x} [{','.join([f'*{chr(ord(x) - 1)}'] * 10)}]\n" for x in "bcdefgh"),
            1,
            "what is really needed",
        ),
    ],
)
def test_bad_yaml(text, line, cure):
    (found,) = problems_of(text)
    assert (found.file, found.line) == ("v.yaml", line)
    assert cure in found.cure


def test_all_files_problems_at_once(tmp_path):
    for name in ("1.yaml", "2.yaml"):
        (tmp_path / name).write_text("a: 1\na: 2\n")
    with pytest.raises(ProblemsError) as refusal:
        values.read([tmp_path / "1.yaml", tmp_path / "2.yaml"])
    assert len(refusal.value.problems) == 2


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        values.read([tmp_path / "absent.yaml"])
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9\n")
    with pytest.raises(UsageError, match="not UTF-8"):
        values.read([tmp_path / "latin.yaml"])


def test_empty_file():
    assert values.parse("# nothing\n", "v.yaml").data == {}


def test_json_has_go_numbers():
    assert json.loads(values.Values({"a": 1.0, "b": [1e3], "c": 1.5}).to_json()) == {
        "a": 1,
        "b": [1000],
        "c": 1.5,
    }
    assert "1.0" not in values.Values({"a": 1.0}).to_json()


@pytest.mark.parametrize("path", [("a", "b"), ("a", 0, "b"), ("x.y", "z"), ("a", 1, 2), ("k",)])
def test_paths_are_read_back(path):
    assert values.path_keys(values.path_text(path)) == path


def test_set_on_a_text_names_the_key(tmp_path):
    (tmp_path / "v.yaml").write_text("a: text\n")
    with pytest.raises(UsageError, match="'a' is not a mapping"):
        values.read([tmp_path / "v.yaml"], Overrides(set=["a.b=1"]))
