from ipaddress import IPv4Network
from typing import Any

from tests.e2e.cluster.balancer import assignments

ADDRESSES = IPv4Network("10.9.0.0/29")


def service(name: str, kind: str = "LoadBalancer", *given: str) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "hub", "name": name},
        "spec": {"type": kind},
        "status": {"loadBalancer": {"ingress": [{"ip": address} for address in given]}},
    }


def test_who_waits_gets_the_lowest_free_address() -> None:
    services = [service("old", "LoadBalancer", "10.9.0.1"), service("new"), service("newer")]
    assert assignments(services, ADDRESSES) == {
        ("hub", "new"): "10.9.0.2",
        ("hub", "newer"): "10.9.0.3",
    }


def test_other_types_get_none_and_addresses_may_run_out() -> None:
    assert assignments([service("a", "NodePort"), service("b", "ClusterIP")], ADDRESSES) == {}
    many = [service(f"service-{number}") for number in range(9)]
    assert len(assignments(many, ADDRESSES)) == 6
