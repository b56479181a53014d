"""Visitors of temporary notebooks who come together, and how long each waits for a page."""

from __future__ import annotations

import asyncio
import csv
import math
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from tests.support.tmpnb import VisitorSession, come

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
        took = sorted(a.seconds for a in arrivals if (a.visitor.username in pool) is waited)
        if took:
            half, nearly = _share(took, 0.5), _share(took, 0.99)
            found.append(Wait(chart, server, len(took), half, nearly, round(took[-1], 2)))
    return found


def _share(ordered: Sequence[float], share: float) -> float:
    """The time within which this share of them was served."""
    return round(ordered[math.ceil(share * len(ordered)) - 1], 2)


def write(lines: Sequence[Wait], folder: Path) -> None:
    """visits.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FILE).open("w", newline="") as output:
        names = [field.name for field in fields(Wait)]
        writer = csv.DictWriter(output, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(line) for line in lines)


def read(folder: Path) -> list[Wait]:
    """What `write` wrote; nothing if there is no such file."""
    file = folder / FILE
    if not file.exists():
        return []
    with file.open(newline="") as lines:
        return [
            Wait(
                line["chart"], line["server"], int(line["visitors"]),
                float(line["p50"]), float(line["p99"]), float(line["slowest"]),
            )
            for line in csv.DictReader(lines)
        ]  # fmt: skip
