"""Wait until every Traefik replica serves a generation of the table."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from . import metrics
from .errors import RouteError
from .replica_http import NoAnswerError, ReplicaHttp
from .table import generation_in, marks_in

_REQUEST_SECONDS = 2.0
_QUICK_SECONDS = 0.25
# Later versions of Traefik may know the filter; 3.7 gives the whole page.
_METRICS = "/metrics?name[]=traefik_service_requests_total&name[]=process_start_time_seconds"
# Each question costs Traefik time that it needs for the change itself: the first comes after a
# share of what changes usually take, the others in steps of a share of what this one has taken.
_FIRST_SHARE, _LONGEST_FIRST = 0.6, 0.5
_STEP_SHARE, _SHORTEST_STEP, _LONGEST_STEP = 0.05, 0.001, 0.25
SLOW = 2.0
"""Seconds from which on a step of a change is told in the log: whoever logs in waits for it."""


@dataclass(frozen=True, slots=True)
class Report:
    """Addresses of the replicas after a wait.

    `live` serve the generation, `lagging` answer but do not serve it yet, `skipped` do not answer
    or are shutting down.
    """

    live: list[str] = field(default_factory=list)
    lagging: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


class Replicas:
    """The replicas behind some URLs of Traefik's internal entry point.

    A host name stands for all its addresses, looked up anew at each wait. A replica that was too
    late once is asked, but not waited for, until it has caught up; one that did not answer has
    little time to show that it is back.
    """

    def __init__(
        self,
        urls: Sequence[str],
        marker: str,
        *,
        username: str = "",
        password: str = "",
        provider: str = "etcd",
        timeout: float = 10.0,
        log: logging.Logger | logging.LoggerAdapter[Any] | None = None,
    ) -> None:
        for url in urls:
            if urlsplit(url).scheme != "http" or not urlsplit(url).hostname:
                raise RouteError(f"replica URL {url!r} is not like http://proxy-replicas:8080")
        self.urls = list(urls)
        self.timeout = timeout
        self.seen = False  # whether any replica ever served a generation
        self._usual = 0.0  # seconds that a change needs to be live everywhere
        self._path = f"/api/http/middlewares/{marker}@{provider}"
        self._late: set[str] = set()
        self._dead: set[str] = set()
        self._shown: set[str] = set()  # replicas whose generation is in the metrics
        self._log = log or logging.getLogger(__name__)
        # Not tornado's client, which opens a connection for each request.
        self._http = ReplicaHttp(username, password)

    def close(self) -> None:
        """Close connections; they are opened again when needed."""
        self._show({})
        self._http.close()

    async def wait_for(self, generation: int) -> Report:
        """Wait until all live replicas serve this generation or a later one; never raises.

        Ends after `timeout` seconds at the latest (and the time of one request).
        """
        start = time.monotonic()
        addresses = await self.addresses()
        if not set(addresses) - self._late - self._dead:
            self._late, self._dead = set(), set()  # nobody else is left to rely on
        followed = await asyncio.gather(*(self._follow(a, generation, start) for a in addresses))
        report = Report()
        for address, (state, _) in zip(addresses, followed, strict=True):
            getattr(report, state).append(address)
        self._show({a: serves for a, (_, serves) in zip(addresses, followed, strict=True)})
        self._note(report, generation, time.monotonic() - start)
        return report

    def _note(self, report: Report, generation: int, seconds: float) -> None:
        for state in ("live", "lagging", "skipped"):
            metrics.REPLICAS.labels(state).set(len(getattr(report, state)))
        metrics.SKIPPED.inc(len(report.skipped))
        metrics.LAGGING.inc(len(report.lagging))
        for address in set(report.lagging) - self._late:
            self._log.warning(
                "Traefik at %s does not serve generation %i after %.1f s; not waiting for it"
                " until it has caught up",
                address,
                generation,
                seconds,
            )
        for address in set(report.skipped) - self._dead:
            self._log.warning("Traefik at %s does not answer; going on without it", address)
        for address in (self._late | self._dead) & set(report.live):
            self._log.info("Traefik at %s has caught up", address)
        self._late, self._dead = set(report.lagging), set(report.skipped)
        if report.live:
            self.seen = True
            # Down at once, up by a fifth: one slow change must not hold up those after it.
            self._usual = min(seconds, 1.2 * self._usual + 2 * _SHORTEST_STEP)
            metrics.LIVE_SECONDS.observe(seconds)
            level = logging.INFO if seconds >= SLOW else logging.DEBUG
            self._log.log(level, "Generation %i is live after %.3f s", generation, seconds)

    def _show(self, generations: Mapping[str, int | None]) -> None:
        """Have the metrics tell of the replicas that answer, and of no others."""
        answering = {urlsplit(a).netloc: n for a, n in generations.items() if n is not None}
        for replica in self._shown - set(answering):
            with contextlib.suppress(KeyError):  # gone already, with another proxy object's
                metrics.REPLICA_GENERATION.remove(replica)
        for replica, generation in answering.items():
            metrics.REPLICA_GENERATION.labels(replica).set(generation)
        self._shown = set(answering)

    async def addresses(self) -> list[str]:
        """Base URLs with an address instead of a name, each once; none for a name unknown."""
        found: dict[str, None] = {}
        for url in self.urls:
            parts = urlsplit(url)
            port = parts.port or 80
            if _is_address(parts.hostname or ""):
                # Not even a thread's time: this is on the way of every login.
                found[f"http://{_host(parts.hostname or '')}:{port}{parts.path.rstrip('/')}"] = None
                continue
            try:
                infos = await asyncio.wait_for(
                    asyncio.get_running_loop().getaddrinfo(
                        parts.hostname, port, type=socket.SOCK_STREAM
                    ),
                    _REQUEST_SECONDS,
                )
            except (OSError, TimeoutError) as error:
                self._log.warning("Cannot look up the replicas of %s: %s", url, error)
                continue
            for *_, address in infos:
                found[f"http://{_host(str(address[0]))}:{port}{parts.path.rstrip('/')}"] = None
        return list(found)

    async def _follow(self, address: str, generation: int, start: float) -> tuple[str, int | None]:
        """Ask one replica until it serves the generation.

        Returns its field of a Report and what it serves, None without an answer.
        """
        was_dead = address in self._dead
        deadline = start if address in self._late else start + self.timeout
        await asyncio.sleep(min(_FIRST_SHARE * self._usual, _LONGEST_FIRST, self.timeout))
        while True:
            seconds = _QUICK_SECONDS if was_dead else _REQUEST_SECONDS
            serves = await self._generation(address, seconds)
            if serves is None and (was_dead or not await self._is_alive(address)):
                return "skipped", None
            now = time.monotonic()
            if serves is not None and serves >= generation:
                if now - start >= SLOW:
                    self._log.info("Traefik at %s needed %.1f s for it", address, now - start)
                return "live", serves
            step = min(max(_STEP_SHARE * (now - start), _SHORTEST_STEP), _LONGEST_STEP)
            if now + step > deadline:
                return "lagging", serves
            was_dead = False
            await asyncio.sleep(step)

    async def marks(self) -> dict[str, dict[str, str]]:
        """What each replica that answers says of its table, by address (see EtcdStore)."""
        addresses = await self.addresses()
        found = await asyncio.gather(*(self._marks(a, _REQUEST_SECONDS) for a in addresses))
        told = {
            address: marks
            for address, marks in zip(addresses, found, strict=True)
            if marks is not None and "refused" not in marks
        }
        self._show({address: generation_in(marks) for address, marks in told.items()})
        return told

    async def _generation(self, address: str, seconds: float) -> int | None:
        """The generation that a replica serves, 0 for none; None if it gives no answer."""
        marks = await self._marks(address, seconds)
        return None if marks is None else generation_in(marks)

    async def _marks(self, address: str, seconds: float) -> dict[str, str] | None:
        """The marker's headers, {} if there is none; None if the replica gives no answer."""
        try:
            status, body = await self._http.get(address + self._path, seconds)
        except NoAnswerError:
            return None
        if status in {401, 403}:
            self._log.error("Traefik at %s refuses the API user: HTTP %i", address, status)
            return {"refused": str(status)}
        if status >= 400:
            return {} if status == 404 else None
        return marks_in(body)

    async def _is_alive(self, address: str) -> bool:
        """Whether it answers a ping; one that shuts down says 503 (terminatingStatusCode)."""
        try:
            status, _ = await self._http.get(f"{address}/ping", _REQUEST_SECONDS)
        except NoAnswerError:
            return False
        return status < 400

    async def read_metrics(
        self, address: str, take: Callable[[bytes], object], seconds: float
    ) -> bool:
        """Give the replica's page of metrics to `take`, piece by piece; whether it came whole."""
        try:
            status = await self._http.stream(address + _METRICS, take, seconds, _REQUEST_SECONDS)
        except NoAnswerError as error:
            self._log.debug("No metrics from Traefik at %s: %s", address, error)
            return False
        if 400 <= status < 500:
            self._log.warning("Traefik at %s does not show its metrics: HTTP %i", address, status)
        return status < 400


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address
