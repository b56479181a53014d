from ipaddress import IPv4Network
from pathlib import Path

import pytest
from tests.e2e.cluster.settings import MACHINES, PODS, SERVICES, Cluster


def test_every_machine_has_an_address_and_a_range_of_its_own() -> None:
    nodes = Cluster(workers=3).nodes
    assert [node.name for node in nodes] == ["control", "worker-1", "worker-2", "worker-3"]
    assert len({node.address for node in nodes}) == 4
    assert all(node.address in MACHINES for node in nodes)
    assert len({node.pods for node in nodes}) == 4
    assert all(node.pods.subnet_of(PODS) for node in nodes)


def test_the_ranges_do_not_overlap() -> None:
    ranges: list[IPv4Network] = [MACHINES, PODS, SERVICES]
    assert not any(a.overlaps(b) for a in ranges for b in ranges if a is not b)


def test_two_folders_have_two_names_that_fit_an_interface() -> None:
    one, other = (Cluster(folder=Path(folder)) for folder in ("/a/.cluster", "/b/.cluster"))
    assert one.name != other.name
    assert len(one.name) <= 15


def test_an_unknown_node_is_refused() -> None:
    with pytest.raises(KeyError):
        Cluster(workers=2).node("worker-3")
