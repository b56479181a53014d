#!/usr/bin/env python3
"""Counts the requests that fail when one of two Traefik replicas is killed under a steady load.

Beside it, in turns, the same load on configurable-http-proxy, which is killed in the same way and
started again at once, as a supervisor would do it.

    .venv/bin/python benchmarks/replica_kill.py --rounds 3
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.load import Tally, run_load  # noqa: E402
from tests.support.chp import ConfigurableProxy  # noqa: E402
from tests.support.echo import EchoServer  # noqa: E402
from tests.support.etcd import EtcdCluster  # noqa: E402
from tests.support.ports import free_port  # noqa: E402
from tests.support.processes import answers  # noqa: E402
from tests.support.traefik import TraefikReplica  # noqa: E402

CLIENTS = 40
PER_CLIENT = 5.0  # requests per second
_SETTLED = 30  # good answers in a row before the load begins
COLUMNS = (
    "round",
    "proxy",
    "event",
    "clients",
    "requests",
    "failed",
    "late",
    "p50_ms",
    "p99_ms",
    "failures",
)


async def traefik_round(
    folder: Path, backend: str, how: signal.Signals, seconds: float
) -> list[Tally]:
    """Two replicas on one port; one gets the signal in the middle of the load."""
    with EtcdCluster(folder) as etcd:
        port = free_port()
        replicas = [
            TraefikReplica(folder / f"traefik-{n}", port, backend, etcd.endpoints) for n in (1, 2)
        ]
        try:
            for replica in replicas:
                replica.start()
            return await _loaded(
                replicas[0].public_url, seconds, lambda: replicas[0].send_signal(how)
            )
        finally:
            for replica in replicas:
                replica.kill()


async def chp_round(folder: Path, backend: str, how: signal.Signals, seconds: float) -> list[Tally]:
    """One configurable-http-proxy; it gets the signal and is started again at once."""
    proxy = ConfigurableProxy(folder, backend)
    proxy.start()

    def restart() -> None:
        proxy.stop(how)
        # Not proxy.start(): that waits until it serves, and the load must go on meanwhile.
        super(ConfigurableProxy, proxy).start()

    try:
        return await _loaded(proxy.public_url, seconds, restart)
    finally:
        proxy.kill()


async def _loaded(url: str, seconds: float, event: Callable[[], object]) -> list[Tally]:
    # Both replicas must have read their files: each new connection reaches either of them.
    good = 0
    while good < _SETTLED:
        good = good + 1 if await asyncio.to_thread(answers, url) else 0
    load = asyncio.create_task(
        run_load(url, seconds=seconds, clients=CLIENTS, per_client=PER_CLIENT)
    )
    await asyncio.sleep(seconds / 2)
    await asyncio.to_thread(event)
    return list(await load)


def _rows(number: int, proxy: str, event: str, tallies: list[Tally]) -> list[dict[str, object]]:
    return [
        {
            "round": number,
            "proxy": proxy,
            "event": event,
            "clients": tally.kind,
            "requests": tally.sent,
            "failed": tally.failures,
            "late": tally.late,
            "p50_ms": round(tally.percentile(0.5), 2),
            "p99_ms": round(tally.percentile(0.99), 2),
            "failures": "; ".join(f"{kind} {count}" for kind, count in tally.failed.items()),
        }
        for tally in tallies
    ]


async def measure(rounds: int, seconds: float) -> list[dict[str, object]]:
    """All rounds, the proxies in turns; each round is told on stderr."""
    rows: list[dict[str, object]] = []
    events = {"kill -9": signal.SIGKILL, "SIGTERM": signal.SIGTERM}
    for number in range(1, rounds + 1):
        for event, how in events.items():
            for name, play in (("traefik x 2", traefik_round), ("chp", chp_round)):
                with tempfile.TemporaryDirectory() as folder:
                    async with EchoServer("server") as server:
                        tallies = await play(Path(folder), server.url, how, seconds)
                rows += _rows(number, name, event, tallies)
                failed = sum(tally.failures for tally in tallies)
                sent = sum(tally.sent for tally in tallies)
                print(
                    f"round {number}/{rounds}  {name:11}  {event:7}  {failed} of {sent} failed",
                    file=sys.stderr,
                )
    return rows


def summary(rows: list[dict[str, object]]) -> str:
    """A table of medians over the rounds."""
    heads = ("proxy", "event", "clients", "requests", "failed", "late", "p99 ms")
    lines = ["{:12} {:8} {:15} {:>8} {:>6} {:>5} {:>7}".format(*heads)]
    for key in dict.fromkeys((r["proxy"], r["event"], r["clients"]) for r in rows):
        same = [r for r in rows if (r["proxy"], r["event"], r["clients"]) == key]
        middle = {
            c: median(float(str(r[c])) for r in same)
            for c in ("requests", "failed", "late", "p99_ms")
        }
        lines.append(
            f"{key[0]:12} {key[1]:8} {key[2]:15} {middle['requests']:8.0f} {middle['failed']:6.0f}"
            f" {middle['late']:5.0f} {middle['p99_ms']:7.1f}"
        )
    return "\n".join(lines)


def main() -> int:
    """0 when the surviving replica served on, 1 when it did not."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10, help="of load in each round")
    parser.add_argument("--csv", type=Path, help="also write all rows here")
    options = parser.parse_args()
    rows = asyncio.run(measure(options.rounds, options.seconds))
    if options.csv:
        with options.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
    print(f"{options.rounds} rounds of {options.seconds:.0f} s, {os.cpu_count()} cores; medians:")
    print(summary(rows))
    # What was in flight in the killed process is lost, at most one request of each client.
    worst = max(int(str(r["failed"])) for r in rows if r["proxy"] == "traefik x 2")
    return 0 if worst <= CLIENTS else 1


if __name__ == "__main__":
    sys.exit(main())
