"""One at a time changes who belongs to etcd's cluster: a lock in etcd itself.

Members come by themselves and the set-up takes others away. Each decides by the list of members;
with the lock nobody changes that list between another one's look and its step.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from .errors import EtcdError
from .etcd_client import EtcdClient
from .etcd_wire import decode, encode

LOCK_KEY = "jupyterhub-ha/membership"
_SECONDS = 60  # until the lock of one that was killed is free again; a step takes a few


@asynccontextmanager
async def membership_lock(root: EtcdClient, owner: str) -> AsyncIterator[str]:
    """Take the lock if it is free; yields who else has it, or nothing if it is `owner`'s now.

    EtcdError where the cluster does not answer.
    """
    lease = await root.lease_grant(_SECONDS)
    try:
        yield await _take(root, owner, lease)
    finally:
        with suppress(EtcdError):  # then it ends with its time
            await root.lease_revoke(lease)


async def _take(root: EtcdClient, owner: str, lease: int) -> str:
    key, value = encode(LOCK_KEY), f"{owner} {lease}"
    put = {"key": key, "value": encode(value), "lease": lease}
    body: dict[str, Any] = {
        "compare": [{"key": key, "target": "VERSION", "result": "EQUAL", "version": 0}],
        "success": [{"request_put": put}],
        "failure": [{"request_range": {"key": key}}],
    }
    answer = await root.call("kv/txn", body)
    if answer.get("succeeded"):
        return ""
    found = decode(answer["responses"][0]["response_range"]["kvs"][0]["value"])
    # The request may have been sent a second time, after an answer that was lost.
    return "" if found == value else found.rpartition(" ")[0]
