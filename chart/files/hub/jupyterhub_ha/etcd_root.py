"""What the set-up and each member of etcd do as its root: ask for the members, and change them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from .etcd_client import EtcdClient
from .etcd_membership import Member, Promote, Remove

MEMBERS = "JUPYTERHUB_HA_ETCD_MEMBERS"
ROOT_PASSWORD = "JUPYTERHUB_HA_ETCD_ROOT_PASSWORD"  # noqa: S105  a variable's name

# That authentication is off is what this is here for, and no warning.
_quiet = logging.getLogger("etcd-setup.client")
_quiet.setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Tls:
    """Files of the client certificate; empty for an etcd without TLS."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""


def client(endpoints: Sequence[str], name: str, password: str, tls: Tls) -> EtcdClient:
    """A client of etcd that is silent about an authentication which is still off."""
    return EtcdClient(
        endpoints,
        username=name,
        password=password,
        ca_file=tls.ca_file,
        cert_file=tls.cert_file,
        key_file=tls.key_file,
        log=_quiet,
    )


async def list_members(root: EtcdClient) -> list[Member]:
    """The members as the leader knows them."""
    answer = await root.call("cluster/member/list", {"linearizable": True})
    return [Member.of(found) for found in answer.get("members", ())]


async def change(root: EtcdClient, step: Remove | Promote) -> str:
    """Take a member away, or give it its vote; says what was done. EtcdError where etcd refuses."""
    kind = "remove" if isinstance(step, Remove) else "promote"
    await root.call(f"cluster/member/{kind}", {"ID": step.member.id})
    if isinstance(step, Remove):
        return f"member {step.member.label} is removed: {step.reason}"
    return f"member {step.member.label} has a vote"
