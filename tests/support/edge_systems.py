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
    """A web server in front of the proxy in the hub, which has the fewest deviations: what fails
    here is the web server's doing.

    The suite writes its requests byte by byte, so it gets plain http.
    """

    name: ClassVar[str] = ""
    deviations: ClassVar[dict[str, str]] = {}
    # Tornado reads it before X-Forwarded-Proto, so the web server must set it, too.
    told_headers: ClassVar[dict[str, str]] = {"X-Scheme": "http"}

    def __init__(
        self, folder: Path, *, host_routing: bool = False, tls: bool = False, base: str = "/"
    ) -> None:
        self._inner = InProcessSystem(folder, host_routing=host_routing)
        self.hub_port = self._inner.hub_port
        self.proxy_url = self._inner.public_url
        upstream = self.proxy_url.removeprefix("http://")
        self.edge = EdgeServer(
            self.name, folder / "edge", [upstream], names=_NAMES, tls=tls, base=base
        )
        self.public_url = self.edge.public_url

    def __enter__(self) -> EdgeSystem:
        self._inner.__enter__()
        self.edge.__enter__()
        return self

    def __exit__(self, *exit_: object) -> None:
        self.edge.__exit__(*exit_)
        self._inner.__exit__(*exit_)

    def make_proxy(self, **traits: Any) -> InProcessProxy:
        """A hub's proxy object, told to believe the web server by what was written for it."""
        return self._inner.make_proxy(**{"trusted_networks": self.edge.trusted, **traits})

    def pids(self) -> list[int]:
        """The web server, and this process: the proxy is a thread of it."""
        return [self.edge.pid, os.getpid()]


def _system(server: str) -> type[EdgeSystem]:
    attributes = {"name": server, "deviations": edge_deviations.EDGES[server]}
    return type(f"{server.title()}System", (EdgeSystem,), attributes)


EDGES = {server: _system(server) for server in edge_deviations.EDGES}
