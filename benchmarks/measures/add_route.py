"""How long one add_route takes until every replica serves it, beside what Traefik itself takes."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import Bench, Size
from benchmarks.floor import Floor
from benchmarks.peer import Peer
from benchmarks.peers import peers_for
from benchmarks.probe import GONE, SERVED, wait_for

REPLICAS = 3
"""Of traefik-etcd and of the floor; the other peers are one process."""
_MOST_ROUTES = {"jupyterhub-traefik-proxy": 3000}
"""With 10,000 it takes minutes to fill, and gives up a change after 30 s."""


@dataclass(frozen=True)
class Plan:
    """Numbers of routes that are there, and the rounds of each."""

    sizes: dict[int, int]


PLANS: dict[Size, Plan] = {
    "full": Plan({1: 31, 1000: 15, 3000: 7, 10000: 5}),
    "quick": Plan({1: 61, 1000: 9, 3000: 5, 10000: 3}),
    "smoke": Plan({1: 1}),
}


async def run(bench: Bench) -> None:
    """The peers get more and more routes; in each round every peer adds one and deletes it."""
    plan = PLANS[bench.size]
    bench.progress.expect(sum(plan.sizes.values()))
    async with bench.running(peers_for(bench.size), REPLICAS) as started:
        floor = Floor(_folder(bench), REPLICAS)
        async with floor:
            peers, present = [*started, floor], 0
            for size, rounds in plan.sizes.items():
                more = bench.routes("student", range(present, size))
                able = [peer for peer in peers if size <= _MOST_ROUTES.get(peer.name, size)]
                peers = await bench.filled(able, more)
                present = size
                for number in range(1, rounds + 1):
                    bench.progress.step(f"{size} routes, round {number}")
                    for peer in peers:
                        with bench.tolerating(f"{size} routes, {peer.name}"):
                            await _one(bench, peer, size, number)


def _folder(bench: Bench) -> Path:
    folder = bench.folder / "floor"
    folder.mkdir()
    return folder


async def _one(bench: Bench, peer: Peer, size: int, number: int) -> None:
    (route,) = bench.routes("student", range(20_000 + 37 * number, 20_001 + 37 * number))
    began = time.perf_counter()
    # Asked from the beginning, for all alike: as the floor has to be.
    served = asyncio.ensure_future(wait_for(peer.addresses, route[0], SERVED))
    try:
        await peer.add([route])
        returned = time.perf_counter() - began
        await served
    finally:
        served.cancel()
    bench.record(str(size), peer.name, number, time=time.perf_counter() - began, returned=returned)
    await peer.delete([route[0]])
    await wait_for(peer.addresses, route[0], GONE)
    await peer.rest()
