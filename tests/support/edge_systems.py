"""Each web server in front of the proxy in the hub, as systems of the conformance suite."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

from tests.support import edge_deviations
from tests.support.edge import EdgeServer
from tests.support.in_process import InProcessSystem

from jupyterhub_ha import InProcessProxy

# The hosts that the suite's requests ask for.
_NAMES = ("hub.example.com", "127.0.0.1", "localhost", "h", "a", "b", "x")


class EdgeSystem:
    """A web server with plain http, since the suite writes its requests byte by byte.

    Behind it is the proxy in the hub, which has the fewest deviations: what fails here is the web
    server's doing.
    """

    name: ClassVar[str] = ""
    deviations: ClassVar[dict[str, str]] = {}

    def __init__(self, folder: Path, *, host_routing: bool = False) -> None:
        self._inner = InProcessSystem(folder, host_routing=host_routing)
        self.hub_port = self._inner.hub_port
        upstream = self._inner.public_url.removeprefix("http://")
        self._edge = EdgeServer(self.name, folder / "edge", [upstream], names=_NAMES, tls=False)
        self.public_url = self._edge.http_url

    def __enter__(self) -> EdgeSystem:
        self._inner.__enter__()
        self._edge.__enter__()
        return self

    def __exit__(self, *exit_: object) -> None:
        self._edge.__exit__(*exit_)
        self._inner.__exit__(*exit_)

    def make_proxy(self, **traits: Any) -> InProcessProxy:
        """A hub's proxy object, told to believe the web server by what was written for it."""
        return self._inner.make_proxy(**{"trusted_networks": self._edge.trusted, **traits})

    def pids(self) -> list[int]:
        """The web server, and this process: the proxy is a thread of it."""
        return [self._edge.pid, os.getpid()]


def _system(server: str) -> type[EdgeSystem]:
    deviations = edge_deviations.EDGES[server]
    return type(f"{server.title()}System", (EdgeSystem,), {"name": server, "deviations": deviations})


EDGES = {server: _system(server) for server in edge_deviations.EDGES}
