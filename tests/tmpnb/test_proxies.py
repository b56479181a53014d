"""What hangs on the proxy, with each of them and real single-user servers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urljoin

import pytest
from tests.support.hub_session import close
from tests.support.tmpnb import TmpnbHub, VisitorSession, chatter, hub_behind

pytestmark = pytest.mark.timeout(600)

KINDS = ("in-process", "traefik-file", "traefik-etcd")
IDLE = 10
# Those of the pool are not counted as a visitor's; each address may take so many.
LIMITS = {"servers": 6, "perAddressPerMinute": 2}
# The server tells JupyterHub of its kernels' activity each second; ours does not listen to it.
MORE = 'c.Spawner.environment["JUPYTERHUB_ACTIVITY_INTERVAL"] = "1"\n'


@pytest.fixture(scope="module", params=KINDS)
def hub(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TmpnbHub]:
    """One hub for all tests of a proxy."""
    values = {"pool": {"size": 2, "concurrency": 2}, "limits": LIMITS, "idleTimeout": IDLE}
    with hub_behind(request.param, tmp_path_factory.mktemp(request.param), values, MORE) as hub:
        yield hub


async def test_idle_servers_end_though_their_kernel_chats_and_used_ones_stay(hub: TmpnbHub) -> None:
    await hub.until(ready=2)
    gone, active = VisitorSession(hub.url), VisitorSession(hub.url)
    for visitor in (gone, active):
        page = await visitor.visit()
        assert page.code == 200
        assert page.request.url == f"{visitor.server_url}lab"
    channels = await gone.open_channels(await gone.start_kernel())
    await channels.write_message(chatter())
    await asyncio.sleep(1)
    began = time.monotonic()
    await close(channels)
    status = urljoin(active.server_url, "api/status")
    ago = float("inf")
    while gone.username in (users := await hub.users()):
        server = users[gone.username]["servers"].get("", {})
        if server.get("ready") and (told := server.get("last_activity")):  # not being stopped
            ago = (datetime.now(UTC) - datetime.fromisoformat(told)).total_seconds()
        assert (await active.fetch(status)).code == 200
        assert time.monotonic() - began < 6 * IDLE
        await asyncio.sleep(0.5)
    assert time.monotonic() - began > IDLE - 3
    assert ago < IDLE / 2 + 5, "JupyterHub took it for active, as it said of itself"
    page = await gone.visit(f"user/{gone.username}/lab")
    assert page.code == 410
    # After a restart nothing is known of before, and nobody who is active is ended.
    # Not in a thread, with whose end the hub would end, before the next test.
    hub.stop()
    hub.start()
    began = time.monotonic()
    while time.monotonic() - began < 1.5 * IDLE:
        assert (await active.fetch(status)).code == 200
        await asyncio.sleep(0.5)
    while active.username in await hub.users():
        assert time.monotonic() - began < 8 * IDLE
        await asyncio.sleep(0.5)


async def test_a_client_does_not_forge_its_way_around_the_limit(hub: TmpnbHub) -> None:
    await hub.until(ready=2)
    codes = []
    for number in range(1, 10):
        address = f"203.0.113.{number}"
        headers = {"X-Forwarded-For": address, "X-Real-IP": address, "Forwarded": f"for={address}"}
        visitor = VisitorSession(hub.url, Accept="application/json", **headers)
        deadline = time.monotonic() + 60
        while True:
            answer = await visitor.follow(hub.url)
            if answer.code == 200 or b"address" in answer.body or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.5)
        codes.append(answer.code)
        if answer.code != 200:
            break
    assert codes == [200, 200, 503]
