"""The rendered network policies let through what network.yaml says, and nothing else."""

import asyncio
import itertools
from pathlib import Path

import pytest
import yaml
from tests.support.chart import ROOT, render
from tests.support.network import ADDRESSES, ANY, flows, pods, ports_of, user_pods

TABLE = yaml.safe_load(Path(__file__).with_name("network.yaml").read_text())
EXAMPLES = list(TABLE["examples"])
# Peers that only answer; what they might ask is what "internet" or "other" may.
RECEIVERS = ("dns", "private", "metadata")


class Example:
    """What one example's policies let through, read as usual and by the receiving side alone."""

    def __init__(self, name, folder):
        self.name = name
        rendered = render(yaml.safe_load((ROOT / f"values-examples/{name}.yaml").read_text()))
        users = asyncio.run(user_pods(rendered, folder / "mounts"))
        self.own = {*pods(rendered), "user"}
        self.flows = flows(rendered, users, folder / "usual")
        self.received = flows(rendered, users, folder / "received", receivers_only=True)

    def rows(self, part):
        """The pairs of peers that a part of the table names here, each with its row."""
        entrance = "proxy" if "proxy" in self.own else "hub"
        present = {*self.own, *ADDRESSES, "dns", "other", "prometheus"}
        for row in TABLE[part]:
            if self.name not in row.get("in", EXAMPLES):
                continue
            for pair in itertools.product(listed(row["from"]), listed(row["to"])):
                source, target = (entrance if peer == "entrance" else peer for peer in pair)
                if {source, target} <= present:
                    yield source, target, row


def listed(one_or_several):
    return [one_or_several] if isinstance(one_or_several, str) else one_or_several


@pytest.fixture(scope="module", params=EXAMPLES)
def example(request, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kubespawner.spawner.load_config", lambda **_: None)
        patch.setattr("kubespawner.spawner.shared_client", lambda _: None)
        yield Example(request.param, tmp_path_factory.mktemp("network"))


def test_exactly_what_is_allowed_is_open(example):
    wanted = {}
    for source, target, row in example.rows("allowed"):
        wanted.setdefault((source, target), set()).update(ports_of(row))
    found = {
        pair: ports
        for pair, ports in example.flows.items()
        if example.own & {*pair} and pair[0] not in RECEIVERS and pair[1] != "prometheus"
    }
    assert found == wanted


def test_what_is_refused_is_closed(example):
    rows = list(example.rows("refused"))
    assert rows
    for source, target, row in rows:
        assert not is_open(example.flows, source, target, row), f"{source} -> {target}: {row}"


def test_the_receiving_side_refuses_whatever_the_sender_may(example):
    """Network plugins differ in what rules for addresses mean for pods; this does not."""
    rows = [row for row in example.rows("refused") if row[1] in example.own]
    assert rows
    for source, target, row in rows:
        assert not is_open(example.received, source, target, row), f"{source} -> {target}: {row}"


def is_open(found, source, target, row):
    """Whether any port of a row is open."""
    ports, named = found.get((source, target), set()), ports_of(row)
    return bool(ports) if named == {ANY} else bool(ports & (named | {ANY}))


def test_a_policy_that_opens_too_much_is_found(tmp_path):
    """The same evaluation without etcd's policy, as if it had been forgotten."""
    rendered = render({})
    rendered.objects = [
        o
        for o in rendered.objects
        if (o["kind"], o["metadata"]["name"]) != ("NetworkPolicy", "proxy-etcd")
    ]
    found = flows(rendered, [], tmp_path / "objects")
    assert found["other", "etcd"] == found["etcd", "internet"] == {ANY}
    assert ("other", "setup") not in found


@pytest.mark.parametrize("part", ["allowed", "refused"])
def test_every_row_of_the_table_says_something(part):
    for row in TABLE[part]:
        assert row.keys() <= {"from", "to", "ports", "in", "when", "why"}
        assert {*listed(row["from"]), *listed(row["to"])} <= {*TABLE["peers"], "entrance"}
        assert set(row.get("in", EXAMPLES)) <= set(EXAMPLES)
        assert ("when" in row) is ("in" in row)
        assert row["why"]
