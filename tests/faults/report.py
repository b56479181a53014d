"""What a fault cost, as a line of a table and of a CSV file."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TextIO

from tests.faults.faults import Fault
from tests.faults.world import World
from tests.support.hub_session import SessionError

from jupyterhub_ha.errors import EtcdError

_RIGHT_SECONDS = 100.0  # with nobody's help; Traefik alone pauses up to 60 between its tries
_SLACK = 10.0  # seconds beyond the timeouts, on a machine that does other things as well


@dataclass
class Result:
    """Counts from the beginning of a fault until all was right."""

    fault: str
    seconds: float
    requests: int
    failed: int
    may_fail: int
    changes: int
    refused: int
    slowest_change: float
    right_after: float
    problem: str = ""


async def measure(world: World, fault: Fault, *, short: bool = False) -> Result:
    """Let the fault happen, and count until the table is right again."""
    world.count_anew()
    start = time.monotonic()
    problems: list[str] = []
    right_after = 0.0
    try:
        await fault.run(world, fault.short if short else fault.seconds)
        right_after = await world.until_right(_RIGHT_SECONDS)
    except (AssertionError, EtcdError, SessionError, TimeoutError) as error:
        problems.append(str(error) or type(error).__name__)
    counts = world.count_anew()
    if len(counts.failures) > fault.may_fail:
        problems.append(f"failed: {counts.failures[0]} ... {counts.failures[-1]}")
    if counts.refused and not fault.may_refuse:
        problems.append(f"refused: {counts.refused[0]}")
    # Twice: a change may wait for the one before it, which waits as long.
    if counts.slowest_change > 2 * world.commit_timeout + _SLACK:
        problems.append(f"a change took {counts.slowest_change:.1f} s")
    return Result(
        fault.name,
        round(time.monotonic() - start, 1),
        counts.requests,
        len(counts.failures),
        fault.may_fail,
        counts.changes,
        len(counts.refused),
        round(counts.slowest_change, 2),
        round(right_after, 2),
        "; ".join(problems),
    )


def table(results: Iterable[Result]) -> str:
    """The results for a person."""
    rows = [[field.name.replace("_", " ") for field in fields(Result)]]
    rows += [[str(value) for value in asdict(result).values()] for result in results]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i in {0, len(row) - 1} else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def write_csv(results: Iterable[Result], file: Path) -> None:
    """The results for a machine."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="") as output:
        _write(results, output)


def _write(results: Iterable[Result], output: TextIO) -> None:
    writer = csv.DictWriter(output, [field.name for field in fields(Result)])
    writer.writeheader()
    writer.writerows(asdict(result) for result in results)
