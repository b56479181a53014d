"""What goes on while a fault happens: users' requests to every replica, and users who come and go.

Every answer is checked: it must come from the server behind the route. An answer of the hub, to
which everything goes that has no route, is a failure like any other.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp

from jupyterhub_ha.errors import HubProxyError, NoReplicaError
from jupyterhub_ha.traefik_etcd import TraefikEtcdProxy

_PAUSE = 0.02
_LONGEST = 150.0  # seconds; a request to a replica that stands still waits, it does not fail


@dataclass
class Counts:
    """What was counted since the last look."""

    requests: int = 0
    failures: list[str] = field(default_factory=list)
    slowest: float = 0.0
    changes: int = 0
    refused: list[str] = field(default_factory=list)
    slowest_change: float = 0.0


class Load:
    """Requests to replicas without a pause; `expected` is the server's name for each path."""

    def __init__(self, urls: list[str], expected: Mapping[str, str]) -> None:
        self._urls = urls
        self._expected = dict(expected)
        self._tasks: list[asyncio.Task[None]] = []
        self.counts = Counts()
        self.out_of_service: set[str] = set()
        """URLs to which a Service would send nobody."""

    def start(self) -> None:
        """Begin."""
        for url, keep_alive in itertools.product(self._urls, (True, False)):
            self._tasks.append(asyncio.create_task(self._run(url, keep_alive)))

    async def stop(self) -> None:
        """End."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, url: str, keep_alive: bool) -> None:
        connector = aiohttp.TCPConnector(force_close=not keep_alive)
        timeout = aiohttp.ClientTimeout(total=_LONGEST)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            while True:
                if url in self.out_of_service:
                    await asyncio.sleep(_PAUSE)
                    continue
                path = random.choice([*self._expected])
                start = time.monotonic()
                problem = await self._ask(session, url, path)
                counts = self.counts
                counts.requests += 1
                counts.slowest = max(counts.slowest, time.monotonic() - start)
                if problem:
                    counts.failures.append(f"{url}{path}: {problem}")
                await asyncio.sleep(_PAUSE)

    async def _ask(self, session: aiohttp.ClientSession, url: str, path: str) -> str:
        try:
            async with session.get(f"{url}{path}") as response:
                if response.status != 200:
                    return f"status {response.status}"
                name = (await response.json())["name"]
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return repr(error)
        return "" if name == self._expected[path] else f"answered by {name}"


class Churn:
    """Users who log in and out all the time: routes that are added and deleted.

    A change that was refused must leave the table as it was, so the routes that should be there
    are always known.
    """

    def __init__(self, proxy: TraefikEtcdProxy, target: str, counts: Counts) -> None:
        self._proxy = proxy
        self._target = target
        self._number = itertools.count()
        self._task: asyncio.Task[None] | None = None
        self.counts = counts
        self.present: list[str] = []

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End, after the change that is being made."""
        task, self._task = self._task, None
        if task is not None:
            await task

    async def once(self) -> None:
        """Add one route; delete the oldest when there are ten."""
        spec = f"/user/comes-and-goes-{next(self._number)}/"
        if await self._change(self._proxy.add_route(spec, self._target, {"user": spec})):
            self.present.append(spec)
        if len(self.present) > 10 and await self._change(self._proxy.delete_route(self.present[0])):
            del self.present[0]

    async def _change(self, change) -> bool:  # type: ignore[no-untyped-def]
        start = time.monotonic()
        try:
            await change
            self.counts.changes += 1
        except NoReplicaError as error:
            self.counts.refused.append(f"NoReplicaError: {error}")  # it is written all the same
        except HubProxyError as error:
            self.counts.refused.append(f"{type(error).__name__}: {error}")
            return False
        finally:
            seconds = time.monotonic() - start
            self.counts.slowest_change = max(self.counts.slowest_change, seconds)
        return True

    async def _run(self) -> None:
        mine = asyncio.current_task()
        while self._task is mine:
            await self.once()
            await asyncio.sleep(0.05)
