"""What the measures ask of a proxy."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod

from benchmarks.hub import Routes
from benchmarks.probe import wait_for
from benchmarks.usage import usage_of

_ASKED = 500  # routes, to see that all are served
_FILL_SECONDS = 300.0
_WINDOW, _CALM_WINDOWS, _IDLE_SHARE = 0.2, 2, 0.1


class PeerError(Exception):
    """A proxy could not do what it was asked for; the message says which and why."""


class Peer(ABC):
    """A running proxy whose fallback is a hub that answers 404; an asynchronous context manager.

    The hub's route is there, and nothing else.
    """

    name: str
    addresses: list[str]
    """host:port for users, one for each replica."""
    hub_address: str = ""
    """host:port of the server that shares its process with the proxy object, if there is one."""

    @abstractmethod
    async def __aenter__(self) -> Peer: ...

    @abstractmethod
    async def __aexit__(self, *_: object) -> None: ...

    @abstractmethod
    async def add(self, routes: Routes) -> None:
        """Add all at once, and wait for each as a hub does."""

    @abstractmethod
    async def delete(self, specs: list[str]) -> None:
        """Delete all at once."""

    @abstractmethod
    async def _write(self, routes: Routes) -> None:
        """Add many in the quickest way, without waiting until they are served."""

    @abstractmethod
    async def restart_hub(self, routes: Routes) -> None:
        """As when the hub ends, starts again and checks its table, all users' servers running."""

    @abstractmethod
    def pids(self) -> list[int]:
        """The processes that carry the users' traffic."""

    async def revision(self) -> int | None:
        """A number that every write to the table's store changes; None if there is no store."""
        return None

    async def fill(self, routes: Routes) -> None:
        """Add many in the quickest way; returns when they are served and the proxy is at rest."""
        if not routes:
            return
        await self._write(routes)
        # Not only the last: the order in which they are written is the proxy's.
        for spec, _, _ in (*routes[:: 1 + len(routes) // _ASKED], routes[-1]):
            await wait_for(self.addresses, spec, timeout=_FILL_SECONDS)
        await self.rest()

    async def rest(self) -> None:
        """Until the last rebuilding of tables and collection of garbage is over."""
        deadline = time.monotonic() + _FILL_SECONDS
        calm = 0
        while calm < _CALM_WINDOWS and time.monotonic() < deadline:
            before = usage_of(self.pids()).cpu_seconds
            await asyncio.sleep(_WINDOW)
            spent = usage_of(self.pids()).cpu_seconds - before
            calm = calm + 1 if spent <= _IDLE_SHARE * _WINDOW else 0
