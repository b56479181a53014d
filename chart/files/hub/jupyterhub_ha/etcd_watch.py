"""Look after a routing table in etcd: what others change, or lose, is repaired at once.

A watch tells of changes as they happen. Each time it is opened, at the latest after `interval`
seconds, etcd and the replicas are also asked; so a watch that is silently dead, a member that was
replaced and a replica that stands still are noticed as well. While nothing happens this costs one
request to etcd and one to each replica in an interval.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from functools import partial
from typing import Any

from .committer import Committer
from .errors import EtcdAuthError, EtcdCompactedError, StoreError
from .etcd_revive import Revival
from .etcd_store import EtcdStore
from .etcd_wire import Event

_GATHER_SECONDS = 0.05  # a change rarely comes alone, and our own answer may be on its way
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0


class EtcdWatch:
    """A task that keeps one committer's table in etcd as it should be; start() and stop() it."""

    def __init__(
        self,
        committer: Committer,
        store: EtcdStore,
        *,
        interval: float = 60.0,
        log: logging.Logger | logging.LoggerAdapter[Any] | None = None,
    ) -> None:
        self.interval = interval
        self._committer = committer
        self._store = store
        self._log = log or logging.getLogger(__name__)
        self._revival = Revival(committer, store, self._log)
        self._task: asyncio.Task[None] | None = None
        self._reviving: asyncio.Task[None] | None = None
        self._next = 0  # the first revision that was not seen
        self._missed = False  # whether changes were lost, so that all must be read
        self._failed = False

    def start(self) -> None:
        """Begin to watch."""
        # A replica that is only slow costs one request; one that waits for a lost etcd may not
        # have been seen as such when the watch was opened.
        self._committer.on_lagging = self._look_after_replicas
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Watch no more."""
        self._committer.on_lagging = None
        tasks = [task for task in (self._task, self._reviving) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._task = self._reviving = None

    async def _run(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._follow()
                pause = _FIRST_PAUSE
            except EtcdCompactedError:
                self._log.info("etcd has compacted what the watch did not see; reading it anew")
                self._missed = True
            except StoreError as error:
                self._recover(error)
                await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311  not a secret
                pause = min(2 * pause, _LONGEST_PAUSE)
            except Exception:
                # A mistake here must not end the watch for as long as the hub runs.
                self._log.exception("Watching etcd failed")
                await asyncio.sleep(_LONGEST_PAUSE)

    def _recover(self, error: StoreError) -> None:
        client = self._store.client
        if not isinstance(error, EtcdAuthError):
            client.next_endpoint()
        if not self._failed:
            self._log.warning("Watching etcd: %s; trying again", error)
        self._failed = True

    async def _follow(self) -> None:
        """Watch for one interval."""
        if self._missed:
            await self._committer.repair()
            self._missed = False
        self._next = max(self._next, self._store.read_revision + 1)
        stream = self._store.client.watch(
            *self._store.layout.watched, revision=self._next, timeout=self.interval
        )
        async with contextlib.aclosing(stream) as opened:
            async for changes in opened:
                if not changes.events:
                    if not await self._look():
                        return
                    continue
                self._next = max(self._next, changes.events[-1].revision + 1)
                if self._store.foreign(changes.events):
                    await asyncio.sleep(_GATHER_SECONDS)
                    await self._committer.repair(partial(self._is_foreign, changes.events))

    async def _is_foreign(self, events: list[Event]) -> bool:
        return self._store.foreign(events)

    async def _look(self) -> bool:
        """Ask etcd and the replicas; whether the watch that was opened is of these data."""
        read = self._store.read_revision
        await self._committer.repair(self._is_lost)
        if self._failed:
            self._log.info("Watching etcd again")
            self._failed = False
        self._look_after_replicas()
        if self._store.read_revision >= read:
            return True
        # The watch waits for a revision that the new etcd has not reached.
        self._next = self._store.read_revision + 1
        return False

    async def _is_lost(self) -> bool:
        lost = await self._store.lost()
        if lost:
            self._log.warning("etcd does not have the data that it had; writing the table again")
        return lost

    def _look_after_replicas(self) -> None:
        if self._reviving is None or self._reviving.done():
            self._reviving = asyncio.create_task(self._revive())

    async def _revive(self) -> None:
        try:
            await self._revival.run()
        except* StoreError as errors:
            self._log.warning("Cannot bring the replicas to the new etcd yet: %s", errors)
        except* Exception:
            self._log.exception("Looking after the replicas failed")
