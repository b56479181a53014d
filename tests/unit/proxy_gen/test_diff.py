"""Differences by object and field; secrets masked."""

import base64

import pytest

from proxy_gen import diff, stream, yaml_text


def document(kind="Deployment", name="hub", **content):
    data = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **content}
    return stream.split(yaml_text.dump(data))[0]


def fields(old, new, kind="Deployment"):
    found = diff.compare([document(kind, **old)], [document(kind, **new)])
    return [(one.path, one.state, one.old, one.new) for one in found]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("spec.a", "changed", "1", "2")]),
        ({"a": 1}, {"a": True}, [("spec.a", "changed", "1", "true")]),
        ({"a": 1}, {"a": "1"}, [("spec.a", "changed", "1", "1")]),
        ({"a": 1}, {}, [("spec.a", "removed", "1", "")]),
        ({}, {"a": {"b": 1}}, [("spec.a", "added", "", '{"b": 1}')]),
        ({"a": [1, 2]}, {"a": [1, 3]}, [("spec.a[1]", "changed", "2", "3")]),
        ({"a.b/c": 1}, {"a.b/c": 2}, [('spec."a.b/c"', "changed", "1", "2")]),
    ],
)
def test_fields(old, new, found):
    assert fields({"spec": old}, {"spec": new}) == found


def test_list_items_are_matched_by_name():
    old = {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}
    new = {"env": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}]}
    assert fields({"spec": old}, {"spec": new}) == [
        ("spec.env[A]", "removed", '{"name": "A", "value": "1"}', ""),
        ("spec.env[B].value", "changed", "2", "3"),
        ("spec.env[C]", "added", "", '{"name": "C", "value": "4"}'),
    ]


def test_items_with_the_same_name_are_matched_by_position():
    old = {"ports": [{"name": "a", "n": 1}, {"name": "a", "n": 2}]}
    new = {"ports": [{"name": "a", "n": 1}, {"name": "a", "n": 3}]}
    assert fields({"spec": old}, {"spec": new}) == [("spec.ports[1].n", "changed", "2", "3")]


def test_whole_objects():
    old, new = [document(name="a")], [document(name="b")]
    assert [(one.object, one.path, one.state) for one in diff.compare(old, new)] == [
        ("Deployment/a", "", "removed"),
        ("Deployment/b", "", "added"),
    ]


def b64(text):
    return base64.b64encode(text.encode()).decode()


def test_secrets_are_masked_everywhere():
    old = {
        "data": {"x": b64("geheim1"), "gone": b64("geheim2")},
        "stringData": {"y": "geheim3"},
    }
    new = {"data": {"x": b64("geheim4"), "more": b64("geheim5")}, "stringData": {"y": "geheim6"}}
    found = diff.compare([document("Secret", **old)], [document("Secret", **new)])
    shown = repr(found) + diff.text(found)
    assert len(found) == 4
    assert "geheim" not in shown
    assert not any(b64(f"geheim{number}") in shown for number in range(1, 7))
    assert "data.x: (changed)" in shown


def test_a_whole_secret_map_is_masked():
    found = diff.compare([document("Secret")], [document("Secret", data={"x": b64("geheim")})])
    assert b64("geheim") not in repr(found)


def test_values_in_a_secret_are_named_but_not_shown():
    old = b64("hub: {db: {password: geheim1}, n: 1}\n")
    new = b64("hub: {db: {password: geheim2}, n: 1, added: geheim3}\n")
    found = diff.compare(
        [document("Secret", data={"values.yaml": old})],
        [document("Secret", data={"values.yaml": new})],
    )
    text = diff.text(found)
    assert 'data."values.yaml": (changed: hub.added, hub.db.password)' in text
    assert "geheim" not in text + repr(found)


def test_secret_environment_is_masked():
    old = {"env": [{"name": "DB_PASSWORD", "value": "geheim1"}]}
    new = {"env": [{"name": "DB_PASSWORD", "value": "geheim2"}]}
    assert fields({"spec": old}, {"spec": new}) == [
        ("spec.env[DB_PASSWORD].value", "changed", "(secret)", "(secret)")
    ]


def test_long_texts_are_shown_as_a_diff():
    found = diff.compare(
        [document("ConfigMap", data={"t.toml": "a = 1\nb = 2\n"})],
        [document("ConfigMap", data={"t.toml": "a = 1\nb = 3\n"})],
    )
    assert found[0].lines == ("@@ -1,2 +1,2 @@", " a = 1", "-b = 2", "+b = 3")
    assert "      +b = 3\n" in diff.text(found)


def test_checksums_are_not_shown():
    old = {"annotations": {"checksum/x": "1" * 64}}
    new = {"annotations": {"checksum/x": "2" * 64}}
    found = diff.compare([document(spec=old)], [document(spec=new)])
    assert diff.text(found) == "Deployment/hub\n  ~ spec.annotations.checksum/x: (changed)\n"


def test_colours_only_when_asked():
    found = diff.compare([], [document()])
    assert "\033" not in diff.text(found)
    assert "\033[32m" in diff.text(found, colour=True)
