"""When each service last answered somebody, from the counters of Traefik's replicas. Pure: no I/O.

Traefik counts a request when it has ended, by service and status
(https://doc.traefik.io/traefik/reference/install-configuration/observability/metrics/). So a
websocket moves a counter once, when it is closed (as status 0), and what is sent through it moves
none; a download that the client breaks off moves none either. What is missed here is no harm to a
server that reports its activity itself, as JupyterHub's own does with kernels and terminals:
JupyterHub takes the latest of all reports.

As with configurable-http-proxy, only successful requests (below 300) are activity: a flood of
requests for a server that refuses or is down is none.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

_REQUESTS = b"traefik_service_requests_total"
_STARTED = b"process_start_time_seconds"

# https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
_SAMPLE = re.compile(
    rb"^(?:" + _REQUESTS + rb"\{(.+)\}|" + _STARTED + rb") (\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*$",
    re.MULTILINE,
)
_LABEL = re.compile(rb'(\w+)="((?:[^"\\]|\\.)*)"')

# A replica that did not answer for so long has probably gone for good.
_FORGET_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Reading:
    """One replica's counters at one moment.

    `started` is the Unix time at which the process began, as its own clock says; `requests` are
    the successful requests by service, without the provider's name.
    """

    started: float = 0.0
    requests: Mapping[str, float] = field(default_factory=dict)


class PageReader:
    """Reads a page of metrics piece by piece, as it arrives, and keeps only what is needed.

    With 10,000 routes a page has some 40 MB, of which a tenth is kept.
    """

    def __init__(self, provider: str) -> None:
        self._suffix = f"@{provider}".encode()
        self._rest = b""
        self._started = 0.0
        self._requests: dict[str, float] = {}

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the page."""
        whole, newline, rest = (self._rest + piece).rpartition(b"\n")
        self._rest = rest
        if newline:
            self._read(whole)

    def reading(self) -> Reading:
        """What was on the page; the page ends here."""
        self._read(self._rest)
        self._rest = b""
        return Reading(self._started, self._requests)

    def _read(self, lines: bytes) -> None:
        if _REQUESTS not in lines and _STARTED not in lines:
            return  # nine pieces of ten
        for labels, value in _SAMPLE.findall(lines):
            if not labels:
                self._started = float(value)
                continue
            label = dict(_LABEL.findall(labels))
            service, code = label.get(b"service", b""), label.get(b"code", b"")
            if service.endswith(self._suffix) and code.isdigit() and int(code) < 300:
                name = service.removesuffix(self._suffix).decode(errors="replace")
                self._requests[name] = self._requests.get(name, 0.0) + float(value)


class Activity:
    """The last activity of every service, from readings of replicas that come, go and restart.

    What happened between two readings is dated to the later one: rather too late than too early,
    since servers are stopped for being idle. Of what happened before the first reading nothing is
    known, and nothing is said.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, Reading]] = {}
        self._since: float | None = None
        self._added: set[str] = set()
        self._last: dict[str, float] = {}

    def added(self, service: str, now: float) -> None:
        """Note that a service was added at this Unix time, which counts as activity."""
        self._added.add(service)
        self._note(service, now)

    def update(
        self, readings: Mapping[str, Reading], services: Collection[str], now: float
    ) -> None:
        """Take readings by the replica's address; `services` are all those of the table.

        A replica that did not answer is not among the readings; its next one tells what it
        counted meanwhile.
        """
        for address, reading in readings.items():
            before = self._before(address, reading)
            for service in services:
                count = reading.requests.get(service, 0.0)
                if before is None:
                    moved = service in self._added
                else:
                    # Fewer than before: the service was gone meanwhile, and its counter with it.
                    moved = count != before.requests.get(service, 0.0)
                if moved and count:
                    self._note(service, now)
            self._known[address] = (now, reading)
        if readings and self._since is None:
            self._since = now
        self._known = {a: k for a, k in self._known.items() if now - k[0] < _FORGET_SECONDS}
        self._last = {name: self._last[name] for name in services if name in self._last}
        self._added &= self._last.keys()

    def last(self, service: str) -> str | None:
        """Time of the last activity as JupyterHub reads it (ISO 8601, UTC); None if not known."""
        seconds = self._last.get(service)
        if seconds is None:
            return None
        return datetime.fromtimestamp(seconds, UTC).isoformat()

    def _note(self, service: str, now: float) -> None:
        self._last[service] = max(now, self._last.get(service, now))

    def _before(self, address: str, reading: Reading) -> Reading | None:
        """What this process had counted when we last looked; None if that is not known."""
        if address in self._known:
            known = self._known[address][1]
            return known if known.started == reading.started else Reading()
        if self._since is not None and reading.started >= self._since:
            return Reading()  # it began under our eyes
        return None
