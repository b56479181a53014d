"""The last activity that Traefik's counters tell the hub."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime

import aiohttp
import pytest
from tests.support.processes import paused

from jupyterhub_ha import TraefikEtcdProxy
from jupyterhub_ha_conformance.browse import browse
from jupyterhub_ha_conformance.fixtures import Table

ADA = "/user/ada/"
BOB = "/user/bob/"
# Seconds after which Traefik has surely counted a request that has ended.
COUNTED = 1.0


async def activity(proxy: TraefikEtcdProxy, routespec: str) -> datetime | None:
    data = (await proxy.get_all_routes())[routespec]["data"]
    return datetime.fromisoformat(data["last_activity"]) if "last_activity" in data else None


async def next_activity(
    proxy: TraefikEtcdProxy, routespec: str, after: datetime | None, seconds: float = 20
) -> datetime:
    """The next other answer: Traefik counts a request shortly after its end."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = await activity(proxy, routespec)
        if found is not None and found != after:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"the last activity of {routespec} is still {after}")


@pytest.fixture
async def two_users(etcd_table: Table, backend) -> Table:
    for routespec in (ADA, BOB):
        server = await backend(routespec.split("/")[2])
        await etcd_table.proxy.add_route(routespec, server.url, {"user": server.name})
    return etcd_table


async def test_it_moves_with_requests_and_for_this_user_only(two_users: Table) -> None:
    proxy = two_users.proxy
    ada, bob = await activity(proxy, ADA), await activity(proxy, BOB)
    assert ada
    assert bob
    for _ in range(2):
        await browse(two_users.url, "/user/ada/tree")
        moved = await next_activity(proxy, ADA, ada)
        assert moved > ada
        assert abs(time.time() - moved.timestamp()) < 20
        await asyncio.sleep(COUNTED)
        ada = await activity(proxy, ADA)
    assert await activity(proxy, BOB) == bob


async def test_without_requests_it_stays(two_users: Table) -> None:
    await browse(two_users.url, "/user/ada/tree")
    await asyncio.sleep(COUNTED)
    before = await activity(two_users.proxy, ADA)
    for _ in range(3):
        await asyncio.sleep(0.2)
        assert await activity(two_users.proxy, ADA) == before


async def test_a_websocket_counts_when_it_ends(two_users: Table) -> None:
    before = await activity(two_users.proxy, ADA)
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(f"{two_users.url}/user/ada/ws") as socket:
            assert await socket.receive_str() == "ada"
            await socket.send_str("x")
            assert await socket.receive_str() == "x"
        assert await next_activity(two_users.proxy, ADA, before)


async def test_a_server_that_refuses_is_not_active(etcd_table: Table, backend) -> None:
    gone = await backend("gone")
    await gone.__aexit__()
    await etcd_table.proxy.add_route("/user/gone/", gone.url, {})
    before = await activity(etcd_table.proxy, "/user/gone/")
    assert (await browse(etcd_table.url, "/user/gone/"))["status"] >= 500
    await asyncio.sleep(COUNTED)
    assert await activity(etcd_table.proxy, "/user/gone/") == before


async def test_a_restarted_hub_does_not_take_everybody_for_active(two_users: Table) -> None:
    await browse(two_users.url, "/user/ada/tree")
    restarted = two_users.system.make_proxy()
    try:
        assert await activity(restarted, ADA) is None
        await asyncio.sleep(COUNTED)
        await activity(restarted, ADA)
        await browse(two_users.url, "/user/ada/tree")
        assert await next_activity(restarted, ADA, None)
        assert await activity(restarted, BOB) is None
    finally:
        await restarted.stop()


async def test_restarted_replicas_go_on_counting(two_users: Table) -> None:
    await browse(two_users.url, "/user/ada/tree")
    await asyncio.sleep(COUNTED)
    before = [await activity(two_users.proxy, spec) for spec in (ADA, BOB)]
    two_users.system.restart()
    await two_users.proxy.add_route("/user/new/", two_users.hub.url, {})  # the replicas are back
    assert [await activity(two_users.proxy, spec) for spec in (ADA, BOB)] == before
    await browse(two_users.url, "/user/ada/tree")
    assert await next_activity(two_users.proxy, ADA, before[0])
    assert await activity(two_users.proxy, BOB) == before[1]


async def test_a_dead_and_a_frozen_replica_are_no_error_and_not_waited_for_long(
    two_users: Table,
) -> None:
    dead, frozen = two_users.system.replicas
    dead.kill()
    try:
        with paused(frozen):
            start = time.monotonic()
            routes = await two_users.proxy.get_all_routes()
            assert time.monotonic() - start < 20
            assert {ADA, BOB} <= set(routes)
    finally:
        dead.start()
    # Whoever deletes the routes next finds both alive.
    await two_users.proxy.add_route("/user/new/", two_users.hub.url, {})
