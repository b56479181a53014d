"""Prepare etcd: users, roles, authentication and the first key; and look after it later.

Run as ``python -m jupyterhub_ha.etcd_setup --help``. Every step is made only where it is missing,
so it may run again at any time. Passwords come from files or the environment, never from the
command line.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import (
    EtcdAuthError,
    EtcdError,
    EtcdRequestError,
    EtcdTimeoutError,
    EtcdUnavailableError,
)
from .etcd_client import EtcdClient
from .etcd_wire import decode, encode, prefix_end
from .table import RECORDS, Layout

log = logging.getLogger("etcd-setup")

# That authentication is off is what this is here for, and no warning.
_quiet = logging.getLogger("etcd-setup.client")
_quiet.setLevel(logging.ERROR)

_PAUSE = 1.0
_ROOT_PASSWORD = "JUPYTERHUB_HA_ETCD_ROOT_PASSWORD"  # noqa: S105  a variable's name
_HUB_PASSWORD = "JUPYTERHUB_HA_ETCD_HUB_PASSWORD"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Tls:
    """Files of the client certificate; empty for an etcd without TLS."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""


class EtcdSetup:
    """The wanted state of one etcd; `apply` brings it about, `defragment` gives space back."""

    def __init__(
        self,
        endpoints: Sequence[str],
        root_password: str,
        hub_password: str,
        tls: Tls,
        root_key: str = "traefik",
    ) -> None:
        self._hub_password = hub_password
        self._root_password = root_password
        self._root_key = root_key
        self._root = self._client(endpoints, "root", root_password, tls)
        # Its own client, only to see whether this password is the present one.
        self._hub = self._client(endpoints, "hub", hub_password, tls)

    @staticmethod
    def _client(endpoints: Sequence[str], name: str, password: str, tls: Tls) -> EtcdClient:
        return EtcdClient(
            endpoints,
            username=name,
            password=password,
            ca_file=tls.ca_file,
            cert_file=tls.cert_file,
            key_file=tls.key_file,
            log=_quiet,
        )

    async def wait(self, timeout: float) -> None:
        """Wait until the cluster has a leader and answers; EtcdError after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                await self._root.call("auth/status", timeout=5.0)
                return
            except (EtcdUnavailableError, EtcdTimeoutError) as error:
                if time.monotonic() + _PAUSE > deadline:
                    raise
                log.info("waiting for etcd: %s", error)
                await asyncio.sleep(_PAUSE)

    async def apply(self) -> None:
        """Create what is missing, and correct roles and the hub's password."""
        await self._role("hub", "READWRITE", (self._root_key, RECORDS))
        await self._role("traefik", "READ", (self._root_key,))
        await self._user("root", {"password": self._root_password}, "root")
        await self._user("hub", {"password": self._hub_password}, "hub")
        # Its certificate's CommonName says who it is; no password can be tried.
        await self._user("traefik", {"options": {"no_password": True}}, "traefik")
        await self._first_key()
        if not (await self._root.call("auth/status")).get("enabled"):
            await self._root.call("auth/enable")
            log.info("authentication is on")
        await self._check_hub_password()

    async def defragment(self) -> None:
        """Defragment all members, one after another, so that the others keep answering."""
        members = (await self._root.call("cluster/member/list")).get("members", ())
        for member in members:
            endpoint = member["clientURLs"][0]
            before = int((await self._root.status(endpoint)).get("dbSize", 0))
            await self._root.defragment(endpoint)
            after = int((await self._root.status(endpoint)).get("dbSize", 0))
            log.info("%s: %i KiB, was %i KiB", member.get("name"), after // 1024, before // 1024)

    async def alarms(self) -> list[str]:
        """Alarms that are on, such as NOSPACE, one a member."""
        found = (await self._root.call("maintenance/alarm", {"action": "GET"})).get("alarms", ())
        return [f"member {alarm.get('memberID')}: {alarm.get('alarm')}" for alarm in found]

    async def _role(self, name: str, kind: str, prefixes: Sequence[str]) -> None:
        roles = (await self._root.call("auth/role/list")).get("roles", ())
        if name not in roles:
            await self._root.call("auth/role/add", {"name": name})
            log.info("role %s created", name)
        wanted = {(kind, prefix, decode(prefix_end(prefix))) for prefix in prefixes}
        role = await self._root.call("auth/role/get", {"role": name})
        present = {_permission(found) for found in role.get("perm", ())}
        for _, key, end in present - wanted:
            body = {"role": name, "key": encode(key), "range_end": encode(end)}
            await self._root.call("auth/role/revoke", body)
            log.info("role %s: permission for %s taken away", name, key)
        for permission, key, end in sorted(wanted - present):
            perm = {"permType": permission, "key": encode(key), "range_end": encode(end)}
            await self._root.call("auth/role/grant", {"name": name, "perm": perm})
            log.info("role %s: %s for %s", name, permission, key)

    async def _user(self, name: str, credentials: dict[str, Any], role: str) -> None:
        users = (await self._root.call("auth/user/list")).get("users", ())
        if name not in users:
            await self._root.call("auth/user/add", {"name": name, **credentials})
            log.info("user %s created", name)
        present = (await self._root.call("auth/user/get", {"name": name})).get("roles", ())
        for other in set(present) - {role}:
            await self._root.call("auth/user/revoke", {"name": name, "role": other})
            log.info("user %s: role %s taken away", name, other)
        if role not in present:
            if role == "root":
                await self._add_root_role()
            await self._root.call("auth/user/grant", {"user": name, "role": role})
            log.info("user %s has role %s", name, role)

    async def _add_root_role(self) -> None:
        roles = (await self._root.call("auth/role/list")).get("roles", ())
        if "root" not in roles:
            await self._root.call("auth/role/add", {"name": "root"})

    async def _first_key(self) -> None:
        """Traefik retries with growing pauses while its root key is empty."""
        marker = Layout(root_key=self._root_key).marker_key
        pairs, _ = await self._root.range(marker)
        if not pairs:
            now = str(int(time.time()))
            if (await self._root.txn(unchanged={marker: 0}, puts={marker: now})).succeeded:
                log.info("first key %s written", marker)

    async def _check_hub_password(self) -> None:
        try:
            await self._hub.range(RECORDS)
        except EtcdAuthError:
            body = {"name": "hub", "password": self._hub_password}
            await self._root.call("auth/user/changepw", body)
            await self._hub.range(RECORDS)
            log.info("the hub's password has been changed")


def _permission(found: dict[str, Any]) -> tuple[str, str, str]:
    # proto3 leaves out the first value of an enumeration, which is READ.
    return (
        found.get("permType", "READ"),
        decode(found.get("key", "")),
        decode(found.get("range_end", "")),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m jupyterhub_ha.etcd_setup",
        description="Create etcd's users, roles and first key, and turn authentication on. "
        "What is there already stays.",
        epilog=f"Passwords: {_ROOT_PASSWORD} and {_HUB_PASSWORD}, or the files. Exit status: 0 "
        "done, 1 etcd refused or cannot be reached, 2 wrong usage, 3 done but an alarm is on.",
    )
    parser.add_argument("--endpoints", nargs="+", required=True, metavar="URL")
    parser.add_argument("--ca-file", default="", help="authority of etcd's certificates, PEM")
    parser.add_argument("--cert-file", default="", help="client certificate without CommonName")
    parser.add_argument("--key-file", default="", help="its private key")
    parser.add_argument("--root-password-file", metavar="FILE")
    parser.add_argument("--hub-password-file", metavar="FILE")
    parser.add_argument("--root-key", default="traefik", help="Traefik's root key (%(default)s)")
    parser.add_argument("--timeout", type=float, default=120, help="seconds to wait (%(default)s)")
    parser.add_argument("--defragment", action="store_true", help="defragment each member, too")
    return parser


def _password(file: str | None, variable: str) -> str:
    try:
        found = Path(file).read_text(encoding="utf-8").strip() if file else os.environ[variable]
    except OSError as error:
        raise EtcdRequestError(f"cannot read the password file {file}: {error.strerror}") from error
    except KeyError:
        found = ""
    if not found:
        raise EtcdRequestError(f"no password: set {variable} or name a file that holds it")
    return found


async def _run(options: argparse.Namespace) -> int:
    setup = EtcdSetup(
        options.endpoints,
        _password(options.root_password_file, _ROOT_PASSWORD),
        _password(options.hub_password_file, _HUB_PASSWORD),
        Tls(options.ca_file, options.cert_file, options.key_file),
        options.root_key,
    )
    await setup.wait(options.timeout)
    await setup.apply()
    if options.defragment:
        await setup.defragment()
    alarms = await setup.alarms()
    for alarm in alarms:
        log.error("alarm: %s", alarm)
    return 3 if alarms else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s", stream=sys.stderr)
    try:
        return asyncio.run(_run(options))
    except EtcdError as error:
        log.error("%s", error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
