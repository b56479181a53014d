"""The proxy in the hub's own process, here in the tests'."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

from tests.support import deviations
from tests.support.ports import free_port

from jupyterhub_ha import InProcessProxy


class InProcessSystem:
    """At most one proxy at a time, since each listens at the same address.

    Unlike the others nothing runs before a hub starts its proxy object, and nothing stays when
    the hub has stopped it.
    """

    name: ClassVar[str] = "in-process"
    deviations: ClassVar[dict[str, str]] = deviations.IN_PROCESS

    def __init__(self, folder: Path, *, host_routing: bool = False) -> None:
        self.hub_port = free_port()
        self.host_routing = host_routing
        self.public_url = f"http://127.0.0.1:{free_port()}"
        self._proxy: InProcessProxy | None = None

    def __enter__(self) -> InProcessSystem:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def make_proxy(self, **traits: Any) -> InProcessProxy:
        """A hub's proxy object, to be started; one that was not stopped ends as if killed."""
        self._end()
        fitting = {
            "public_url": self.public_url + "/",
            "host_routing": self.host_routing,
            "wait_for_routes": 0,
            "drain_timeout": 1,
        }
        app = SimpleNamespace(subdomain_host="", internal_ssl=False)
        self._proxy = InProcessProxy(app=app, **{**fitting, **traits})
        return self._proxy

    def pids(self) -> list[int]:
        """This process: the proxy is a thread of it."""
        return [os.getpid()]

    def _end(self) -> None:
        proxy, self._proxy = self._proxy, None
        if proxy is not None:
            # The caller may be inside a running event loop.
            thread = threading.Thread(target=lambda: asyncio.run(proxy.stop()))
            thread.start()
            thread.join()
