"""Several replicas of the proxy."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
from tests.support.edge import EdgeServer
from tests.support.edge_world import World
from tests.support.ports import free_port

from jupyterhub_ha_conformance.fixtures import EchoStarter

pytestmark = pytest.mark.asyncio


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
