"""Break one part after another of a running system, and count what it costs users.

Run as ``python -m tests.faults`` (or ``make faults``); --help tells more.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.faults import FAULTS
from tests.faults.hub_killed import HUB_KILLED
from tests.faults.report import Result, measure, table, write_csv
from tests.faults.world import World

RESULTS = Path(__file__).parent / "results"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--short", action="store_true", help="seconds instead of minutes")
    parser.add_argument(
        "--only",
        nargs="+",
        default=[""],
        metavar="TEXT",
        help="faults with one of these in the name",
    )
    parser.add_argument("--replicas", type=int, default=3, help="Traefik replicas (%(default)s)")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="default: results/<date>.csv")
    return parser.parse_args()


async def _run(options: argparse.Namespace, folder: Path) -> list[Result]:
    results: list[Result] = []
    chosen = [
        fault for fault in (*FAULTS, HUB_KILLED) if any(o in fault.name for o in options.only)
    ]
    timeout = 5.0 if options.short else 10.0
    async with World(folder, replicas=options.replicas, commit_timeout=timeout) as world:
        for i, fault in enumerate(chosen, 1):
            seconds = fault.short if options.short else fault.seconds
            print(f"[{i}/{len(chosen)}] {fault.name}, {seconds:.0f} s ...", file=sys.stderr)
            results.append(await measure(world, fault, short=options.short))
            outcome = results[-1].problem or "right"
            print(f"    {outcome} after {results[-1].seconds} s", file=sys.stderr)
    return results


def main() -> int:
    """Run all faults; returns 1 if one had a consequence that it must not have."""
    options = _options()
    file = options.csv or RESULTS / f"{time.strftime('%Y-%m-%d')}.csv"
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        logging.basicConfig(
            filename=Path(name) / "hub.log",
            level=logging.INFO,
            format="%(asctime)s %(name)s %(message)s",
        )
        results = asyncio.run(_run(options, Path(name)))
        print(table(results))
        if any(result.problem for result in results):
            print((Path(name) / "hub.log").read_text()[-5000:], file=sys.stderr)
    if not options.short and options.only == [""]:
        write_csv(results, file)
        print(f"written to {file}", file=sys.stderr)
    return int(any(result.problem for result in results))


if __name__ == "__main__":
    sys.exit(main())
