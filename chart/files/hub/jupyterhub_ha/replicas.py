"""Wait until every Traefik replica serves a generation of the table."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from . import metrics
from .errors import RouteError

_REQUEST_SECONDS = 2.0
_QUICK_SECONDS = 0.25
# A page of metrics is streamed, so that nothing of this size is ever kept.
_LARGEST_BODY = 2**31
# Later versions of Traefik may know the filter; 3.7 gives the whole page.
_METRICS = "/metrics?name[]=traefik_service_requests_total&name[]=process_start_time_seconds"
_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.005, 0.25, 1.2


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
        self._path = f"/api/http/middlewares/{marker}@{provider}"
        self._auth: dict[str, Any] = (
            {"auth_username": username, "auth_password": password} if username else {}
        )
        self._late: set[str] = set()
        self._dead: set[str] = set()
        self._log = log or logging.getLogger(__name__)
        self._http: AsyncHTTPClient | None = None

    def close(self) -> None:
        """Close connections; they are opened again when needed."""
        if self._http is not None:
            self._http.close()
            self._http = None

    async def wait_for(self, generation: int) -> Report:
        """Wait until all live replicas serve this generation or a later one; never raises.

        Ends after `timeout` seconds at the latest (and the time of one request).
        """
        start = time.monotonic()
        addresses = await self.addresses()
        if not set(addresses) - self._late - self._dead:
            self._late, self._dead = set(), set()  # nobody else is left to rely on
        states = await asyncio.gather(*(self._follow(a, generation, start) for a in addresses))
        report = Report()
        for address, state in zip(addresses, states, strict=True):
            getattr(report, state).append(address)
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
            metrics.LIVE_SECONDS.observe(seconds)
            self._log.debug("Generation %i is live after %.3f s", generation, seconds)

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

    async def _follow(self, address: str, generation: int, start: float) -> str:
        """Ask one replica until it serves the generation; returns its field of a Report."""
        was_dead = address in self._dead
        deadline = start if address in self._late else start + self.timeout
        pause = _FIRST_PAUSE
        while True:
            seconds = _QUICK_SECONDS if was_dead else _REQUEST_SECONDS
            serves = await self._generation(address, seconds)
            if serves is None and (was_dead or not await self._is_alive(address)):
                return "skipped"
            if serves is not None and serves >= generation:
                return "live"
            if time.monotonic() + pause > deadline:
                return "lagging"
            was_dead = False
            await asyncio.sleep(pause)
            pause = min(pause * _GROWTH, _LONGEST_PAUSE)

    async def marks(self) -> dict[str, dict[str, str]]:
        """What each replica that answers says of its table, by address (see EtcdStore)."""
        addresses = await self.addresses()
        found = await asyncio.gather(*(self._marks(a, _REQUEST_SECONDS) for a in addresses))
        answers = zip(addresses, found, strict=True)
        return {a: marks for a, marks in answers if marks is not None and "refused" not in marks}

    async def _generation(self, address: str, seconds: float) -> int | None:
        """The generation that a replica serves, 0 for none; None if it gives no answer."""
        marks = await self._marks(address, seconds)
        if marks is None:
            return None
        found = marks.get("generation", "")
        return int(found) if found.isdigit() else 0

    async def _marks(self, address: str, seconds: float) -> dict[str, str] | None:
        """The marker's headers, {} if there is none; None if the replica gives no answer."""
        try:
            response = await self._client().fetch(
                address + self._path,
                connect_timeout=seconds,
                request_timeout=seconds,
                **self._auth,
            )
            headers = json.loads(response.body)["headers"]["customResponseHeaders"]
            return {str(name): str(value) for name, value in headers.items()}
        except HTTPClientError as error:
            if error.code == 404:
                return {}
            if error.code in {401, 403}:
                self._log.error("Traefik at %s refuses the API user: %s", address, error)
                return {"refused": str(error.code)}
            return None
        except (AttributeError, KeyError, TypeError, ValueError):
            return {}
        except (OSError, EOFError):
            return None

    async def _is_alive(self, address: str) -> bool:
        """Whether it answers a ping; one that shuts down says 503 (terminatingStatusCode)."""
        try:
            await self._client().fetch(
                f"{address}/ping",
                connect_timeout=_REQUEST_SECONDS,
                request_timeout=_REQUEST_SECONDS,
            )
        except (HTTPClientError, OSError, EOFError):
            return False
        return True

    async def read_metrics(
        self, address: str, take: Callable[[bytes], object], seconds: float
    ) -> bool:
        """Give the replica's page of metrics to `take`, piece by piece; whether it came whole."""
        try:
            await self._client().fetch(
                address + _METRICS,
                connect_timeout=min(seconds, _REQUEST_SECONDS),
                request_timeout=seconds,
                streaming_callback=take,
                decompress_response=False,  # to pack so much would cost the replica more
                **self._auth,  # on one host they need the password, too
            )
        except (HTTPClientError, OSError, EOFError) as error:
            if isinstance(error, HTTPClientError) and 400 <= error.code < 500:
                self._log.warning("Traefik at %s does not show its metrics: %s", address, error)
            else:
                self._log.debug("No metrics from Traefik at %s: %s", address, error)
            return False
        return True

    def _client(self) -> AsyncHTTPClient:
        if self._http is None:
            # More than the default of 10: each replica is asked at the same time.
            self._http = AsyncHTTPClient(
                force_instance=True, max_clients=100, max_body_size=_LARGEST_BODY
            )
        return self._http


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address
