"""One module for each measure, and their table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from benchmarks.bench import Bench
from benchmarks.measures import (
    add_route,
    claims,
    hub_latency,
    hub_start,
    many_at_once,
    page_load,
    reload,
    render_time,
    replica_kill,
    requests,
    sockets,
    static_files,
    transfers,
    websockets,
)

MEASURES: dict[str, Callable[[Bench], Awaitable[None]]] = {
    "requests": requests.run,
    "add-route": add_route.run,
    "many-at-once": many_at_once.run,
    "hub-start": hub_start.run,
    "reload": reload.run,
    "websockets": websockets.run,
    "sockets": sockets.run,
    "transfers": transfers.run,
    "hub-latency": hub_latency.run,
    "replica-kill": replica_kill.run,
    "render-time": render_time.run,
    "claims": claims.run,
    "page-load": page_load.run,
    "static-files": static_files.run,
}

REQUIRED = (
    "requests",
    "add-route",
    "many-at-once",
    "hub-start",
    "websockets",
    "sockets",
    "transfers",
    "hub-latency",
)
"""What a quick run measures: all that a ratio is required of, and the hub's latency."""
