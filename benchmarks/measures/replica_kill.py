"""The requests that fail when one of two Traefik replicas is killed under a steady load.

Beside it, in turns, the same load on configurable-http-proxy, which is killed in the same way and
started again at once, as a supervisor would do it.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.chp import ConfigurableProxy
from tests.support.etcd import EtcdCluster
from tests.support.ports import free_port
from tests.support.processes import answers
from tests.support.traefik import TraefikReplica

from benchmarks.bench import Bench, Size
from benchmarks.steady import Tally, run_load

CLIENTS = 40  # of each kind
PER_CLIENT = 5.0  # requests per second
TWO_REPLICAS = "traefik x 2"
_SETTLED = 30  # good answers in a row before the load begins
_EVENTS = {"kill -9": signal.SIGKILL, "SIGTERM": signal.SIGTERM}


@dataclass(frozen=True)
class Plan:
    """Rounds, and seconds of load in each."""

    rounds: int
    seconds: float


PLANS: dict[Size, Plan] = {"full": Plan(3, 10), "quick": Plan(1, 6), "smoke": Plan(1, 1)}


async def run(bench: Bench) -> None:
    """Each event on each proxy in every round, with parts that are started for it."""
    plan = PLANS[bench.size]
    bench.progress.expect(plan.rounds * len(_EVENTS))
    for number in range(1, plan.rounds + 1):
        for event, how in _EVENTS.items():
            bench.progress.step(f"{event}, round {number}")
            for name, play in ((TWO_REPLICAS, _traefik), ("chp", _chp)):
                folder = bench.folder / f"{name}-{event}-{number}".replace(" ", "-")
                with bench.tolerating(f"{event}, {name}"):
                    tallies = await play(folder, bench.server.url, how, plan.seconds)
                    for tally in tallies:
                        _record(bench, f"{event}, {tally.kind}", name, number, tally)


def _record(bench: Bench, case: str, name: str, number: int, tally: Tally) -> None:
    bench.record(
        case,
        name,
        number,
        sent=tally.sent,
        failed=tally.failures,
        late=tally.late,
        p50=tally.percentile(0.5),
        p99=tally.percentile(0.99),
    )


async def _traefik(folder: Path, backend: str, how: signal.Signals, seconds: float) -> list[Tally]:
    """Two replicas on one port; one gets the signal in the middle of the load."""
    with EtcdCluster(folder) as etcd:
        port = free_port()
        replicas = [
            TraefikReplica(folder / f"traefik-{n}", port, backend, etcd.endpoints) for n in (1, 2)
        ]
        try:
            for replica in replicas:
                await asyncio.to_thread(replica.start)
            url = replicas[0].public_url
            return await _loaded(url, seconds, lambda: replicas[0].send_signal(how))
        finally:
            for replica in replicas:
                replica.kill()


async def _chp(folder: Path, backend: str, how: signal.Signals, seconds: float) -> list[Tally]:
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
