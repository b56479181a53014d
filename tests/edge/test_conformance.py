"""The conformance suite's tests of the data path, through each web server.

Left out are the modules about the routing table and not the path of a request: test_routes and
test_hosts (who is behind a path or a name), test_lifecycle and test_disturbance (hubs and proxies
that restart), test_activity (what the proxy counts); and the tests in LEFT_OUT.
"""

from __future__ import annotations

import importlib

import pytest
from tests.support.edge_deviations import EDGES

MODULES = (
    "test_paths",
    "test_headers",
    "test_messages",
    "test_bodies",
    "test_websockets",
    "test_failures",
    "test_security",
)
LEFT_OUT = {
    "test_users_whose_names_need_escaping": "the routing table",
    "test_another_spelling_of_the_path_finds_the_route": "the routing table",
    "test_a_server_that_cannot_be_reached": "how long our proxy waits for a server",
    "test_a_server_that_comes_back": "what our proxy remembers of a server",
}
_PACKAGE = "jupyterhub_ha_conformance"
_FIXTURES = ("socket", "server")
pytest.register_assert_rewrite(*(f"{_PACKAGE}.{module}" for module in MODULES))
pytestmark = pytest.mark.timeout(300)

_found = {}
for _module in MODULES:
    _all = vars(importlib.import_module(f"{_PACKAGE}.{_module}"))
    _found.update({name: value for name, value in _all.items() if name.startswith("test_")})
    if _module == "test_websockets":
        _found.update({name: _all[name] for name in _FIXTURES})
for _name in LEFT_OUT:
    del _found[_name]  # one that is renamed fails here
globals().update(_found)


def test_deviations_are_of_tests_that_run() -> None:
    named = {test.partition("[")[0] for server in EDGES.values() for test in server}
    assert named <= _found.keys()
