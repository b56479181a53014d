"""Every refusal of templates/validate.yaml: right place, what is wrong, and the cure."""

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


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_refusal(case):
    found = {path: (what, cure) for path, what, cure in lines_of(case["values"])}
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
    texts = [line for case in CASES for line in map(": ".join, _halves(case))]
    for rule in rules:
        fixed = max(re.split(r"\{\{.*?\}\}", rule.partition(": ")[2]), key=len).strip()
        assert any(fixed in text for text in texts), f"no case for the rule: {rule}"


def _halves(case):
    return [(path, f"{what}; {cure}") for path, what, cure in lines_of(case["values"])]


def test_what_z2jh_turns_off_is_accepted():
    off = {
        "prePuller": {"hook": {"enabled": False}, "continuous": {"enabled": False}},
        "scheduling": {"userScheduler": {"enabled": False}, "userPlaceholder": {"enabled": False}},
        "proxy": {"https": {"enabled": False, "hosts": ["hub.example.org"]}},
        "httpRoute": {"enabled": False},
    }
    assert render(off).has("Deployment", "proxy")
