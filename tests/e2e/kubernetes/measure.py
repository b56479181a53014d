"""A fault under load: what it cost, and whether that is allowed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from jupyterhub_ha.etcd_client import EtcdClient
from jupyterhub_ha.table import RECORDS

from .faults import Fault, Scene
from .kube import Kube, KubeError
from .load.clients import Load
from .load.events import CLOSED, FAILED, LATE_OUTCOME, Event, Log, Second, by_second, count, share
from .load.logins import Logins, SteadyLogins
from .release import DRAIN

_AFTER = 5.0  # seconds; what a fault costs may show a little later
_SERVED = 16.0  # seconds without a failure; longer than a request that hangs until it has failed
_LONGEST_UNTIL_SERVED = 300.0
_TOLD = 60  # failures of a row that are written down
_SLOWEST_LOGIN = 3.0  # seconds to a live route, where a change has to wait for etcd's new leader
_SLACK = 2.0  # seconds, on a machine that does everything at once


@dataclass(frozen=True)
class Row:
    """One line of the table of what was lost."""

    proxy: str
    fault: str
    seconds: float
    requests: int
    failed: int
    retries_failed: int
    last_failure: float
    """Seconds after the beginning; 0 without one."""
    late: int
    slowest: float
    closed: int
    """Websockets and streams that the other side ended."""
    logins: int
    logins_failed: int
    login_median: float
    """Seconds from the request for a server to its first answer through the proxy."""
    login_slowest: float
    rewritten: int | None
    """Changes of routes that no login asked for; None where they cannot be told apart."""
    allowed: str
    problem: str = ""


@dataclass(frozen=True)
class Measured:
    """A row, and every second of it."""

    row: Row
    seconds: list[Second]
    failures: list[str]
    """Some of them, with the second in which they were seen."""


class Table:
    """The users' routes in etcd, to see whether they are written anew."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube

    async def revisions(self) -> dict[str, int]:
        """Each route's record, and the revision at which it was last written."""
        secret = await asyncio.to_thread(self._kube.secret, "proxy-etcd-hub")
        files = await asyncio.to_thread(self._files, secret)
        with self._kube.forwarded("pod/proxy-etcd-0", 2379) as port:
            client = EtcdClient(
                [f"https://127.0.0.1:{port}"],
                username="hub",
                password=secret["password"],
                ca_file=files["ca.crt"],
                cert_file=files["tls.crt"],
                key_file=files["tls.key"],
            )
            try:
                pairs, _ = await client.range(RECORDS, prefix=True)
            finally:
                client.close()
        return {pair.key: pair.revision for pair in pairs if "/routes/" in pair.key}

    def _files(self, secret: dict[str, str]) -> dict[str, str]:
        folder = self._kube.kubeconfig.parent / "e2e-hub"
        folder.mkdir(mode=0o700, exist_ok=True)
        for name in ("ca.crt", "tls.crt", "tls.key"):
            file = folder / name
            file.touch(mode=0o600)
            file.write_text(secret[name])
        return {name: str(folder / name) for name in ("ca.crt", "tls.crt", "tls.key")}


