"""What other users' requests feel of changes to the table."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from benchmarks.bench import Bench, Size
from benchmarks.generator import requests
from benchmarks.names import user_paths
from benchmarks.peer import Peer
from benchmarks.peers import WITHOUT_JTP

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
    async with bench.running(WITHOUT_JTP) as started:
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
        changes_live=made,
    )


async def _change(bench: Bench, peer: Peer, seconds: float) -> int:
    """Users come and go in turns; how many changes were live before the end."""
    began = time.monotonic()
    routes = bench.routes("student", range(30_000, 30_000 + int(seconds * CHANGES / 2) + 1))
    changes: list[asyncio.Task[None]] = []
    for number in range(int(seconds * CHANGES)):
        await asyncio.sleep(max(0, began + number / CHANGES - time.monotonic()))
        route = routes[number // 2]
        if number % 2:
            changes.append(asyncio.create_task(_leave(peer, route[0], changes[-1])))
        else:
            changes.append(asyncio.create_task(peer.add([route])))
    await asyncio.sleep(max(0, began + seconds - time.monotonic()))
    live = sum(change.done() for change in changes)
    await asyncio.gather(*changes)
    if len(changes) % 2:
        await peer.delete([routes[len(changes) // 2][0]])
    await peer.rest()
    return live


async def _leave(peer: Peer, spec: str, came: asyncio.Task[None]) -> None:
    """A hub, too, stops a server only after it has started it."""
    await came
    await peer.delete([spec])
