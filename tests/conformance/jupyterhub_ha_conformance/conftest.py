"""The suite's fixtures."""

from jupyterhub_ha_conformance.fixtures import (
    _systems,
    backend,
    host_table,
    large_body,
    recorder,
    serve,
    system,
    table,
)

__all__ = [
    "_systems",
    "backend",
    "host_table",
    "large_body",
    "recorder",
    "serve",
    "system",
    "table",
]
