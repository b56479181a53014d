"""Who is believed, and what the hub and users' servers are told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest
from tests.support.edge import EdgeServer
from tests.support.edge_world import World
from tests.support.traefik_file import TraefikFileSystem

from jupyterhub_ha_conformance.fixtures import hub_of
from jupyterhub_ha_conformance.raw import Connection, Recorder, exchange, request
from proxy_gen.edge_features import DROPPED_HEADERS, SET_HEADERS

pytestmark = pytest.mark.asyncio

PATH = "/user/ada/x"
_FORGED = [f"{name}: forged" for name in SET_HEADERS if name.startswith("X-Forwarded")]


def _first(value: str | None) -> str:
    """What the web server said: our proxy adds its own word behind."""
    return (value or "").split(",")[0].strip()


async def _ask_from_elsewhere(proxy_url: str, data: bytes) -> None:
    """Ask our proxy from another address of this machine, which values.yaml does not name."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", int(proxy_url.rpartition(":")[2]), local_addr=("127.0.0.2", 0)
    )
    try:
        connection = Connection(reader, writer)
        await connection.send(data)
        assert await connection.response()
    finally:
        writer.transport.abort()


async def test_the_client_is_told(world: World) -> None:
    """Address, scheme, host and port of what the client asked"""
    host = f"hub.example.com:{world.system.edge.https_port}"
    async with Recorder() as server:
        await world.route(server.url)
        await world.exchange(request(PATH, "Connection: close", host=host))
        told = {name: _first(server.last.get(name)) for name in SET_HEADERS}
        assert server.last.all("Host") == [host]
    assert told == {
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": host,
        "X-Forwarded-Port": str(world.system.edge.https_port),
        "X-Real-IP": "127.0.0.1",
        "X-Scheme": "https",
    }


async def test_a_client_forges_nothing(world: World) -> None:
    names = (*SET_HEADERS, *DROPPED_HEADERS)
    lines = [f"{spelled}: forged-{name}" for name in names for spelled in (name, name.lower())]
    async with Recorder() as server:
        await world.route(server.url)
        answer = await world.exchange(request(PATH, *lines, "Connection: close"))
        assert answer.status == 200
        arrived = [f"{name}: {value}" for name, value in server.last.headers]
    assert not [line for line in arrived if "forged" in line]


async def test_the_proxy_believes_the_web_server_alone(world: World) -> None:
    async with Recorder() as server:
        await world.route(server.url)
        await _ask_from_elsewhere(world.system.proxy_url, request(PATH, *_FORGED))
        assert server.last.get("X-Forwarded-For") == "127.0.0.2"
        assert not [value for _, value in server.last.headers if "forged" in value]


async def test_traefik_believes_the_web_server_alone(web_server: str, tmp_path: Path) -> None:
    """The same with Traefik as our proxy, which adds nothing of its own"""
    trusted = ["127.0.0.1/32", "::1/128"]
    proxy = TraefikFileSystem(tmp_path / "proxy", replicas=1, trusted_ips=trusted)
    upstream = proxy.public_url.removeprefix("http://")
    edge = EdgeServer(web_server, tmp_path / "edge", [upstream], kind="traefik-file")
    assert edge.trusted == trusted
    with proxy, edge:
        async with hub_of(proxy) as table, Recorder() as server:
            await table.route(server.url)
            connector = aiohttp.TCPConnector(ssl=edge.context())
            async with (
                aiohttp.ClientSession(connector=connector) as session,
                session.get(edge.https_url + PATH, headers={"X-Forwarded-Proto": "x"}) as answer,
            ):
                assert answer.status == 200
            assert server.last.get("X-Forwarded-Proto") == "https"
            assert _first(server.last.get("X-Forwarded-For")) == "127.0.0.1"
            await _ask_from_elsewhere(proxy.public_url, request(PATH, *_FORGED))
            assert server.last.get("X-Forwarded-For") == "127.0.0.2"
            assert server.last.get("X-Forwarded-Proto") == "http"


async def test_tls_ends_in_front(world: World, web_server: str, tmp_path: Path) -> None:
    """Without TLS here the hub is told http, or https where another server ends it"""
    upstream = world.system.proxy_url.removeprefix("http://")
    async with Recorder() as server:
        await world.route(server.url)
        for in_front, scheme, port in ((False, "http", None), (True, "https", "443")):
            folder = tmp_path / scheme
            with EdgeServer(
                web_server, folder, [upstream], tls=False, tls_in_front=in_front
            ) as edge:
                answer = await exchange(
                    edge.http_url, request(PATH, "X-Forwarded-Proto: forged", host="127.0.0.1")
                )
            assert answer
            assert answer.status == 200
            for name in ("X-Forwarded-Proto", "X-Scheme"):
                assert _first(server.last.get(name)) == scheme
            if port:
                assert _first(server.last.get("X-Forwarded-Port")) == port


async def test_a_websocket_s_client_is_told(world: World) -> None:
    """The same for the request that becomes a websocket"""
    refused = b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"
    async with Recorder(refused) as server:
        await world.route(server.url)
        lines = (
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
            "X-Forwarded-For: forged",
            "X-Scheme: forged",
        )
        assert (await world.exchange(request(PATH, *lines))).status == 403
        assert _first(server.last.get("X-Forwarded-For")) == "127.0.0.1"
        assert server.last.get("X-Scheme") == "https"
        assert (server.last.get("Upgrade") or "").lower() == "websocket"
