"""The conformance suite's tests of the data path, through each web server.

Left out are the modules about the routing table and not the path of a request: test_routes and
test_hosts (who is behind a path or a name), test_lifecycle and test_disturbance (hubs and proxies
that restart), test_activity (what the proxy counts).
"""

from __future__ import annotations

import importlib

import pytest

MODULES = (
    "test_paths",
    "test_headers",
    "test_messages",
    "test_bodies",
    "test_websockets",
    "test_failures",
    "test_security",
)
_PACKAGE = "jupyterhub_ha_conformance"
# How long our proxy waits for a server is its own affair.
_OURS = "test_a_server_that_cannot_be_reached"
_FIXTURES = ("socket", "server")
pytest.register_assert_rewrite(*(f"{_PACKAGE}.{module}" for module in MODULES))
pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(300)]

for _module in MODULES:
    _found = vars(importlib.import_module(f"{_PACKAGE}.{_module}"))
    globals().update(
        {name: _found[name] for name in _found if name.startswith("test_") and name != _OURS}
    )
    if _module == "test_websockets":
        globals().update({name: _found[name] for name in _FIXTURES})
