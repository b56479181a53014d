"""Group commit: all route changes that wait are written together, then the replicas follow.

One transaction is one reload of every Traefik. So while one commit is written and not yet live,
further changes collect, and the last one for a route wins.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from . import metrics
from .errors import HubProxyError, StoreConflictError, StoreError
from .replicas import SLOW, Replicas, Report
from .routes import Route
from .store import Store
from .table import Operation, Put, Table

_CONFLICTS = 5
_PAUSE = 1.0  # seconds between tries to reach the store at the start


class _Batch:
    """Changes that are committed together, and who waits for them."""

    def __init__(self) -> None:
        self.changes: dict[str, Route | None] = {}
        self.done: asyncio.Future[Report] = asyncio.get_running_loop().create_future()
        # Who asked may have gone; that its error was not looked at is then no news.
        self.done.add_done_callback(lambda done: done.cancelled() or done.exception())


class Committer:
    """Writes one table's changes to its store. Only one may write; a second one is noticed."""

    def __init__(
        self,
        table: Table,
        store: Store,
        replicas: Replicas,
        *,
        commit_timeout: float = 30.0,
        log: logging.Logger | logging.LoggerAdapter[Any] | None = None,
    ) -> None:
        self.table = table
        self.store = store
        self.replicas = replicas
        self.generation = 0
        self._commit_timeout = commit_timeout
        self._log = log or logging.getLogger(__name__)
        self._lock = asyncio.Lock()
        self._known = False  # whether the table in memory is the one in the store
        self._undone: dict[str, Route | None] = {}  # what refused changes may have left behind
        self._foreign: set[str] = set()  # told once
        self.on_lagging: Callable[[], object] | None = None
        """Called when a replica answers but does not serve what was committed in time."""
        self._batch: _Batch | None = None
        self._task: asyncio.Task[None] | None = None

    async def submit(self, text: str, route: Route | None) -> Report:
        """Set or remove a route; returns when the replicas follow (see Replicas.wait_for).

        Raises a StoreError when it could not be written; the table is then as before.
        """
        if self._batch is None:
            self._batch = _Batch()
        batch = self._batch
        batch.changes[text] = route
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await asyncio.shield(batch.done)

    async def adopt(self, timeout: float) -> None:
        """Read the table and repair what is wrong; waits for the store `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            try:
                async with self._lock:
                    if not self._known:
                        await self._read(min(max(left, 0.1), self.store.read_seconds))
                    await self._write(time.monotonic() + self._commit_timeout)
                routes, name = len(self.table.routes), self.store.name
                self._log.info("Adopted %i routes from %s", routes, name)
                return
            except StoreError as error:
                if not error.passing:
                    raise
                name, left = self.store.name, deadline - time.monotonic()
                if left <= _PAUSE:
                    self._log.error("%s cannot be used after %.0f s: %s", name, timeout, error)
                    raise
                self._log.warning("Waiting for %s, %.0f s left: %s", name, left, error)
                await asyncio.sleep(_PAUSE)

    async def check(self) -> None:
        """If anybody changed the store since our last look, read it and repair the table."""
        async with self._lock:
            if not self._known or await self.store.changed():
                await self._repair()

    async def repair(self, needed: Callable[[], Awaitable[bool]] | None = None) -> None:
        """Read and repair the table, if `needed` says so at a time when nothing is written."""
        async with self._lock:
            if not self._known or needed is None or await needed():
                await self._repair()

    async def _repair(self) -> None:
        await self._read(self._commit_timeout)
        if await self._write(time.monotonic() + self._commit_timeout):
            metrics.REPAIRS.inc()
            self._log.warning(
                "The routing table in %s was damaged and has been repaired", self.store.name
            )

    async def announce(self) -> Report:
        """Write a new generation and no route; returns when the replicas follow."""
        async with self._lock:
            deadline = time.monotonic() + self._commit_timeout
            while not await self._transact([], deadline):
                await self._read(self._commit_timeout)
                await self._write(deadline)
        return await self.replicas.wait_for(self.generation)

    async def close(self) -> None:
        """Stop; changes that wait end with an error."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._batch is not None and not self._batch.done.done():
            self._batch.done.set_exception(HubProxyError("the proxy is being stopped"))
        self._batch = None
        self.store.close()
        self.replicas.close()

    async def _run(self) -> None:
        while self._batch is not None:
            batch, self._batch = self._batch, None
            try:
                batch.done.set_result(await self._commit(batch.changes))
            except asyncio.CancelledError:
                batch.done.set_exception(HubProxyError("the proxy is being stopped"))
                raise
            except Exception as error:
                metrics.COMMITS.labels("failed").inc()
                batch.done.set_exception(error)

    async def _commit(self, changes: dict[str, Route | None]) -> Report:
        start = time.monotonic()
        deadline = start + self._commit_timeout
        async with self._lock:
            if not self._known:
                await self._read(self._commit_timeout)
            undo = self.table.apply(changes)
            try:
                transactions = await self._write(deadline)
            except BaseException:
                # Whether the last transaction was made is not known; the next one reads first.
                self._known = False
                self.table.apply(undo)
                self._undone.update(undo)
                raise
        if not transactions:
            metrics.COMMITS.labels("unchanged").inc()
            return Report()
        seconds = time.monotonic() - start
        metrics.COMMITS.labels("written").inc()
        metrics.COMMIT_ROUTES.observe(len(changes))
        metrics.COMMIT_SECONDS.observe(seconds)
        self._log.log(
            logging.INFO if seconds >= SLOW else logging.DEBUG,
            "Committed %i routes in %i transactions, generation %i, in %.3f s",
            len(changes),
            transactions,
            self.generation,
            seconds,
        )
        report = await self.replicas.wait_for(self.generation)
        if report.lagging and self.on_lagging is not None:
            self.on_lagging()
        return report

    async def _write(self, deadline: float) -> int:
        """Write what differs; returns the number of transactions."""
        count = 0
        for _ in range(_CONFLICTS):
            for operations in self._chunks():
                if not await self._transact(operations, deadline):
                    self._log.warning("Somebody else wrote the routing table; reading it anew")
                    await self._read(max(deadline - time.monotonic(), 0.1))
                    break
                count += 1
            else:
                metrics.ROUTES.set(len(self.table.routes))
                return count
        raise StoreConflictError(f"another writer changed the table {_CONFLICTS} times in a row")

    async def _transact(self, operations: list[Operation], deadline: float) -> bool:
        generation = self.generation + 1
        left = max(deadline - time.monotonic(), 0.1)
        if not await self.store.write(operations, generation, timeout=left):
            return False
        self.generation = generation
        metrics.GENERATION.set(generation)
        self.table.written(operations)
        return True

    def _chunks(self) -> Iterator[list[Operation]]:
        """The difference in transactions within the store's limits, a router's keys together."""
        return pack(self.table.difference(), self.store.max_operations, self.store.max_bytes)

    async def _read(self, timeout: float) -> None:
        self._known = False
        snapshot = await self.store.read(timeout=timeout)
        # A new count begins above any that a replica may still remember from before a loss.
        stored = int(time.time()) if snapshot.generation is None else snapshot.generation
        self.generation = max(self.generation, stored)
        metrics.GENERATION.set(self.generation)
        broken, foreign = self.table.load(snapshot.pairs)
        self.table.apply(self._undone)
        self._undone = {}
        for key in broken:
            self._log.warning("Removing the record %s, which cannot be read", key)
        if unknown := sorted(set(foreign) - self._foreign):
            self._foreign.update(unknown)
            self._log.info(
                "Leaving alone what is not ours in %s: %s",
                self.store.name,
                ", ".join(unknown[:20]),
            )
        self._known = True


def pack(
    groups: Iterable[list[Operation]], max_operations: int, max_bytes: int
) -> Iterator[list[Operation]]:
    """Join groups, in order, to lists within the limits; no group is cut apart."""
    chunk: list[Operation] = []
    size = 0
    for group in groups:
        added = sum(
            len(o.key) + 32 + (len(o.value.encode()) if isinstance(o, Put) else 0) for o in group
        )
        if chunk and (len(chunk) + len(group) > max_operations or size + added > max_bytes):
            yield chunk
            chunk, size = [], 0
        chunk += group
        size += added
    if chunk:
        yield chunk
