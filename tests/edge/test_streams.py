"""Websockets, events, bodies and connections."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import aiohttp
import pytest
from benchmarks.connections import End, parse
from tests.support.edge import EdgeServer
from tests.support.edge_world import World

from jupyterhub_ha_conformance.fixtures import EchoStarter
from jupyterhub_ha_conformance.raw import RawServer, Recorder, read_head, request

pytestmark = pytest.mark.asyncio

PATH = "/user/ada/x"
MIB = 1 << 20
_PIECE = bytes(MIB)
_FLAT = 48 * MIB


async def test_websockets(any_world: World, backend: EchoStarter) -> None:
    await any_world.route((await backend("ada")).url)
    url = f"{any_world.system.edge.https_url}{any_world.base}user/ada/ws"
    connector = aiohttp.TCPConnector(ssl=any_world.context)
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.ws_connect(url.replace("https", "wss", 1), max_msg_size=0) as socket:
            assert await socket.receive_str() == "ada"
            for text in ("1 + 1", "x" * MIB):
                await socket.send_str(text)
                assert await socket.receive_str() == text
        async with session.get(url) as answer:  # the same path, and no websocket
            assert (answer.status, (await answer.json())["method"]) == (200, "GET")


async def test_nothing_is_upgraded_that_did_not_ask(world: World) -> None:
    """A request without Upgrade has none at the server; one for something else neither"""
    async with Recorder() as server:
        await world.route(server.url)
        for lines in (["Connection: close"], ["Connection: Upgrade, close", "Upgrade: h2c"]):
            assert (await world.exchange(request(PATH, *lines))).status == 200
            assert server.last.get("Upgrade") is None
            assert "upgrade" not in (server.last.get("Connection") or "").lower()


async def test_events_one_by_one(world: World) -> None:
    arrived = asyncio.Semaphore(0)

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        writer.write(head + b"Transfer-Encoding: chunked\r\n\r\n")
        for number in range(5):
            event = b"data: %d\n\n" % number
            writer.write(b"%x\r\n%b\r\n" % (len(event), event))
            await writer.drain()
            await arrived.acquire()
        writer.write(b"0\r\n\r\n")

    async with RawServer(send) as server, world.connect() as connection:
        await world.route(server.url)
        await connection.send(request(PATH, "Accept: text/event-stream"))
        head = await connection.head()
        assert head
        assert head.status == 200
        async with asyncio.timeout(15):
            for number in range(5):
                await connection.reader.readuntil(b"data: %d\n\n" % number)
                arrived.release()


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


async def test_a_large_upload(world: World) -> None:
    """100 MiB, which no default of a server lets through; the server's memory stays flat"""
    got, size = 0, 100 * MIB
    begun = asyncio.Event()

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal got
        await read_head(reader)
        while got < size and (piece := await reader.read(MIB)):
            got += len(piece)
            begun.set()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")

    pid = world.system.edge.pid
    before = most = _resident(pid)
    async with RawServer(count) as server, world.connect() as connection:
        await world.route(server.url)
        await connection.send(request(PATH, f"Content-Length: {size}", method="PUT") + _PIECE)
        async with asyncio.timeout(30):
            await begun.wait()  # while most of it is still here
        for _ in range(size // MIB - 1):
            await connection.send(_PIECE)
            most = max(most, _resident(pid))
        answer = await connection.response(timeout=60)
    assert answer
    assert (answer.status, answer.body, got) == (200, b"done", size)
    assert most - before < _FLAT


async def test_a_limit_for_bodies(world: World, web_server: str, tmp_path: Path) -> None:
    if web_server == "traefik":
        with pytest.raises(Exception, match="--max-body: traefik limits a body only by keeping"):
            EdgeServer(web_server, tmp_path, ["127.0.0.1:9"], max_body="1M")
        return
    upstream = world.system.proxy_url.removeprefix("http://")
    async with Recorder() as server:
        await world.route(server.url)
        with EdgeServer(web_server, tmp_path, [upstream], max_body="1M") as edge:
            for size, status in ((MIB, 200), (MIB + 1, 413)):
                # The body waits until it is asked for: the answer to one that nobody reads may be
                # lost with the connection.
                async with (
                    aiohttp.ClientSession() as session,
                    session.put(
                        edge.https_url + PATH,
                        data=io.BytesIO(bytes(size)),
                        ssl=edge.context(),
                        expect100=True,
                    ) as answer,
                ):
                    assert answer.status == status
    assert [len(message.body) for message in server.requests if message.complete] == [MIB]


async def test_connections_are_kept(world: World) -> None:
    """What comes over one connection needs one to the proxy at most, and clients share these

    HAProxy's ``http-reuse safe`` opens another one for the first request of a client where none has
    been used a second time yet: nothing is lost when the proxy closes one at that moment.
    """
    port = int(world.system.proxy_url.rpartition(":")[2])
    clients, requests = 10, 5
    async with Recorder() as server:
        await world.route(server.url)
        before, after = _connections_to(port), set()
        for _ in range(clients):
            async with world.connect() as connection:
                for _ in range(requests):
                    await connection.send(request(PATH))
                    answer = await connection.response()
                    assert answer
                    assert answer.status == 200
                    after |= _connections_to(port)
    assert len(server.requests) == clients * requests
    assert 1 <= len(after - before) <= clients


def _connections_to(port: int) -> set[End]:
    """The local ends of this machine's connections to a port of 127.0.0.1, open or just closed."""
    there = End("0100007F", port)
    return {one.local for one in parse(Path("/proc/net/tcp").read_text()) if one.remote == there}
