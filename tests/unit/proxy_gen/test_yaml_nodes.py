"""The nodes of YAML: what cannot be values, and where a path is. More cases in test_values."""

import pytest

from proxy_gen import yaml_nodes, yaml_text

TEXT = """\
a:
  list:
  - x: 1
  - {x: 2, z: 3}
on: 4
"""


@pytest.fixture
def node():
    return yaml_text.compose(TEXT)[1]


@pytest.mark.parametrize(
    ("path", "found", "line"),
    [
        ((), 0, 0),
        (("a",), 1, 1),
        (("a", "list", 1, "z"), 4, 4),
        (("a", "list", 5), 2, 2),
        (("a", "absent", "x"), 1, 1),
        (("true",), 1, 5),
        (("absent",), 0, 0),
    ],
)
def test_locate(node, path, found, line):
    assert yaml_nodes.locate(node, path) == (found, line)


def test_good_nodes(node):
    assert yaml_nodes.problems(node, "v.yaml") == []


def test_anchors_are_looked_at_once():
    seen = []
    text = "a: &a {x: 1, x: 2}\nb: *a\nc: *a\n"
    yaml_text.compose(text, look=lambda node: seen.extend(yaml_nodes.problems(node, "v.yaml")))
    assert [one.path for one in seen] == ["a.x"]
