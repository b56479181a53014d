"""How long the hub's own pages take while users load the proxy."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from benchmarks.bench import Bench, Size
from benchmarks.generator import requests
from benchmarks.hub_peers import bare_hub
from benchmarks.names import user_paths
from benchmarks.peer import Peer

PEERS = ("chp", "in-process", "traefik-etcd")
RATE = 50  # requests per second to the hub
USERS = 100


@dataclass(frozen=True)
class Plan:
    """Rounds, and seconds of load in each."""

    rounds: int
    seconds: float


PLANS: dict[Size, Plan] = {"full": Plan(5, 4), "quick": Plan(3, 2), "smoke": Plan(1, 0.3)}


async def run(bench: Bench) -> None:
    """In each round every peer's hub is asked without a load and with one.

    The hub of in-process is in the proxy's process, the others' hub in one of its own.
    """
    plan = PLANS[bench.size]
    bench.progress.expect(plan.rounds)
    async with bench.running(PEERS) as started, bare_hub() as other:
        routes = bench.routes("student", range(USERS))
        peers = await bench.filled(started, routes)
        for number in range(1, plan.rounds + 1):
            bench.progress.step(f"round {number}")
            for peer in peers:
                with bench.tolerating(f"round {number}, {peer.name}"):
                    hub = peer.hub_address or other
                    await _measure(bench, peer, hub, number, loaded=False)
                    await _measure(bench, peer, hub, number, loaded=True)


async def _measure(bench: Bench, peer: Peer, hub: str, number: int, *, loaded: bool) -> None:
    seconds = PLANS[bench.size].seconds
    paths = user_paths("student", range(USERS))
    load = None
    if loaded:
        load = asyncio.create_task(requests(peer.addresses[0], paths, seconds=seconds))
    result = await requests(hub, ["/hub/api/users"], seconds=seconds, rate=RATE, connections=4)
    rate = 0.0
    if load:
        through = await load
        rate = (through["requests"] - through["failed"]) / through["seconds"]
    case = "all that it can" if loaded else "no load"
    bench.record(case, peer.name, number, rate=rate, p50=result["p50_ms"], p99=result["p99_ms"])
