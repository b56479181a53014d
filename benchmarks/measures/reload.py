"""What other users' requests feel of changes to the table."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from benchmarks.bench import Bench, Size
from benchmarks.generator import requests
from benchmarks.names import user_paths
from benchmarks.peer import Peer
from benchmarks.peers import ALL

CHANGES = 5  # per second
RATE = 300  # requests per second, far from what any of the proxies can do at most
_CONNECTIONS = 16


@dataclass(frozen=True)
class Plan:
    """Routes that are there, rounds, and seconds of load in each."""

    present: int
    rounds: int
    seconds: float


PLANS: dict[Size, Plan] = {
    "full": Plan(3000, 5, 6),
    "quick": Plan(3000, 3, 3),
    "smoke": Plan(3, 1, 0.5),
}


async def run(bench: Bench) -> None:
    """In each round every peer is asked without changes and with them."""
    plan = PLANS[bench.size]
    bench.progress.expect(plan.rounds)
    async with bench.running(ALL) as started:
        routes = bench.routes("student", range(plan.present))
        peers = await bench.filled(started, routes)
        for number in range(1, plan.rounds + 1):
            bench.progress.step(f"round {number}")
            for peer in peers:
                with bench.tolerating(f"round {number}, {peer.name}"):
                    await _measure(bench, peer, number, changing=False)
                    await _measure(bench, peer, number, changing=True)


async def _measure(bench: Bench, peer: Peer, number: int, *, changing: bool) -> None:
    plan = PLANS[bench.size]
    paths = user_paths("student", range(plan.present))
    changes = asyncio.create_task(_change(bench, peer, plan.seconds)) if changing else None
    result = await requests(
        peer.addresses[0], paths, seconds=plan.seconds, rate=RATE, connections=_CONNECTIONS
    )
    case = f"{CHANGES} changes/s, {plan.present} routes" if changing else "no changes"
    made = await changes if changes else 0
    bench.record(
        case,
        peer.name,
        number,
        p50=result["p50_ms"],
        p99=result["p99_ms"],
        worst=result["worst_ms"],
        failed=result["failed"],
        changes=made,
    )


async def _change(bench: Bench, peer: Peer, seconds: float) -> int:
    """Add and delete in turns, each when its time has come; how many were made in time."""
    began = time.monotonic()
    waiting: set[asyncio.Task[None]] = set()
    route = bench.routes("student", range(30_000, 30_001))
    done = 0
    for number in range(int(seconds * CHANGES)):
        await asyncio.sleep(max(0, began + number / CHANGES - time.monotonic()))
        change = peer.delete([route[0][0]]) if number % 2 else peer.add(route)
        task = asyncio.create_task(change)
        waiting.add(task)
        # The same route's changes keep their order: a hub, too, waits for a start before a stop.
        await asyncio.wait(waiting, timeout=1 / CHANGES)
        done += sum(task.done() for task in waiting)
        waiting = {task for task in waiting if not task.done()}
    await asyncio.gather(*waiting)
    await peer.delete([route[0][0]])
    return done
