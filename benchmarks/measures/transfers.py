"""Large bodies, down and up: how fast, and how much memory the proxy takes meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.bench import Bench, Size
from benchmarks.generator import transfer
from benchmarks.peer import Peer
from benchmarks.peers import peers_for
from benchmarks.usage import reset_peak, usage_of


@dataclass(frozen=True)
class Plan:
    """MiB of each transfer, and rounds."""

    mib: int
    rounds: int


PLANS: dict[Size, Plan] = {"full": Plan(1024, 7), "quick": Plan(512, 5), "smoke": Plan(1, 1)}
DIRECT = "direct"


async def run(bench: Bench) -> None:
    """One stream at a time, the peers in turns."""
    plan = PLANS[bench.size]
    bench.progress.expect(plan.rounds)
    routes = bench.routes("student", range(1))
    async with bench.running(peers_for(bench.size)) as started:
        peers = await bench.filled(started, routes)
        for number in range(1, plan.rounds + 1):
            bench.progress.step(f"round {number}")
            for case, up in (("down", False), ("up", True)):
                path = routes[0][0]
                result = await transfer(bench.server.address, path, plan.mib << 20, up=up)
                bench.record(case, DIRECT, number, speed=result["mib_per_second"])
                for peer in peers:
                    with bench.tolerating(f"{case}, {peer.name}"):
                        await _one(bench, peer, case, number)


async def _one(bench: Bench, peer: Peer, case: str, number: int) -> None:
    size = PLANS[bench.size].mib << 20
    (route,) = bench.routes("student", range(1))
    reset_peak(peer.pids())
    before = usage_of(peer.pids()).memory
    result = await transfer(peer.addresses[0], route[0], size, up=case == "up")
    more = usage_of(peer.pids()).peak_memory - before
    bench.record(case, peer.name, number, speed=result["mib_per_second"], memory=more)
