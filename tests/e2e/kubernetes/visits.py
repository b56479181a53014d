"""Visitors of temporary notebooks who come together, and how long each waits for a page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.support.tmpnb import VisitorSession, come

from .load.events import share
from .report import read_csv, typed, write_csv

FILE = "visits.csv"


@dataclass(frozen=True)
class Arrival:
    """A visitor who has got a page of the own server; `seconds` are from the first request on."""

    visitor: VisitorSession
    seconds: float


@dataclass(frozen=True)
class Wait:
    """How long visitors waited, as a line of the table."""

    chart: str
    server: str
    """`waited for the visitor`, or `started for the visitor`."""
    visitors: int
    p50: float
    p99: float
    """Seconds, as is `slowest`."""
    slowest: float


async def arrive(url: str, count: int, within: float, seconds: float = 800) -> list[Arrival]:
    """So many new visitors, evenly over so many seconds; each has `seconds` to get a server."""

    async def one(number: int) -> Arrival:
        await asyncio.sleep(within * number / count)
        visitor = VisitorSession(url)
        began = time.monotonic()
        await come(visitor, seconds)
        return Arrival(visitor, time.monotonic() - began)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(number)) for number in range(count)]
    return [task.result() for task in tasks]


def waits(chart: str, arrivals: Sequence[Arrival], pool: Collection[str]) -> list[Wait]:
    """A line for those who got a server of the pool, and one for the others, if there are any."""
    kinds = {"waited for the visitor": True, "started for the visitor": False}
    found = []
    for server, waited in kinds.items():
        took = [a.seconds for a in arrivals if (a.visitor.username in pool) is waited]
        if took:
            figures = (round(share(took, part), 2) for part in (0.5, 0.99, 1))
            found.append(Wait(chart, server, len(took), *figures))
    return found


def write(lines: Sequence[Wait], folder: Path) -> None:
    """visits.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(folder / FILE, [asdict(line) for line in lines])


def read(folder: Path) -> list[Wait]:
    """What `write` wrote; nothing if there is no such file."""
    file = folder / FILE
    return [typed(Wait, line) for line in read_csv(file)] if file.exists() else []
