"""Visitors' addresses, and what one address may take."""

from ipaddress import ip_network

import pytest

from jupyterhub_ha.tmpnb_address import AddressLimit, client_address, counted_as

LB = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("forwarded", "trusted", "expected"),
    [
        # Our proxy writes the last one; all before it may be a client's invention.
        ("203.0.113.7", [], "203.0.113.7"),
        ("1.1.1.1, 203.0.113.7", [], "203.0.113.7"),
        ("10.0.0.1, 203.0.113.7", LB, "203.0.113.7"),
        # Behind a load balancer that is trusted.
        ("203.0.113.7, 10.0.0.5", LB, "203.0.113.7"),
        ("1.1.1.1, 203.0.113.7, 10.0.0.5", LB, "203.0.113.7"),
        ("1.1.1.1,203.0.113.7,fd00::1", LB, "203.0.113.7"),
        # Clients of the trusted network itself.
        ("10.1.1.1, 10.0.0.5", LB, "10.1.1.1"),
        # What no proxy writes ends the search.
        ("1.1.1.1, unknown, 10.0.0.5", LB, "10.0.0.5"),
        ("unknown", LB, "127.0.0.1"),
        ("", LB, "127.0.0.1"),
        (" , ", LB, "127.0.0.1"),
        ("::ffff:203.0.113.7", [], "203.0.113.7"),
    ],
)
def test_the_client_s_address(forwarded, trusted, expected):
    assert client_address("127.0.0.1", forwarded, trusted) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("", ""),
    ],
)
def test_what_counts_as_one(address, expected):
    assert counted_as(address) == expected


def test_so_many_in_a_minute():
    limit = AddressLimit(2)
    assert limit.wait("a", 0) == 0
    limit.took("a", 0)
    limit.took("a", 10)
    assert limit.wait("a", 20) == 40
    assert limit.wait("b", 20) == 0
    assert limit.wait("a", 60) == 0
    limit.took("a", 60)
    assert limit.wait("a", 61) == 9
    limit.gave_back("a")
    assert limit.wait("a", 61) == 0


def test_no_limit():
    limit = AddressLimit(0)
    for _ in range(100):
        limit.took("a", 0)
    assert limit.wait("a", 0) == 0
