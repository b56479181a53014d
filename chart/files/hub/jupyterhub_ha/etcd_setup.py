"""Prepare etcd: users, roles, authentication, the first key; and look after members and space.

Run as ``python -m jupyterhub_ha.etcd_setup --help``. Every step is made only where it is missing,
so it may run again at any time. Passwords come from files or the environment, never from the
command line.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .certificate_publish import OWN, tls_prefix
from .errors import (
    EtcdAuthError,
    EtcdCompactedError,
    EtcdError,
    EtcdRequestError,
    EtcdTimeoutError,
    EtcdUnavailableError,
)
from .etcd_membership import Cluster, Member, Promote, Remove, parse_cluster, upkeep
from .etcd_root import MEMBERS, ROOT_PASSWORD, Tls, change, client, list_members
from .etcd_users import ensure_role, ensure_user
from .membership_lock import membership_lock
from .table import RECORDS, Layout

log = logging.getLogger("etcd-setup")

_PAUSE = 1.0
_NEARLY_ALL = 0.9  # of the quota
_STATUS = 2.0  # seconds in which a member that runs says so
_HUB_PASSWORD = "JUPYTERHUB_HA_ETCD_HUB_PASSWORD"  # noqa: S105  a variable's name
_CERTIFICATES_PASSWORD = "JUPYTERHUB_HA_ETCD_CERTIFICATES_PASSWORD"  # noqa: S105
_CERTIFICATES = "certificates"


class EtcdSetup:
    """The wanted state of one etcd, which `apply` brings about, and the care for it later."""

    def __init__(
        self,
        endpoints: Sequence[str],
        root_password: str,
        hub_password: str,
        tls: Tls,
        root_key: str = "traefik",
        certificates_password: str = "",
    ) -> None:
        """Without `certificates_password` nobody but root may write what Traefik knows of TLS."""
        self._passwords = {"hub": hub_password}
        if certificates_password:
            self._passwords[_CERTIFICATES] = certificates_password
        self._root_password = root_password
        self._root_key = root_key
        self._root = client(endpoints, "root", root_password, tls)
        # Their own clients, only to see whether these passwords are the present ones.
        self._others = {
            name: client(endpoints, name, password, tls)
            for name, password in self._passwords.items()
        }

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
        """Create what is missing, and correct roles and passwords."""
        # Not the whole of Traefik's root: private keys are beside the routes.
        await ensure_role(self._root, "hub", "READWRITE", (f"{self._root_key}/http/", RECORDS))
        await ensure_role(self._root, "traefik", "READ", (self._root_key,))
        await ensure_user(self._root, "root", {"password": self._root_password}, "root")
        await ensure_user(self._root, "hub", {"password": self._passwords["hub"]}, "hub")
        await self._certificates()
        # Its certificate's CommonName says who it is; no password can be tried.
        await ensure_user(self._root, "traefik", {"options": {"no_password": True}}, "traefik")
        await self._first_key()
        if not (await self._root.call("auth/status")).get("enabled"):
            await self._root.call("auth/enable")
            log.info("authentication is on")
        for name in self._passwords:
            await self._check_password(name)

    async def _certificates(self) -> None:
        """The user who publishes certificates; without a password, neither it nor certificates."""
        if _CERTIFICATES in self._passwords:
            prefixes = (tls_prefix(self._root_key), OWN)
            await ensure_role(self._root, _CERTIFICATES, "READWRITE", prefixes)
            password = self._passwords[_CERTIFICATES]
            await ensure_user(self._root, _CERTIFICATES, {"password": password}, _CERTIFICATES)
            return
        users = (await self._root.call("auth/user/list")).get("users", ())
        if _CERTIFICATES in users:
            await self._root.call("auth/user/delete", {"name": _CERTIFICATES})
            for prefix in (tls_prefix(self._root_key), OWN):
                await self._root.delete(prefix, prefix=True)
            log.info("user %s and what it published are taken away", _CERTIFICATES)

    async def defragment(self) -> float:
        """Defragment all members, one after another, so that the others keep answering.

        One that cannot be reached is passed over. Returns how much of its quota the fullest other
        uses then, as a share.
        """
        used = 0.0
        for member in await list_members(self._root):
            if not member.has_run or member.is_learner:
                continue
            try:
                used = max(used, await self._defragment(member))
            except (EtcdUnavailableError, EtcdTimeoutError) as error:
                log.error("%s is not defragmented: %s", member.name, error)
        return used

    async def _defragment(self, member: Member) -> float:
        endpoint = member.client_urls[0]
        before = int((await self._root.status(endpoint)).get("dbSize", 0))
        await self._root.defragment(endpoint)
        status = await self._root.status(endpoint)
        after = int(status.get("dbSize", 0))
        log.info("%s: %i KiB, was %i KiB", member.name, after // 1024, before // 1024)
        return after / int(status.get("dbSizeQuota") or 2 * after)

    async def make_room(self) -> None:
        """When the quota was reached, and etcd so refuses to write: have it write again.

        What is kept of former revisions is given up. Where that is not enough, the alarm stays on.
        """
        full = [alarm for alarm in await self._alarms() if alarm.get("alarm") == "NOSPACE"]
        if not full:
            return
        log.warning("the quota was reached (alarm NOSPACE): compacting and defragmenting")
        _, revision = await self._root.range(RECORDS)
        with contextlib.suppress(EtcdCompactedError):  # somebody did it before
            body = {"revision": revision, "physical": True}
            await self._root.call("kv/compaction", body, timeout=60.0)
        used = await self.defragment()
        if used > _NEARLY_ALL:
            log.error("the data need nearly all of it: raise proxy.etcd.quotaBackendBytes")
        if used >= 1:
            return
        for alarm in full:
            await self._root.call("maintenance/alarm", {**alarm, "action": "DEACTIVATE"})
        log.warning("there is room again, and the alarm is off")

    async def keep_members(self, wanted: Cluster, timeout: float) -> None:
        """Have the cluster consist of the wanted members, each with a vote.

        A member adds itself when it starts. EtcdUnavailableError after `timeout` seconds says what
        is missing. Nobody who answers is removed.
        """
        deadline = time.monotonic() + timeout
        while not (care := upkeep(wanted, await list_members(self._root))).is_done:
            undone = list(care.pending)
            if care.steps:
                undone += await self._change_members(wanted)
            if undone and time.monotonic() + _PAUSE > deadline:
                raise EtcdUnavailableError(f"etcd's members: {'; '.join(undone)}")
            if undone:
                await asyncio.sleep(_PAUSE)

    async def _change_members(self, wanted: Cluster) -> list[str]:
        """Make the steps that are to be made now; why one cannot be made, if so."""
        undone: list[str] = []
        async with membership_lock(self._root, "the set-up") as other:
            if other:
                return [f"{other} changes the members"]
            for step in upkeep(wanted, await list_members(self._root)).steps:
                undone += await self._take(step)
        return undone

    async def _take(self, step: Remove | Promote) -> list[str]:
        """Make a step; why it cannot be made, if so."""
        try:
            if isinstance(step, Remove) and await self._runs(step.member):
                return [f"{step.member.label} is not wanted, but still runs"]
            log.info("%s", await change(self._root, step))
        except EtcdError as error:
            return [f"{step.member.label}: {error}"]
        return []

    async def _runs(self, member: Member) -> bool:
        try:
            for url in member.client_urls:
                await self._root.status(url, timeout=_STATUS)
                return True
        except (EtcdUnavailableError, EtcdTimeoutError):
            pass
        return False

    async def alarms(self) -> list[str]:
        """Alarms that are on, such as NOSPACE, one a member."""
        found = await self._alarms()
        return [f"member {alarm.get('memberID')}: {alarm.get('alarm')}" for alarm in found]

    async def _alarms(self) -> list[dict[str, Any]]:
        answer = await self._root.call("maintenance/alarm", {"action": "GET"})
        return list(answer.get("alarms", ()))

    async def _first_key(self) -> None:
        """Traefik retries with growing pauses while its root key is empty."""
        marker = Layout(root_key=self._root_key).marker_key
        pairs, _ = await self._root.range(marker)
        if not pairs:
            now = str(int(time.time()))
            if (await self._root.txn(unchanged={marker: 0}, puts={marker: now})).succeeded:
                log.info("first key %s written", marker)

    async def _check_password(self, name: str) -> None:
        own = RECORDS if name == "hub" else OWN
        try:
            await self._others[name].range(own)
        except EtcdAuthError:
            body = {"name": name, "password": self._passwords[name]}
            await self._root.call("auth/user/changepw", body)
            await self._others[name].range(own)
            log.info("the password of %s has been changed", name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m jupyterhub_ha.etcd_setup",
        description="Create etcd's users, roles and first key, and turn authentication on. "
        "What is there already stays. Gives room to an etcd that has reached its quota.",
        epilog=f"Passwords: {ROOT_PASSWORD} and {_HUB_PASSWORD}, or the files; with "
        f"{_CERTIFICATES_PASSWORD} there is a user for certificates, too. With {MEMBERS} "
        "(NAME=PEER-URL,...) the cluster is to consist of these members. Exit status: 0 done, "
        "1 etcd refused, cannot be reached or lacks a member, 2 wrong usage, 3 done but an alarm "
        "is on.",
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
        _password(options.root_password_file, ROOT_PASSWORD),
        _password(options.hub_password_file, _HUB_PASSWORD),
        Tls(options.ca_file, options.cert_file, options.key_file),
        options.root_key,
        os.environ.get(_CERTIFICATES_PASSWORD, ""),
    )
    await setup.wait(options.timeout)
    await setup.make_room()
    await setup.apply()
    if options.defragment:
        await setup.defragment()
    if wanted := parse_cluster(os.environ.get(MEMBERS, "")):
        await setup.keep_members(wanted, options.timeout)
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
