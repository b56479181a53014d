"""Group commit: all route changes that wait go to etcd together, then the replicas follow.

One transaction is one reload of every Traefik. So while one commit is written and not yet live,
further changes collect, and the last one for a route wins.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Iterator
from typing import Any

from . import metrics
from .errors import (
    EtcdAuthError,
    EtcdCompactedError,
    EtcdConflictError,
    EtcdTimeoutError,
    EtcdUnavailableError,
    HubProxyError,
)
from .etcd_client import EtcdClient
from .replicas import Replicas, Report
from .routes import Route
from .table import Operation, Put, Table

_CONFLICTS = 5
_PASSING = (EtcdUnavailableError, EtcdTimeoutError, EtcdCompactedError)
_MAX_BYTES = 1_000_000  # below the server's default of 1.5 MiB (--max-request-bytes)
_PAUSE = 1.0  # seconds between tries to reach etcd at the start


class _Batch:
    """Changes that are committed together, and who waits for them."""

    def __init__(self) -> None:
        self.changes: dict[str, Route | None] = {}
        self.done: asyncio.Future[Report] = asyncio.get_running_loop().create_future()
        # Who asked may have gone; that its error was not looked at is then no news.
        self.done.add_done_callback(lambda done: done.cancelled() or done.exception())


class Committer:
    """Writes one table's changes to etcd. Only one may write a table; a second one is noticed."""

    def __init__(
        self,
        table: Table,
        client: EtcdClient,
        replicas: Replicas,
        *,
        max_txn_ops: int = 128,
        commit_timeout: float = 30.0,
        log: logging.Logger | logging.LoggerAdapter[Any] | None = None,
    ) -> None:
        self.table = table
        self.replicas = replicas
        self.generation = 0
        self._client = client
        self._max_txn_ops = max_txn_ops
        self._commit_timeout = commit_timeout
        self._log = log or logging.getLogger(__name__)
        self._lock = asyncio.Lock()
        self._known = False  # whether the table in memory is the one in etcd
        self._marker = 0  # the marker's revision
        self._seen = 0  # the store's revision at our last read or write
        self._batch: _Batch | None = None
        self._task: asyncio.Task[None] | None = None

    async def submit(self, text: str, route: Route | None) -> Report:
        """Set or remove a route; returns when the replicas follow (see Replicas.wait_for).

        Raises an EtcdError when it could not be written; the table is then as before.
        """
        if self._batch is None:
            self._batch = _Batch()
        batch = self._batch
        batch.changes[text] = route
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await asyncio.shield(batch.done)

    async def adopt(self, timeout: float) -> None:
        """Read the table from etcd and repair what is wrong; waits for etcd `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            try:
                async with self._lock:
                    if not self._known:
                        await self._read(min(max(left, 0.1), 5.0))
                    await self._write(time.monotonic() + self._commit_timeout)
                self._log.info("Adopted %i routes from etcd", len(self.table.routes))
                return
            except (*_PASSING, EtcdAuthError) as error:
                # The set-up that creates the users may run at this very moment.
                left = deadline - time.monotonic()
                if left <= _PAUSE:
                    self._log.error("etcd cannot be used after %.0f s: %s", timeout, error)
                    raise
                self._log.warning("Waiting for etcd, %.0f s left: %s", left, error)
                await asyncio.sleep(_PAUSE)

    async def check(self) -> None:
        """If anybody changed the store since our last look, read it and repair the table."""
        async with self._lock:
            if self._known:
                _, revision = await self._client.range(self.table.layout.marker_key)
                if revision == self._seen:
                    return
            await self._read(self._commit_timeout)
            if await self._write(time.monotonic() + self._commit_timeout):
                self._log.warning("The routing table in etcd was damaged and has been repaired")

    async def close(self) -> None:
        """Stop; changes that wait end with an error."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._batch is not None and not self._batch.done.done():
            self._batch.done.set_exception(HubProxyError("the proxy is being stopped"))
        self._batch = None
        self._client.close()
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
                raise
        if not transactions:
            metrics.COMMITS.labels("unchanged").inc()
            return Report()
        seconds = time.monotonic() - start
        metrics.COMMITS.labels("written").inc()
        metrics.COMMIT_ROUTES.observe(len(changes))
        metrics.COMMIT_SECONDS.observe(seconds)
        self._log.debug(
            "Committed %i routes in %i transactions, generation %i, in %.3f s",
            len(changes),
            transactions,
            self.generation,
            seconds,
        )
        return await self.replicas.wait_for(self.generation)

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
        raise EtcdConflictError(f"another writer changed the table {_CONFLICTS} times in a row")

    async def _transact(self, operations: list[Operation], deadline: float) -> bool:
        marker = self.table.layout.marker_key
        puts = {o.key: o.value for o in operations if isinstance(o, Put)}
        generation = self.generation + 1
        result = await self._client.txn(
            unchanged={marker: self._marker},
            puts={**puts, marker: str(generation)},
            deletes=[o.key for o in operations if not isinstance(o, Put)],
            timeout=max(deadline - time.monotonic(), 0.1),
        )
        if result.succeeded:
            metrics.TRANSACTIONS.inc()
            self._marker = self._seen = result.revision
            self.generation = generation
            self.table.written(operations)
        return result.succeeded

    def _chunks(self) -> Iterator[list[Operation]]:
        """The difference in transactions within the server's limits, one router's keys together."""
        return pack(self.table.difference(), self._max_txn_ops - 1, _MAX_BYTES)

    async def _read(self, timeout: float) -> None:
        layout = self.table.layout
        self._known = False
        pairs, revision = await self._client.range(layout.http, prefix=True, timeout=timeout)
        records, _ = await self._client.range(
            layout.records, prefix=True, revision=revision, timeout=timeout
        )
        marker = next((pair for pair in pairs if pair.key == layout.marker_key), None)
        self._marker = marker.revision if marker else 0
        # A new count begins above any that a replica may still remember from before a loss.
        stored = int(marker.value) if marker and marker.value.isdigit() else int(time.time())
        self.generation = max(self.generation, stored)
        broken, foreign = self.table.load({pair.key: pair.value for pair in (*pairs, *records)})
        for key in broken:
            self._log.warning("Removing the record %s, which cannot be read", key)
        if foreign:
            self._log.info("Leaving alone what is not ours in etcd: %s", ", ".join(foreign[:20]))
        self._seen, self._known = revision, True


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
