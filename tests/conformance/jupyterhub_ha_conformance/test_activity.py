"""Activity: by `last_activity` in a route's data JupyterHub knows which servers are used."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import aiohttp
import pytest

from jupyterhub_ha_conformance.fixtures import EchoStarter, Table

pytestmark = pytest.mark.asyncio

PATH = "/user/ada/x"
SOON = 4.0
"""Seconds within which the proxy must tell of traffic: JupyterHub asks every five minutes."""


async def last_activity(table: Table, routespec: str = "/user/ada/") -> datetime:
    """When the proxy last saw traffic; UTC."""
    routes = await table.proxy.get_all_routes()
    found = datetime.fromisoformat(routes[routespec]["data"]["last_activity"])
    return found if found.tzinfo else found.replace(tzinfo=UTC)


async def moves(table: Table, since: datetime, routespec: str = "/user/ada/") -> bool:
    """Whether the proxy tells of newer traffic soon."""
    for _ in range(int(SOON / 0.25)):
        if await last_activity(table, routespec) > since:
            return True
        await asyncio.sleep(0.25)
    return False


async def test_a_request_is_activity(table: Table, backend: EchoStarter) -> None:
    """A request is activity, told with its time"""
    await table.route((await backend("ada")).url)
    before = await last_activity(table)
    await asyncio.sleep(1.1)
    start = datetime.now(UTC)
    await table.server_of(PATH)
    assert await moves(table, before)
    told = await last_activity(table)
    assert (told - start).total_seconds() > -1.1
    assert told <= datetime.now(UTC)


async def test_without_traffic_there_is_none(table: Table, backend: EchoStarter) -> None:
    """Without traffic nothing moves, also not by the hub's own calls or other users"""
    await table.route((await backend("ada")).url)
    await table.route((await backend("bob")).url, "/user/bob/")
    await table.server_of(PATH)
    await asyncio.sleep(1.5)
    await last_activity(table)
    before = await last_activity(table)
    for _ in range(5):
        await table.server_of("/user/bob/x")
        await table.route((await backend("bob")).url, "/user/other/")
        await asyncio.sleep(0.3)
        assert await last_activity(table) == before


async def test_named_servers_are_told_apart(table: Table, backend: EchoStarter) -> None:
    """A named server's traffic is not its user's default server's"""
    await table.route((await backend("ada")).url)
    await table.route((await backend("gpu")).url, "/user/ada/gpu/")
    await asyncio.sleep(1.5)
    await last_activity(table)
    default, named = await last_activity(table), await last_activity(table, "/user/ada/gpu/")
    await asyncio.sleep(1.1)
    await table.server_of("/user/ada/gpu/x")
    assert await moves(table, named, "/user/ada/gpu/")
    assert await last_activity(table) == default


async def test_a_websocket_that_ends_is_activity(table: Table, backend: EchoStarter) -> None:
    """A websocket that was used and closed is activity"""
    await table.route((await backend("ada")).url)
    before = await last_activity(table)
    await asyncio.sleep(1.1)
    async with aiohttp.ClientSession() as session, session.ws_connect(table.url + PATH) as one:
        await one.receive_str()
    assert await moves(table, before)


@pytest.mark.parametrize("sender", ["client", "server"])
async def test_a_websocket_s_messages_are_activity(
    table: Table, backend: EchoStarter, sender: str
) -> None:
    """A message on an open websocket is activity, by its sender"""
    ada = await backend("ada")
    ada.silent = sender == "client"
    await table.route(ada.url)
    async with aiohttp.ClientSession() as session, session.ws_connect(table.url + PATH) as one:
        assert await one.receive_str() == "ada"
        await asyncio.sleep(1.5)
        await last_activity(table)
        before = await last_activity(table)
        if sender == "client":
            await one.send_str("1 + 1")
        else:
            await ada.say("output")
            assert await one.receive_str() == "output"
        assert await moves(table, before)


async def test_an_idle_websocket_is_none(table: Table, backend: EchoStarter) -> None:
    """An open websocket without messages is no activity"""
    await table.route((await backend("ada")).url)
    async with aiohttp.ClientSession() as session, session.ws_connect(table.url + PATH) as one:
        assert await one.receive_str() == "ada"
        await asyncio.sleep(1.5)
        await last_activity(table)
        before = await last_activity(table)
        await asyncio.sleep(2)
        assert await last_activity(table) == before
