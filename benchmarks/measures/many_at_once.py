"""How long many add_route at once take, as at the beginning of a lesson."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.bench import Bench, Size
from benchmarks.peer import Peer
from benchmarks.peers import ALL
from benchmarks.probe import GONE, SERVED, count_status, wait_for

REPLICAS = 3


@dataclass(frozen=True)
class Plan:
    """Routes that are there, routes that are added at once, and rounds."""

    present: int
    added: int
    rounds: int


PLANS: dict[Size, Plan] = {
    "full": Plan(1000, 300, 5),
    # A round takes jupyterhub-traefik-proxy three minutes, and the bound is far away.
    "quick": Plan(1000, 300, 1),
    "smoke": Plan(3, 4, 1),
}


async def run(bench: Bench) -> None:
    """In each round every peer adds its routes, and deletes them again."""
    plan = PLANS[bench.size]
    bench.progress.expect(plan.rounds)
    present = bench.routes("student", range(plan.present))
    async with bench.running(ALL, REPLICAS) as started:
        peers = await bench.filled(started, present)
        for number in range(1, plan.rounds + 1):
            bench.progress.step(f"round {number}")
            for peer in peers:
                with bench.tolerating(f"round {number}, {peer.name}"):
                    await _one(bench, peer, plan, number)


async def _one(bench: Bench, peer: Peer, plan: Plan, number: int) -> None:
    routes = bench.routes("student", range(20_000, 20_000 + plan.added))
    specs = [spec for spec, _, _ in routes]
    began = time.perf_counter()
    await peer.add(routes)
    seconds = time.perf_counter() - began
    served = await count_status(peer.addresses, specs, SERVED)
    missing = len(specs) * len(peer.addresses) - served
    case = f"{plan.added} at once, {plan.present} present"
    bench.record(case, peer.name, number, time=seconds, not_served=missing)
    await peer.delete(specs)
    for spec in (specs[0], specs[-1]):
        await wait_for(peer.addresses, spec, GONE)
    await peer.rest()
