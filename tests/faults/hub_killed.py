"""A real JupyterHub process, killed and started again while its user works."""

from __future__ import annotations

import asyncio
from urllib.parse import urljoin

from tests.faults.faults import Fault
from tests.faults.load import Counts
from tests.faults.world import World
from tests.support.hub import PASSWORD, Hub
from tests.support.hub_session import HubSession

_HOST = "hub.example.org"


async def hub_killed(world: World, seconds: float) -> None:
    """The hub is killed, a user's server goes on; the new hub knows it, and runs a cell in it."""
    replica = world.system.replicas[0]
    traits = {**world.system.proxy_traits(), "namespace": "real", "root_rule": f"Host(`{_HOST}`)"}
    hub = Hub(world.folder / "hub", replica.public_url, traits)
    hub.start()
    try:
        await asyncio.to_thread(hub.wait)
        session = HubSession(replica.public_url, "ada", PASSWORD, host=_HOST)
        await session.login_when_ready()
        await session.start_server()
        asking = asyncio.create_task(_ask(session, world.load.counts))
        hub.kill()
        await asyncio.sleep(seconds)
        hub.start()
        await asyncio.to_thread(hub.wait)
        await session.enter_server()  # the login is still good, as the cookie's secret is kept
        assert await session.run_cell("print(6 * 7)") == "42\n"
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    finally:
        hub.end()


async def _ask(session: HubSession, counts: Counts) -> None:
    url = urljoin(session.server_url, "api")
    while True:
        response = await session.fetch(url)
        counts.requests += 1
        if response.code != 200:
            counts.failures.append(f"{url}: {response.code}")
        await asyncio.sleep(0.02)


HUB_KILLED = Fault("hub: killed and started again", hub_killed, 30, 1)
