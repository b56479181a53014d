"""Many open websockets: what each costs, and how fast messages pass through them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from benchmarks.bench import Bench, Size
from benchmarks.generator import websockets
from benchmarks.names import user_paths
from benchmarks.peer import Peer
from benchmarks.peers import peers_for
from benchmarks.usage import raise_descriptor_limit, usage_of

_SPARE_DESCRIPTORS = 200
"""Of a proxy's process, for all that is not a websocket."""


@dataclass(frozen=True)
class Plan:
    """Websockets at once, messages through each, and rounds."""

    sockets: int
    messages: int
    rounds: int


PLANS: dict[Size, Plan] = {
    "full": Plan(10_000, 3, 3),
    "quick": Plan(10_000, 1, 1),
    "smoke": Plan(20, 1, 1),
}
USERS = 100


def possible(wanted: int, limit: int) -> int:
    """How many websockets a proxy with two descriptors for each can hold under a limit."""
    return min(wanted, (limit - _SPARE_DESCRIPTORS) // 2)


async def run(bench: Bench) -> None:
    """Each peer begins anew in every round: memory that was used once is not given back."""
    plan = PLANS[bench.size]
    sockets = possible(plan.sockets, raise_descriptor_limit())
    bench.progress.expect(plan.rounds * len(peers_for(bench.size)))
    for number in range(1, plan.rounds + 1):
        for name in peers_for(bench.size):
            bench.progress.step(f"{name}, round {number}")
            async with bench.running([name]) as peers:
                for peer in peers:
                    with bench.tolerating(f"round {number}, {name}"):
                        await _one(bench, peer, sockets, number)


async def _one(bench: Bench, peer: Peer, sockets: int, number: int) -> None:
    await peer.fill(bench.routes("student", range(USERS)))
    paths = [f"{path}channels" for path in user_paths("student", range(USERS))]
    messages = PLANS[bench.size].messages
    before = usage_of(peer.pids())
    async with websockets(peer.addresses[0], paths, sockets=sockets, messages=messages) as them:
        opened = them.opened["opened"]
        await asyncio.sleep(0.5)
        after = usage_of(peer.pids())
        told = await them.talk()
        talked = usage_of(peer.pids())
    each = max(1.0, opened)
    bench.record(
        f"{sockets} open",
        peer.name,
        number,
        opened=opened,
        descriptors=(after.descriptors - before.descriptors) / each,
        memory_each=(talked.memory - before.memory) * 1024 / each,
        time=them.opened["seconds"],
        p50=told["p50_ms"],
        p99=told["p99_ms"],
        speed=told["mib_per_second"],
        failed=told["failed"] + them.opened["failed"],
    )
