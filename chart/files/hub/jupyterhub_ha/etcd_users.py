"""Users and roles of etcd, brought to what they are to be.

A step is made only where it is missing, so a release that runs is brought from one state to the
next without a moment in which somebody lacks a right that both states give.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .etcd_client import EtcdClient
from .etcd_wire import decode, encode, prefix_end

log = logging.getLogger("etcd-setup")

# Kind, first key, and the key at which it ends.
_Permission = tuple[str, str, str]


async def ensure_role(root: EtcdClient, name: str, kind: str, prefixes: Sequence[str]) -> None:
    """The role may READ, or READWRITE, what has one of the prefixes, and nothing else."""
    roles = (await root.call("auth/role/list")).get("roles", ())
    if name not in roles:
        await root.call("auth/role/add", {"name": name})
        log.info("role %s created", name)
    wanted = {(kind, prefix, decode(prefix_end(prefix))) for prefix in prefixes}
    role = await root.call("auth/role/get", {"role": name})
    present = {_permission(found) for found in role.get("perm", ())}
    # First what is new: a hub that runs is never without the right to its routes.
    for permission, key, end in sorted(wanted - present):
        perm = {"permType": permission, "key": encode(key), "range_end": encode(end)}
        await root.call("auth/role/grant", {"name": name, "perm": perm})
        log.info("role %s: %s for %s", name, permission, key)
    for key, end in sorted(_spans(present) - _spans(wanted)):
        body = {"role": name, "key": encode(key), "range_end": encode(end)}
        await root.call("auth/role/revoke", body)
        log.info("role %s: permission for %s taken away", name, key)


async def ensure_user(
    root: EtcdClient, name: str, credentials: Mapping[str, Any], role: str
) -> None:
    """There is such a user, with this role alone; the credentials are those of a new one."""
    users = (await root.call("auth/user/list")).get("users", ())
    if name not in users:
        await root.call("auth/user/add", {"name": name, **credentials})
        log.info("user %s created", name)
    present = (await root.call("auth/user/get", {"name": name})).get("roles", ())
    for other in set(present) - {role}:
        await root.call("auth/user/revoke", {"name": name, "role": other})
        log.info("user %s: role %s taken away", name, other)
    if role not in present:
        if role == "root":
            await _add_root_role(root)
        await root.call("auth/user/grant", {"user": name, "role": role})
        log.info("user %s has role %s", name, role)


async def _add_root_role(root: EtcdClient) -> None:
    roles = (await root.call("auth/role/list")).get("roles", ())
    if "root" not in roles:
        await root.call("auth/role/add", {"name": "root"})


def _spans(permissions: Iterable[_Permission]) -> set[tuple[str, str]]:
    return {(key, end) for _, key, end in permissions}


def _permission(found: Mapping[str, Any]) -> _Permission:
    # proto3 leaves out the first value of an enumeration, which is READ.
    return (
        found.get("permType", "READ"),
        decode(found.get("key", "")),
        decode(found.get("range_end", "")),
    )
