"""Every refusal of templates/validate.yaml: right place, what is wrong, and the cure."""

import functools
import re
from pathlib import Path

import pytest
import yaml
from tests.support.chart import CHART, RenderError, render

EXISTING = CHART / "templates/_validate-existing.tpl"
CASES = yaml.safe_load(Path(__file__).with_name("refusals.yaml").read_text())


def lines_of(values):
    """The lines of a refusal: (path, what is wrong, cure)."""
    with pytest.raises(RenderError) as refusal:
        render(values)
    head, _, body = str(refusal.value).partition("these values do not fit together:\n")
    assert "templates/validate.yaml" in head
    lines = body.partition("\n\n")[0].splitlines()
    matches = [re.fullmatch(r"([\w.\[\]-]+): (\S[^;]*); (\S.*)", line) for line in lines]
    assert lines
    assert all(matches), lines
    return [match.groups() for match in matches]


@functools.cache
def lines_of_case(number):
    """The lines of a case; each is rendered once for both tests."""
    return lines_of(CASES[number]["values"])


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case["name"] for case in CASES])
def test_refusal(number):
    case = CASES[number]
    found = {path: (what, cure) for path, what, cure in lines_of_case(number)}
    assert case["path"] in found
    what, cure = found[case["path"]]
    assert case["what"] in what
    assert case["cure"] in cure


def test_one_problem_is_one_line():
    assert len(lines_of({"proxy": {"etcd": {"replicas": 2}}})) == 1


def test_all_problems_at_once():
    values = {
        "proxy": {"etcd": {"replicas": 2}, "traefik": {"api": {"password": "x"}}},
        "prePuller": {"hook": {"enabled": True}},
        "hub": {"db": {"type": "mysql"}},
    }
    assert [path for path, _, _ in lines_of(values)] == [
        "prePuller.hook.enabled",
        "proxy.traefik.api.password",
        "proxy.etcd.replicas",
        "hub.db.url",
    ]


# What needs the Secrets of a cluster to be refused, and is tested in test_etcd.py.
OVER_A_CLUSTER = ("proxy.etcd.auth.rootPassword: is not the one that etcd has",)


def test_every_rule_has_a_case():
    """A line of a rule without a case here is found by the fixed words in its path's place."""
    # What exists in a cluster is refused in test_in_place.py.
    files = sorted({*CHART.glob("templates/_validate-*.tpl")} - {EXISTING})
    templates = [file.read_text() for file in files]
    rules = [
        line
        for text in templates
        for line in text.splitlines()
        if re.match(r"[^\s{].*: .*; ", line) or re.match(r"\{\{ [$.][^}]*\}\}[^:]*: .*; ", line)
        if not line.startswith(OVER_A_CLUSTER)
    ]
    assert len(rules) > 45
    texts = [
        f"{path}: {what}; {cure}"
        for number in range(len(CASES))
        for path, what, cure in lines_of_case(number)
    ]
    for rule in rules:
        fixed = max(re.split(r"\{\{.*?\}\}", rule.partition(": ")[2]), key=len).strip()
        assert any(fixed in text for text in texts), f"no case for the rule: {rule}"
