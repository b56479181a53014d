"""Real web servers in front of a real proxy."""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.edge_systems import EDGES, EdgeSystem

from jupyterhub_ha_conformance.fixtures import (
    _systems,
    backend,
    large_body,
    recorder,
    serve,
    system,
    table,
)

__all__ = ["_systems", "backend", "large_body", "recorder", "serve", "system", "table"]


def pytest_proxy_systems() -> Sequence[type[EdgeSystem]]:
    """The web servers, for the plugin of the conformance suite."""
    return list(EDGES.values())
