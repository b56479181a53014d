"""A lock in etcd: a key with a lease, so that it is free again soon after its holder has died."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from .errors import EtcdError
from .etcd_client import EtcdClient
from .etcd_wire import decode, encode


async def take(client: EtcdClient, key: str, owner: str, lease: int) -> str:
    """Take the lock if it is free: who else has it, or nothing if it is `owner`'s now."""
    name, value = encode(key), f"{owner} {lease}"
    put = {"key": name, "value": encode(value), "lease": lease}
    body: dict[str, Any] = {
        "compare": [{"key": name, "target": "VERSION", "result": "EQUAL", "version": 0}],
        "success": [{"request_put": put}],
        "failure": [{"request_range": {"key": name}}],
    }
    answer = await client.call("kv/txn", body)
    if answer.get("succeeded"):
        return ""
    found = decode(answer["responses"][0]["response_range"]["kvs"][0]["value"])
    # The request may have been sent a second time, after an answer that was lost.
    return "" if found == value else found.rpartition(" ")[0]


class Held:
    """A lock that was taken, or was not: then `other` is who has it."""

    def __init__(self, client: EtcdClient, key: str, lease: int, seconds: float) -> None:
        self.other = ""
        self.unchanged: dict[str, int] = {}
        """The comparison with which a transaction is made only while the lock is held."""
        self._client = client
        self._key = key
        self._lease = lease
        self._seconds = seconds
        self._until = 0.0

    @property
    def is_held(self) -> bool:
        """Whether it is certain that nobody else has the lock."""
        return not self.other and time.monotonic() < self._until

    async def take(self, owner: str) -> None:
        """Try it once; EtcdError where etcd does not answer."""
        started = time.monotonic()
        self.other = await take(self._client, self._key, owner, self._lease)
        if self.other:
            return
        pairs, _ = await self._client.range(self._key)
        self.unchanged = {self._key: pairs[0].revision if pairs else -1}
        self._until = started + self._seconds

    async def keep(self) -> None:
        """Keep the lease alive, until the lock is lost."""
        while self.is_held:
            await asyncio.sleep(self._seconds / 4)
            started = time.monotonic()
            with contextlib.suppress(EtcdError):  # it is tried again while there is time
                if not await self._client.lease_keepalive(self._lease):
                    self._until = 0.0
                    return
                self._until = started + self._seconds


@asynccontextmanager
async def hold(client: EtcdClient, key: str, owner: str, seconds: int) -> AsyncIterator[Held]:
    """Try to take the lock, and hold it as long as the block runs.

    After `seconds` without its holder it is free again. EtcdError where etcd does not answer.
    """
    lease = await client.lease_grant(seconds)
    held = Held(client, key, lease, float(seconds))
    keeper: asyncio.Task[None] | None = None
    try:
        await held.take(owner)
        keeper = asyncio.create_task(held.keep())
        yield held
    finally:
        if keeper is not None:
            keeper.cancel()
        with contextlib.suppress(EtcdError):  # then it ends with its time
            await client.lease_revoke(lease)
