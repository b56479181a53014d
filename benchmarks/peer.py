"""What the measures ask of a proxy."""

from __future__ import annotations

from abc import ABC, abstractmethod

from benchmarks.hub import Routes
from benchmarks.probe import wait_for


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
        """Add many in the quickest way; returns when they are served."""
        if routes:
            await self._write(routes)
            for spec, _, _ in (routes[0], routes[-1]):
                await wait_for(self.addresses, spec, timeout=300)