class Measurement:
    """The load at one release, from start to stop."""

    def __init__(self, scene: Scene, users: Sequence[str]) -> None:
        self.scene = scene
        self.log = Log()
        self._load = Load(scene.url, users, self.log, scene.cluster.client_addresses)
        self._logins = SteadyLogins(scene.url)
        self._table = Table(scene.release.kube) if scene.release.is_etcd else None

    def start(self) -> None:
        """Begin."""
        self._load.start()
        self._logins.start()

    async def stop(self) -> None:
        """End."""
        await self._load.stop()
        await self._logins.stop()

    async def during(self, fault: Fault) -> Measured:
        """Let a fault happen and count until all is whole again."""
        before = await self._table.revisions() if self._table and not fault.rewrites else {}
        self._logins.take()
        self.scene.logins = Logins()
        begin = self.log.now()
        meanwhile = asyncio.ensure_future(fault.also(self.scene)) if fault.also else None
        problem = ""
        try:
            await asyncio.to_thread(fault.run, self.scene)
            await asyncio.sleep(
                1
            )  # until Kubernetes has seen that something is not as it should be
            await asyncio.to_thread(self.scene.release.settle)
        except (KubeError, TimeoutError) as error:
            problem = f"not whole again: {error}"
        if meanwhile:
            await meanwhile
        await asyncio.sleep(_AFTER)
        if not self.scene.release.is_etcd:
            await self.until_served()
        self._load.check()
        end = self.log.now()
        logins = self._logins.take()
        logins.to_live += self.scene.logins.to_live
        logins.problems += self.scene.logins.problems
        rewritten = await self._rewritten(before) if before else None
        events = self.log.between(begin, end)
        row = _row(self.scene, fault, events, begin, end, logins, rewritten, problem)
        failed = [event for event in events if event.outcome == FAILED]
        told = [f"{e.ended - begin:.1f} s: {e.kind}: {e.detail}" for e in failed[:_TOLD]]
        return Measured(row, by_second(events, begin, end), told + logins.problems[:_TOLD])

    async def until_served(self) -> None:
        """The hub gives a new configurable-http-proxy its routes some time after it is ready."""
        begin = self.log.now()
        while (now := self.log.now()) < begin + _LONGEST_UNTIL_SERVED:
            since = now - _SERVED
            if since > begin and not count(self.log.between(since, now), FAILED):
                return
            await asyncio.sleep(1)

    async def _rewritten(self, before: dict[str, int]) -> int:
        assert self._table  # for the type: there is something to compare
        after = await self._table.revisions()
        return sum(after.get(key) != revision for key, revision in before.items())


def _row(
    scene: Scene,
    fault: Fault,
    events: Sequence[Event],
    begin: float,
    end: float,
    logins: Logins,
    rewritten: int | None,
    problem: str,
) -> Row:
    failures = [event for event in events if event.outcome == FAILED]
    problems = [problem] if problem else []
    if scene.release.is_etcd:
        problems += wrong(fault, events, begin, logins, rewritten)
    return Row(
        "traefik-etcd" if scene.release.is_etcd else "chp",
        fault.name,
        round(end - begin, 1),
        len(events),
        len(failures),
        sum(event.retry_failed for event in failures),
        round(max((event.ended - begin for event in failures), default=0.0), 1),
        count(events, LATE_OUTCOME),
        round(max((event.took for event in events), default=0.0), 2),
        count(events, CLOSED),
        len(logins.to_live) + len(logins.problems),
        len(logins.problems),
        round(share(logins.to_live, 0.5), 2),
        round(max(logins.to_live, default=0.0), 2),
        rewritten,
        fault.allowed,
        "; ".join(problems),
    )


def wrong(
    fault: Fault, events: Sequence[Event], begin: float, logins: Logins, rewritten: int | None
) -> list[str]:
    """What a fault cost beyond what is allowed; empty when all is well."""
    problems = []
    failures = [event for event in events if event.outcome == FAILED]
    if failures and not fault.in_flight:
        problems.append(f"{len(failures)} failed, the first: {failures[0].detail}")
    # Kubernetes has noticed after `gap`; from then on nobody may fail.
    late = [event for event in failures if event.ended - event.took - begin > fault.gap]
    if late and fault.in_flight:
        problems.append(f"{len(late)} that began after {fault.gap:.0f} s failed")
    closed = [event.ended - begin for event in events if event.outcome == CLOSED]
    if closed and not (fault.in_flight or fault.drains):
        problems.append(f"{len(closed)} websockets or streams closed")
    if closed and fault.drains and min(closed) < DRAIN - _SLACK:
        problems.append(f"a websocket was closed after {min(closed):.1f} s, before the drain's end")
    if fault.logins and logins.problems:
        problems.append(f"{len(logins.problems)} logins failed: {logins.problems[0]}")
    if fault.logins and max(logins.to_live, default=0.0) > _SLOWEST_LOGIN + _SLACK:
        problems.append(f"a route was live after {max(logins.to_live):.1f} s")
    if fault.also and len(logins.to_live) < 100:
        problems.append(f"{len(logins.to_live)} of 100 logins served: {logins.problems[:1]}")
    if not fault.rewrites and rewritten:
        problems.append(f"{rewritten} routes were written anew")
    return problems
