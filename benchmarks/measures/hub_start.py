"""What a hub that starts does to a table that is already right, and how long it takes."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.bench import Bench, Size
from benchmarks.peer import Peer
from benchmarks.peers import WITHOUT_JTP


@dataclass(frozen=True)
class Plan:
    """Numbers of routes that are there, and rounds."""

    sizes: tuple[int, ...]
    rounds: int


PLANS: dict[Size, Plan] = {
    "full": Plan((1000, 5000), 5),
    "quick": Plan((1000, 5000), 3),
    "smoke": Plan((3,), 1),
}


async def run(bench: Bench) -> None:
    """The proxies stay, their hub's part is made anew; in-process has lost its table by then."""
    plan = PLANS[bench.size]
    bench.progress.expect(len(plan.sizes) * plan.rounds)
    async with bench.running(WITHOUT_JTP) as started:
        peers, present = started, 0
        for size in plan.sizes:
            more = bench.routes("student", range(present, size))
            peers = await bench.filled(peers, more)
            present = size
            for number in range(1, plan.rounds + 1):
                bench.progress.step(f"{size} routes, round {number}")
                for peer in peers:
                    with bench.tolerating(f"{size} routes, {peer.name}"):
                        await _one(bench, peer, size, number)


async def _one(bench: Bench, peer: Peer, size: int, number: int) -> None:
    before = await peer.revision()
    began = time.perf_counter()
    await peer.restart_hub(bench.routes("student", range(size)))
    bench.record(str(size), peer.name, number, time=time.perf_counter() - began)
    after = await peer.revision()
    if before is not None and after is not None:
        bench.record(str(size), peer.name, number, writes=after - before)
