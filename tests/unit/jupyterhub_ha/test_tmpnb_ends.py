"""Whose time is over."""

import pytest

from jupyterhub_ha.tmpnb_activity import last_requests
from jupyterhub_ha.tmpnb_ends import Life, ended
from jupyterhub_ha.tmpnb_pool import Phase, Server


@pytest.mark.parametrize(
    ("taken", "seen", "since", "now", "expected"),
    [
        (1000, None, 0, 1599, None),
        (1000, None, 0, 1600, "idle"),
        (1000, 1500, 0, 2099, None),
        (1000, 1500, 0, 2100, "idle"),
        # A request before the claim was none of the visitor's.
        (1000, 500, 0, 1599, None),
        # Right after a start of the hub nothing is known: one whole idle time is waited.
        (1000, None, 5000, 5599, None),
        (1000, 5300, 5000, 5899, None),
        (1000, None, 5000, 5600, "idle"),
        # Age, however much it is used.
        (1000, 10999, 0, 10999, None),
        (1000, 11000, 0, 11000, "age"),
        (1000, 11000, 10900, 11000, "age"),
    ],
)
def test_idle_and_age(taken, seen, since, now, expected):
    server = Server("a", Phase.READY, "spec", taken=taken)
    known = {} if seen is None else {"a": seen}
    found = ended([server], known, since, Life(idle=600, age=10000), now)
    assert found == ({"a": expected} if expected else {})


@pytest.mark.parametrize(
    "server",
    [
        Server("a", Phase.READY, "spec"),
        Server("a", Phase.STARTING, "spec", taken=1),
        Server("a", Phase.ENDING, "spec", taken=1),
        Server("a", Phase.STOPPED, "spec", taken=1),
    ],
)
def test_only_what_a_visitor_has_and_runs(server):
    assert ended([server], {}, 0, Life(idle=1, age=1), 10**9) == {}


def test_no_age():
    server = Server("a", Phase.READY, "spec", taken=1)
    assert ended([server], {"a": 10.0**9}, 0, Life(idle=600), 10**9) == {}


def test_last_requests_of_the_proxy_s_routes():
    routes = [
        {"data": {"hub": True}},
        {"data": {"user": "a", "server_name": "", "last_activity": "1970-01-01T00:00:10+00:00"}},
        {"data": {"user": "b", "server_name": "", "last_activity": "1970-01-01T00:00:20.5Z"}},
        {"data": {"user": "c", "server_name": "", "last_activity": "1970-01-01T00:00:30"}},
        {"data": {"user": "d", "server_name": ""}},
    ]
    assert last_requests(routes) == {"a": 10.0, "b": 20.5, "c": 30.0}
