"""One at a time changes who belongs to etcd's cluster: a lock in etcd itself.

Members come by themselves and the set-up takes others away. Each decides by the list of members;
with the lock nobody changes that list between another one's look and its step.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from .errors import EtcdError
from .etcd_client import EtcdClient
from .etcd_lock import take

LOCK_KEY = "jupyterhub-ha/membership"
_SECONDS = 60  # until the lock of one that was killed is free again; a step takes a few


@asynccontextmanager
async def membership_lock(root: EtcdClient, owner: str) -> AsyncIterator[str]:
    """Take the lock if it is free; yields who else has it, or nothing if it is `owner`'s now.

    EtcdError where the cluster does not answer.
    """
    lease = await root.lease_grant(_SECONDS)
    try:
        yield await take(root, LOCK_KEY, owner, lease)
    finally:
        with suppress(EtcdError):  # then it ends with its time
            await root.lease_revoke(lease)
