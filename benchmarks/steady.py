"""A steady load of requests, each of which is counted: answered, failed or late."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

import aiohttp

LATE_SECONDS = 2.0


@dataclass
class Tally:
    """What became of the requests of one kind of client."""

    kind: str
    sent: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    late: int = 0
    latencies: list[float] = field(default_factory=list)
    failures_at: list[float] = field(default_factory=list)
    """Seconds from the start of the load to the end of each failed request."""

    @property
    def failures(self) -> int:
        """How many requests got no good answer."""
        return self.failed.total()

    def percentile(self, share: float) -> float:
        """Milliseconds within which `share` of the good answers came."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


async def run_load(
    url: str, *, seconds: float, clients: int, per_client: float
) -> tuple[Tally, Tally]:
    """GET `url` for `seconds` from two kinds of clients, `clients` of each.

    The first kind keeps its connection, the second opens a new one each time. Every client sends
    `per_client` requests per second and no retry: what fails is counted.
    """
    kept, new = Tally("keep-alive"), Tally("new connection")
    start = time.monotonic()
    tasks = []
    for number in range(clients):
        offset = number / clients / per_client
        for tally in (kept, new):
            tasks.append(_client(url, tally, start, offset, seconds, per_client))
    await asyncio.gather(*tasks)
    return kept, new


async def _client(
    url: str, tally: Tally, start: float, offset: float, seconds: float, per_client: float
) -> None:
    connector = aiohttp.TCPConnector(limit=1, force_close=tally.kind == "new connection")
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        due = start + offset
        while due < start + seconds:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await _request(session, url, tally, start)
            due += 1 / per_client


async def _request(session: aiohttp.ClientSession, url: str, tally: Tally, start: float) -> None:
    tally.sent += 1
    began = time.monotonic()
    try:
        async with session.get(url) as response:
            await response.read()
            outcome = "" if response.status == 200 else f"status {response.status}"
    except (TimeoutError, aiohttp.ClientError) as error:
        outcome = type(error).__name__
    took = time.monotonic() - began
    if outcome:
        tally.failed[outcome] += 1
        tally.failures_at.append(time.monotonic() - start)
    else:
        tally.latencies.append(took)
        tally.late += took > LATE_SECONDS
