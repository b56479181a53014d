"""Make replicas follow an etcd that has lost its data.

Traefik's watch goes on from the revision after the last one that it saw. An etcd that began anew
counts from 1, so such a replica waits, keeps its old table, and neither asks nor complains. The
cure is to bring etcd's revision up to what the replica waits for: each write is one revision,
and a write outside Traefik's prefix costs nobody a reload.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from . import metrics
from .committer import Committer
from .etcd_store import EtcdStore
from .table import RECORDS, generation_in

ADVANCE_KEY = f"{RECORDS}advance"

_MARGINS = (1, 100, 1_000, 10_000, 100_000)  # above what a replica told, until it follows
_AT_ONCE = 10_000  # revisions, some seconds; before more are written the replicas are asked
_MOST = 5_000_000  # revisions; so many would take the better part of an hour
_WRITERS = 16  # puts at the same time: about 1,500 a second, a third of the hub's core
_FOLLOW_SECONDS = 1.5
_REPORT_SECONDS = 5.0


class Revival:
    """Finds the replicas of one table that wait for a lost etcd, and makes them follow."""

    def __init__(
        self,
        committer: Committer,
        store: EtcdStore,
        log: logging.Logger | logging.LoggerAdapter[Any],
    ) -> None:
        self._committer = committer
        self._store = store
        self._log = log
        self._hopeless: set[str] = set()  # replicas that were told of once

    async def waiting(self, generation: int = 0, ahead: int = 0) -> dict[str, int]:
        """Replicas that do not follow this etcd, and the revision that they have seen at least.

        They have the table of another etcd, or none; or this one's table of before `generation`,
        if lost data were `ahead`: the lost etcd told them of a change, they asked for the table,
        and the new one answered. Who tells no revision has seen at least `ahead`. Empty as long as
        the present etcd has no name of its own.
        """
        if not self._store.store_id:
            return {}
        found = {}
        for address, marks in (await self._committer.replicas.marks()).items():
            if marks.get("store", "") != self._store.store_id:
                found[address] = max(int(marks.get("revision") or 0), ahead)
            elif ahead and generation_in(marks) < generation:
                found[address] = ahead
        return found

    async def run(self) -> None:
        """Make all replicas follow; raises an EtcdError when etcd cannot be written."""
        # Kept for all attempts: the hub may know less of the lost etcd than the replicas do.
        ahead = self._store.ahead
        if 0 < ahead < _AT_ONCE:
            # All that watched the lost etcd wait, and one that asked for the table in the moment of
            # the loss was told that there is none: it sends users to the hub until it is woken.
            await self._wake(ahead, _MARGINS[0])
        waiting = await self._late(ahead)
        # One that has no table at all tells no revision, and may just not get at etcd.
        margins = _MARGINS if any(waiting.values()) else _MARGINS[:2]
        for margin in margins:
            if not waiting:
                return
            self._log.warning(
                "Traefik at %s does not follow this etcd, and may wait for a revision above %i",
                ", ".join(waiting),
                max(waiting.values()),
            )
            await self._wake(max(waiting.values()), margin)
            waiting = await self._late(ahead)
        if waiting:
            self._give_up(waiting, "still do not read the table")

    async def _late(self, ahead: int) -> dict[str, int]:
        """Who waits, after a moment in which the others read the new table."""
        generation = self._committer.generation
        deadline = time.monotonic() + _FOLLOW_SECONDS
        while True:
            waiting = await self.waiting(generation, ahead)
            for address in self._hopeless - waiting.keys():
                self._hopeless.discard(address)
            far = {a: r for a, r in waiting.items() if r > _MOST}
            self._give_up(far, f"wait for a revision above {_MOST}")
            waiting = {a: r for a, r in waiting.items() if a not in self._hopeless}
            if not waiting or time.monotonic() > deadline:
                return waiting
            await asyncio.sleep(0.2)

    def _give_up(self, waiting: dict[str, int], why: str) -> None:
        if new := waiting.keys() - self._hopeless:
            self._log.error("Restart Traefik at %s: they %s", ", ".join(sorted(new)), why)
            self._hopeless |= new

    async def _wake(self, told: int, margin: int) -> None:
        """Let those read the table who wait for a revision not far above what was told."""
        await self._advance(told, margin)
        await self._committer.announce()

    async def _advance(self, told: int, margin: int) -> None:
        """Write until etcd's revision is beyond what was told, and beyond the present one."""
        client = self._store.client
        started = reported = time.monotonic()
        first = revision = await client.put(ADVANCE_KEY, "")
        target = max(told, first) + margin

        async def write() -> None:
            nonlocal revision, reported
            while revision < target:
                revision = max(revision, await client.put(ADVANCE_KEY, ""))
                metrics.ADVANCED.inc()
                if time.monotonic() - reported > _REPORT_SECONDS:
                    reported = time.monotonic()
                    rate = (revision - first) / (reported - started)
                    left = (target - revision) / max(rate, 1)
                    self._log.info(
                        "etcd is at revision %i of %i, %.0f s left", revision, target, left
                    )

        async with asyncio.TaskGroup() as writers:
            for _ in range(_WRITERS):
                writers.create_task(write())
        seconds = time.monotonic() - started
        self._log.info("etcd is at revision %i after %.1f s", revision, seconds)
