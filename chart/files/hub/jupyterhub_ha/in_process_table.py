"""The routing table of the in-process proxy: the longest prefix wins, by path segment. No I/O.

Route paths are compared without percent-encoding, as configurable-http-proxy does. With host
routing a host's routes are tried first, then the default route.

The hub changes the table in its thread while the proxy looks routes up in another one. Changes
hold a lock; a look-up needs none, because it sees each node either before or after a change.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .errors import RouteError
from .in_process_path import segments, segments_of_route
from .routes import check_target


@dataclass(frozen=True, slots=True)
class Target:
    """Where a route leads; `prefix` is the URL's path, put before every request's path."""

    origin: str  # scheme, host and port: what a connection can be used for
    tls: bool
    host: str
    port: int
    netloc: bytes
    prefix: bytes


@dataclass(slots=True, eq=False)
class Entry:
    """A route with what was seen on it; `last_activity` is a Unix time, 0 for unknown."""

    routespec: str
    url: str
    target: Target
    data: dict[str, Any]
    last_activity: float = 0.0


@dataclass(slots=True, eq=False)
class _Node:
    entry: Entry | None = None
    children: dict[bytes, _Node] = field(default_factory=dict)


class RouteTable:
    """Routes by routespec; every method may be called from any thread."""

    def __init__(self, *, host_routing: bool = False) -> None:
        self._host_routing = host_routing
        self._root = _Node()
        self._lock = threading.Lock()

    def add(
        self, routespec: str, url: str, data: dict[str, Any], last_activity: float = 0.0
    ) -> Entry | None:
        """Add or replace a route; returns the one that was replaced.

        Raises RouteError for a target that is not a web server's URL.
        """
        entry = Entry(routespec, url, parse_target(url), data, last_activity)
        with self._lock:
            node = self._root
            for step in self._steps(routespec):
                node = node.children.setdefault(step, _Node())
            old = node.entry
            node.entry = entry
        return old

    def delete(self, routespec: str) -> Entry | None:
        """Delete a route; returns it, or None if there was none."""
        with self._lock:
            way = [(self._root, b"")]
            for step in self._steps(routespec):
                child = way[-1][0].children.get(step)
                if child is None:
                    return None
                way.append((child, step))
            old, way[-1][0].entry = way[-1][0].entry, None
            while len(way) > 1:
                node, step = way.pop()
                if node.entry is not None or node.children:
                    break
                del way[-1][0].children[step]
        return old

    def get(self, routespec: str) -> Entry | None:
        """The route with this routespec, in any spelling of it."""
        node: _Node | None = self._root
        for step in self._steps(routespec):
            node = node.children.get(step) if node else None
        return node.entry if node else None

    def entries(self) -> list[Entry]:
        """All routes, in no particular order."""
        with self._lock:
            found, nodes = [], [self._root]
            while nodes:
                node = nodes.pop()
                nodes += node.children.values()
                if node.entry is not None:
                    found.append(node.entry)
        return found

    def find(self, host: bytes, path: bytes) -> Entry | None:
        """The route that serves a request; `host` is the Host header, `path` the route path."""
        node = self._root
        found = node.entry
        if self._host_routing:
            below = node.children.get(host_name(host))
            if below is None:
                return found
            node = below
            found = node.entry or found
        for step in segments(path):
            below = node.children.get(step)
            if below is None:
                return found
            node = below
            if node.entry is not None:
                found = node.entry
        return found

    def _steps(self, routespec: str) -> list[bytes]:
        host, _, path = routespec.partition("/")
        steps = segments_of_route(path)
        return [host.lower().encode(), *steps] if host else steps


def parse_target(url: str) -> Target:
    """The parts of a target's URL; RouteError if it cannot be one."""
    parts = urlsplit(check_target(url))
    tls = parts.scheme == "https"
    try:
        port = parts.port or (443 if tls else 80)
    except ValueError as error:
        raise RouteError(f"target {url!r}: {error}") from None
    netloc = parts.netloc.rpartition("@")[2].encode()
    prefix = parts.path.rstrip("/").encode()
    origin = f"{parts.scheme}://{parts.hostname}:{port}"
    return Target(origin, tls, parts.hostname or "", port, netloc, prefix)


def host_name(host: bytes) -> bytes:
    """The name in a Host header, in lower case and without the port."""
    name, colon, port = host.rpartition(b":")
    return (name if colon and b"]" not in port else host).lower()
