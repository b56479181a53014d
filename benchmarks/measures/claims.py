"""How long a visitor of temporary notebooks waits for the first page of an own server.

Beside it a user who logs in to the same hub without a pool, whose server is started then. Real
single-user servers with JupyterLab, and `in-process`, since what differs is not the proxy.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import urljoin

from tests.support.hub_session import HubSession
from tests.support.local_hub import PASSWORD, LocalHub
from tests.support.tmpnb import TmpnbHub, VisitorSession

from benchmarks.bench import Bench, Size

POOL = "from the pool"
COLD = "started then"


@dataclass(frozen=True)
class Plan:
    """Servers that wait, and rounds."""

    pool: int
    rounds: int


PLANS: dict[Size, Plan] = {"full": Plan(3, 15), "quick": Plan(2, 5), "smoke": Plan(1, 1)}
CASE = "one visitor"
_COLD_HUB = 'c.JupyterHub.proxy_class = "jupyterhub_ha.InProcessProxy"\n'


async def run(bench: Bench) -> None:
    """The two in turns, each alone on the machine: the pool is full again before."""
    plan = PLANS[bench.size]
    bench.progress.expect(plan.rounds)
    folders = [bench.folder / name for name in ("tmpnb", "cold")]
    for folder in folders:
        folder.mkdir()
    limits = {"servers": plan.pool + plan.rounds + 1, "perAddressPerMinute": 0}
    values = {"pool": {"size": plan.pool, "concurrency": 1}, "limits": limits}
    with TmpnbHub(folders[0], values) as pool, LocalHub(folders[1], _COLD_HUB) as cold:
        for number in range(1, plan.rounds + 1):
            bench.progress.step(f"round {number}")
            await pool.until(300, ready=plan.pool, starting=0, ending=0)
            with bench.tolerating(f"round {number}, {POOL}"):
                await _timed(bench, POOL, number, partial(_visit, pool))
            await pool.until(300, ready=plan.pool, starting=0, ending=0)
            with bench.tolerating(f"round {number}, {COLD}"):
                await _timed(bench, COLD, number, partial(_log_in, cold, f"user-{number}"))


async def _timed(
    bench: Bench, peer: str, number: int, visit: Callable[[], Awaitable[None]]
) -> None:
    began = time.perf_counter()
    await asyncio.wait_for(visit(), 120)
    bench.record(CASE, peer, number, time=time.perf_counter() - began)


async def _visit(hub: TmpnbHub) -> None:
    page = await VisitorSession(hub.url).visit()
    if page.code != 200 or b"jupyter-config-data" not in page.body:
        raise RuntimeError(f"no page of JupyterLab: {page.code}")


async def _log_in(hub: LocalHub, name: str) -> None:
    session = HubSession(hub.url, name, PASSWORD)
    await session.login()
    await session.spawn()
    page = await session.follow(urljoin(session.server_url, "lab"))
    if page.code != 200 or b"jupyter-config-data" not in page.body:
        raise RuntimeError(f"no page of JupyterLab: {page.code}")
