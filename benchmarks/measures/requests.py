"""Requests per second and latency through each proxy, and the CPU time that they take."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.bench import Bench, Size
from benchmarks.generator import requests
from benchmarks.names import user_paths
from benchmarks.peer import Peer
from benchmarks.peers import peers_for
from benchmarks.requirements import ONE_ROUTE
from benchmarks.usage import usage_of

DIRECT = "direct"
"""No proxy: what the generator and the server can do at most."""


@dataclass(frozen=True)
class Plan:
    """Numbers of routes for each shape of names, rounds, seconds of load in each."""

    sizes: dict[str, tuple[int, ...]]
    rounds: int
    seconds: float
    warm: float
    """Seconds of load that do not count, after the table has grown: the first request of a route
    costs more, since the proxy opens a connection and begins to count."""


_ALL_SIZES = (1, 100, 1000, 10000)
PLANS: dict[Size, Plan] = {
    "full": Plan(dict.fromkeys(("student", "e-mail", "hash"), _ALL_SIZES), 5, 3, 4),
    "quick": Plan({"student": _ALL_SIZES, "e-mail": (1, 10000), "hash": (1, 10000)}, 5, 1, 1.5),
    "smoke": Plan({"student": (1, 3)}, 1, 0.2, 0.1),
}


async def run(bench: Bench) -> None:
    """Every shape with proxies of its own, which get more and more routes.

    Beside the most routes there is one more proxy of ours with a single one: what the others did
    with one route was long before, and the machine may have been faster then.
    """
    plan = PLANS[bench.size]
    bench.progress.expect(sum(len(sizes) for sizes in plan.sizes.values()) * plan.rounds)
    for shape, sizes in plan.sizes.items():
        async with bench.running([*peers_for(bench.size), ONE_ROUTE]) as started:
            alone = [peer for peer in started if peer.name == ONE_ROUTE]
            peers, present = [peer for peer in started if peer.name != ONE_ROUTE], 0
            await bench.filled(alone, bench.routes(shape, range(1)))
            for size in sizes:
                more = bench.routes(shape, range(present, size))
                peers = await bench.filled(peers, more)
                present = size
                measured = [*peers, *alone] if size == max(sizes) else peers
                for peer in measured:
                    with bench.tolerating(f"warm up {peer.name}"):
                        await _load(peer, shape, size, plan.warm)
                for number in range(1, plan.rounds + 1):
                    bench.progress.step(f"{size} {shape}, round {number}")
                    await _round(bench, measured, number, size, shape)


async def _load(peer: Peer, shape: str, size: int, seconds: float) -> dict[str, float]:
    paths = _paths(shape, 1 if peer.name == ONE_ROUTE else size)
    return await requests(peer.addresses[0], paths, seconds=seconds)


def _paths(shape: str, size: int) -> list[str]:
    return [f"{path}api/status" for path in user_paths(shape, range(size))]


async def _round(bench: Bench, peers: list[Peer], number: int, size: int, shape: str) -> None:
    seconds = PLANS[bench.size].seconds
    case = f"{size} {shape}"
    result = await requests(bench.server.address, _paths(shape, size), seconds=seconds)
    _record(bench, case, DIRECT, number, result)
    for peer in peers:
        with bench.tolerating(f"{case}, {peer.name}"):
            before = usage_of(peer.pids()).cpu_seconds
            result = await _load(peer, shape, size, seconds)
            spent = usage_of(peer.pids()).cpu_seconds - before
            _record(bench, case, peer.name, number, result)
            bench.record(case, peer.name, number, cpu=spent / max(1, result["all"]) * 10_000)


def _record(bench: Bench, case: str, peer: str, number: int, result: dict[str, float]) -> None:
    good = result["requests"] - result["failed"]
    bench.record(
        case,
        peer,
        number,
        rate=good / result["seconds"],
        p50=result["p50_ms"],
        p99=result["p99_ms"],
        failed=result["failed"],
    )
