"""Measures the proxies side by side and checks what the figures must show.

    .venv/bin/python -m benchmarks                      everything, about an hour
    .venv/bin/python -m benchmarks --size quick         the required ratios, in minutes
    .venv/bin/python -m benchmarks --only transfers     one measure anew

Each measure's results are written when it ends, so a run that is stopped loses one measure.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.table import Table
from tests.support.processes import ROOT

from benchmarks.bench import Bench, Size
from benchmarks.generator import Server
from benchmarks.machine import write_machine
from benchmarks.measures import MEASURES, REQUIRED
from benchmarks.peers import ALL
from benchmarks.progress import Progress
from benchmarks.records import Record, read_records, write_records
from benchmarks.requirements import Verdict, verdicts
from benchmarks.usage import raise_descriptor_limit

RESULTS = ROOT / "benchmarks/results"


async def run_measure(
    name: str, size: Size, progress: Progress, chosen: frozenset[str]
) -> tuple[list[Record], list[str]]:
    """All records of one measure, and what went wrong."""
    progress.begin(name)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Server() as server:
        bench = Bench(name, size, Path(folder), server, progress, chosen)
        with bench.tolerating("stopped"):
            await MEASURES[name](bench)
    progress.end(name)
    return bench.records, bench.problems


def print_verdicts(found: list[Verdict]) -> None:
    """The table of what must be and what was seen, on stdout."""
    table = Table(title="Ratios: medians over the rounds, lowest and highest in brackets")
    for column in ("what", "must show", "seen", "ok"):
        table.add_column(column, overflow="fold")
    for verdict in found:
        table.add_row(*verdict.row(), style="" if verdict.ok else "bold red")
    width = None if sys.stdout.isatty() else 150
    Console(width=width).print(table)


def main(arguments: list[str] | None = None) -> int:
    """0 when everything was measured and is as required, 1 when not."""
    options = _options(arguments)
    results = options.results or (RESULTS if options.size == "full" else RESULTS / options.size)
    logging.basicConfig(level=logging.ERROR)
    raise_descriptor_limit()
    names = options.only or (REQUIRED if options.size == "quick" else tuple(MEASURES))
    problems: list[str] = []
    with Progress() as progress:
        for name in names:
            records, wrong = asyncio.run(
                run_measure(name, options.size, progress, frozenset(options.peer))
            )
            problems += wrong
            if records:
                write_machine(results / "machine.json")
                write_records(results / f"{name}.csv", records)
    found = verdicts([record for record in read_records(results) if record.measure in names])
    print_verdicts(found)
    for problem in problems:
        print(f"not measured: {problem}", file=sys.stderr)
    missed = sum(not verdict.ok for verdict in found)
    print(f"{len(found) - missed} of {len(found)} ratios are as required; results: {results}")
    return 1 if missed or problems else 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--size", choices=get_args(Size), default="full")
    parser.add_argument("--only", action="append", choices=MEASURES, help="may be repeated")
    parser.add_argument("--peer", action="append", choices=ALL, default=[], help="likewise")
    parser.add_argument("--results", type=Path, help="folder; benchmarks/results by default")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
