"""Several replicas of the proxy."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import aiohttp
import pytest
from tests.support.edge import EdgeServer
from tests.support.edge_world import World
from tests.support.ports import free_port

from jupyterhub_ha_conformance.fixtures import EchoStarter
from jupyterhub_ha_conformance.raw import RawServer
from proxy_gen.edge_features import FEATURES

pytestmark = pytest.mark.asyncio


async def test_who_asks_replicas_without_being_asked(web_server: str, tmp_path: Path) -> None:
    """Active checks find a dead replica while nobody sends a request; passive ones ask nothing"""
    (checks,) = (f.otherwise for f in FEATURES if f.test.endswith("::test_a_dead_replica"))
    active = "every 2 s" in checks[web_server]

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pass

    async with RawServer(close) as live:
        upstreams = [live.url.removeprefix("http://"), f"127.0.0.1:{free_port()}"]
        with EdgeServer(web_server, tmp_path, upstreams) as edge:
            deadline = time.monotonic() + (30 if active else 3)
            # HAProxy's check ends before the connection is one, so its word is taken.
            while not (found := live.connections or "is DOWN" in edge.log()):
                await asyncio.sleep(0.1)
                if time.monotonic() > deadline:
                    break
    assert bool(found) is active


@pytest.mark.parametrize("place", ["first", "last"])
async def test_a_dead_replica(
    world: World, web_server: str, backend: EchoStarter, tmp_path: Path, place: str
) -> None:
    """No request fails, with a body or without, also before the web server knows"""
    live = world.system.proxy_url.removeprefix("http://")
    dead = f"127.0.0.1:{free_port()}"
    upstreams = (dead, live) if place == "first" else (live, dead)
    await world.route((await backend("ada")).url)
    statuses = []
    with EdgeServer(web_server, tmp_path, upstreams) as edge:
        for number in range(20):
            connector = aiohttp.TCPConnector(force_close=True, ssl=edge.context())
            body = bytes(100_000) if number % 2 else None
            method = "PUT" if body else "GET"
            url = f"{edge.https_url}/user/ada/x"
            async with (
                aiohttp.ClientSession(connector=connector) as session,
                session.request(method, url, data=body) as answer,
            ):
                statuses.append(answer.status)
                if answer.status == 200:
                    assert (await answer.json())["size"] == len(body or b"")
    assert statuses == [200] * 20
