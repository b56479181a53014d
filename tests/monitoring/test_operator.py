"""The Prometheus Operator's own types take what the chart renders for it, field by field."""

import subprocess

import pytest
from tests.chart.golden import EXAMPLES
from tests.support.chart import render
from tests.support.processes import TOOLS_BIN

from proxy_gen import yaml_text

KINDS = {"PodMonitor", "PrometheusRule"}
EVERYTHING = {
    "podMonitor": {
        "enabled": True,
        "scrapeTimeout": "5s",
        "annotations": {"a": "b"},
        "relabelings": [{"targetLabel": "cluster", "replacement": "one"}],
        "metricRelabelings": [{"sourceLabels": ["code"], "regex": "1..", "action": "drop"}],
        "hubAuthorization": {"credentials": {"name": "mine", "key": "token"}},
    },
    "prometheusRule": {
        "enabled": True,
        "additionalGroups": [{"name": "g", "rules": [{"record": "a:b", "expr": "vector(1)"}]}],
    },
}


def check(objects):
    """Exit status and words of the Operator's types."""
    text = "\n---\n".join(yaml_text.dump(one) for one in objects)
    done = subprocess.run(
        [TOOLS_BIN / "operator-check"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stderr


@pytest.fixture(scope="module")
def objects():
    made = render({"monitoring": EVERYTHING}).objects
    return [one for one in made if one["kind"] in KINDS]


def test_everything_is_known_to_the_operator(objects):
    assert len(objects) == 4
    assert check(objects) == (0, "")


def test_the_example_is_known_to_the_operator():
    (example,) = (file for file in EXAMPLES if file.stem == "monitoring")
    values = yaml_text.load(example.read_text())
    made = [one for one in render(values).objects if one["kind"] in KINDS]
    assert len(made) == 4
    assert check(made) == (0, "")


def test_a_field_that_the_operator_does_not_know_is_found(objects):
    wrong = {**objects[0], "spec": {**objects[0]["spec"], "jobLable": "component"}}
    code, words = check([wrong, *objects[1:]])
    assert code == 1
    assert "jobLable" in words
