"""Keeps the last activity up to date from the metrics of Traefik's replicas."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from typing import Any

from . import metrics
from .activity import Activity, PageReader, Reading
from .replicas import Replicas

_POLL_SECONDS = 5.0


class ActivityPoll:
    """Polls the replicas when it is asked to, at most half of the time.

    Traefik writes the page for 10,000 routes in about a second.
    """

    def __init__(
        self,
        replicas: Replicas,
        provider: str,
        *,
        log: logging.Logger | logging.LoggerAdapter[Any] | None = None,
        seconds: float = _POLL_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.activity = Activity()
        self._replicas = replicas
        self._provider = provider
        self._seconds = seconds
        self._clock = clock
        self._log = log or logging.getLogger(__name__)
        self._polling: asyncio.Task[None] | None = None
        self._next = 0.0

    def added(self, service: str) -> None:
        """Note that a service was added just now."""
        self.activity.added(service, self._clock())

    async def update(self, services: Callable[[], Collection[str]]) -> None:
        """Read the counters of all replicas that answer in time; never raises for one that fails.

        `services` gives all services of the table, after the reading: others may come meanwhile.
        Who asks while a poll is under way waits for that one; who asks too soon after it gets
        what it found.
        """
        if self._polling is None:
            if time.monotonic() < self._next:
                return
            self._polling = asyncio.create_task(self._poll(services))
        await asyncio.shield(self._polling)

    async def close(self) -> None:
        """End a poll that is under way."""
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)

    async def _poll(self, services: Callable[[], Collection[str]]) -> None:
        start = time.monotonic()
        try:
            addresses = await self._replicas.addresses()
            found = await asyncio.gather(*(self._read(address) for address in addresses))
            readings = {a: r for a, r in zip(addresses, found, strict=True) if r is not None}
            self.activity.update(readings, services(), self._clock())
            seconds = time.monotonic() - start
            metrics.ACTIVITY_SECONDS.observe(seconds)
            metrics.ACTIVITY_MISSED.inc(len(addresses) - len(readings))
            self._log.debug("Read the counters of %i replicas in %.3f s", len(readings), seconds)
        finally:
            self._polling = None
            self._next = 2 * time.monotonic() - start

    async def _read(self, address: str) -> Reading | None:
        page = PageReader(self._provider)
        whole = await self._replicas.read_metrics(address, page.feed, self._seconds)
        return page.reading() if whole else None
