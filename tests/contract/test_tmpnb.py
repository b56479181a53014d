"""Temporary notebooks: what the values say is what the hub and Prometheus get to know."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest
import yaml
from jupyterhub.roles import get_default_roles
from prometheus_client import REGISTRY
from tests.chart.test_hub_values_used import SCHEMA, RecordingValues, another, leaves, nested
from tests.chart.test_refusals import lines_of
from tests.chart.test_tmpnb import DEFAULTS, LEAST
from tests.support.chart import CHART, ROOT, render
from traitlets.config import Config

from jupyterhub_ha import tmpnb_metrics
from jupyterhub_ha.configure_spawner import configure_spawner
from jupyterhub_ha.configure_tmpnb import configure_tmpnb
from jupyterhub_ha.tmpnb_authenticator import TemporaryAuthenticator
from jupyterhub_ha.tmpnb_size import Sizes
from jupyterhub_ha.values import merge

# What is below these is of pods of their own: tests/chart/test_share.py, test_tmpnb_static.py.
OPTIONS = {
    path: schema
    for path, schema in leaves(SCHEMA["properties"]["tmpnb"], "tmpnb").items()
    if not path.startswith(("tmpnb.share.", "tmpnb.static.")) or path == "tmpnb.share.enabled"
}
SAMPLES = {"tmpnb.sandbox.disk": "3G", "tmpnb.pool.quiet.hours": ["1-2"]}


def configured(values: dict[str, Any]) -> Config:
    c = Config()
    seen = RecordingValues(merge(merge(DEFAULTS, LEAST), values))
    configure_spawner(c, seen)
    configure_tmpnb(c, seen)
    # It follows from values of all kinds, whatever else these do.
    c.TemporaryAuthenticator.pop("spec", None)
    return c


@cache
def by_default() -> Config:
    return configured({})


@pytest.mark.parametrize("path", sorted(OPTIONS))
def test_every_option_changes_what_the_hub_does(path: str) -> None:
    schema = OPTIONS[path]
    value = SAMPLES.get(path)
    if path == "tmpnb.enabled":
        value = False
    elif value is None:
        value = another(path, schema, schema.get("default"))
    assert configured(nested(path, value)) != by_default()


def test_the_authenticator_s_own_defaults_are_those_of_the_values() -> None:
    """For who uses it without the chart; texts aside."""
    given = by_default().TemporaryAuthenticator
    own = TemporaryAuthenticator()
    numbers = {name: v for name, v in given.items() if isinstance(v, int | float)}
    assert len(numbers) >= 8
    assert {name: getattr(own, name) for name in numbers} == numbers
    for name in ("open_path", "timezone"):
        assert getattr(own, name) == given[name]


@pytest.mark.parametrize(
    "hours", ["22-6", "0-24", "06-08", "9-17", "24-3", "25-1", "6", "6-", "6:30-8", "1-2 ", "a-b"]
)
def test_chart_and_hub_take_the_same_hours(hours: str) -> None:
    taken = not Sizes(1, 1, (hours,)).problems()
    values = merge(LEAST, {"tmpnb": {"pool": {"quiet": {"size": 1, "hours": [hours]}}}})
    if taken:
        assert render(values).has("Deployment", "hub")
    else:
        assert [path for path, _, _ in lines_of(values)] == ["tmpnb.pool.quiet.hours[0]"]


def test_a_visitor_has_fewer_rights_than_a_user_and_a_server_none_but_its_own() -> None:
    roles = {role["name"]: set(role["scopes"]) for role in by_default().JupyterHub.load_roles}
    usual = {role["name"]: set(role["scopes"]) for role in get_default_roles()}
    assert roles["server"] <= usual["server"]
    # JupyterHub's `self` has tokens, servers and shares of the user's own.
    assert "self" in usual["user"]
    # The own server, and what it asks about who comes in.
    assert roles["user"] == {
        "access:servers!user",
        "read:users:groups!user",
        "read:users:name!user",
        "users:activity!user",
    }


NAMES = {name for metric in REGISTRY.collect() for name in (metric.name, f"{metric.name}_total")}


@pytest.mark.parametrize("file", ["tmpnb-alerts.yaml", "jupyterhub-ha-tmpnb.json"])
def test_prometheus_is_asked_for_metrics_that_there_are(file: str) -> None:
    text = (CHART / "files/monitoring" / file).read_text()
    asked = set(re.findall(r"jupyterhub_ha_tmpnb_\w+", text))
    assert len(asked) >= 4
    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in asked} <= NAMES


def test_prometheus_is_asked_for_states_that_there_are() -> None:
    document = json.loads((CHART / "files/monitoring/jupyterhub-ha-tmpnb.json").read_text())
    alerts = yaml.safe_load((CHART / "files/monitoring/tmpnb-alerts.yaml").read_text())
    found = re.findall(r'state=~?\\?"([^"\\]*)', json.dumps([document, alerts]))
    assert found
    assert {state for states in found for state in states.split("|")} <= {*tmpnb_metrics.STATES}


PAGE = (ROOT / "docs/how-to/temporary-notebooks.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_a_block_of_values_in_the_how_to_renders(block: str) -> None:
    assert render(yaml.safe_load(block)).has("Deployment", "hub")


def test_there_are_blocks() -> None:
    assert len(BLOCKS) == 6
