"""Changes of routes while users work."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest

from jupyterhub_ha_conformance.fixtures import EchoStarter, ServerStarter, Table
from jupyterhub_ha_conformance.raw import connect, exchange, read_head, request

pytestmark = pytest.mark.asyncio

PATH = "/user/ada/x"


class Tally:
    """What went on, and what was disturbed."""

    def __init__(self) -> None:
        self.done = 0
        self.disturbed: list[str] = []


@contextlib.asynccontextmanager
async def meanwhile(count: int, work: Callable[[], Awaitable[None]]) -> AsyncIterator[Tally]:
    """`count` times `work` in an endless loop; each error is a disturbance and ends its loop."""
    tally = Tally()
    stop = asyncio.Event()

    async def loop() -> None:
        while not stop.is_set():
            try:
                async with asyncio.timeout(20):
                    await work()
            except (OSError, EOFError, AssertionError, aiohttp.ClientError) as error:
                tally.disturbed.append(repr(error))
                return
            tally.done += 1

    tasks = [asyncio.create_task(loop()) for _ in range(count)]
    try:
        yield tally
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def change_others(table: Table, url: str) -> None:
    """At least 100 changes, and for at least two seconds."""
    end = time.monotonic() + 2
    while True:
        await _change_others(table, url)
        if time.monotonic() > end:
            break


async def _change_others(table: Table, url: str) -> None:
    """Add and delete routes of other users, one by one and many at once."""
    singles = [f"/user/other{number}/" for number in range(10)]
    many = [f"/user/more{number}/" for number in range(40)]
    for spec in singles:
        await table.route(url, spec)
    await asyncio.gather(*(table.route(url, spec) for spec in many))
    await asyncio.gather(*(table.proxy.delete_route(spec) for spec in many))
    for spec in singles:
        await table.proxy.delete_route(spec)


async def ticking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server whose answers hardly end: a number every 20 ms, in order."""
    await read_head(reader)
    # With a length nobody cuts it into chunks anew.
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    number = 0
    while True:
        writer.write(b"%d\n" % number)
        await writer.drain()
        number += 1
        await asyncio.sleep(0.02)


async def test_streams_go_on(table: Table, serve: ServerStarter, backend: EchoStarter) -> None:
    """30 streams: none is disturbed by 100 or more changes of other routes"""
    await serve(ticking)
    other = await backend("other")
    async with contextlib.AsyncExitStack() as stack:
        readers = []
        for _ in range(30):
            connection = await stack.enter_async_context(connect(table.url))
            await connection.send(request(PATH))
            assert await connection.head()
            readers.append(connection.reader)
        await change_others(table, other.url)
        counts = await asyncio.gather(*(_in_order(reader) for reader in readers))
    assert min(counts) > 10


async def _in_order(reader: asyncio.StreamReader) -> int:
    """How many numbers came, none missing, the last one after now; else an AssertionError."""
    count = 0
    end = time.monotonic() + 0.2
    async with asyncio.timeout(10):
        while time.monotonic() < end:
            assert await reader.readline() == b"%d\n" % count
            count += 1
    return count


async def test_websockets_go_on(table: Table, backend: EchoStarter) -> None:
    """30 websockets: none is disturbed by 100 or more changes of other routes"""
    ada = await backend("ada")
    await table.route(ada.url)
    async with aiohttp.ClientSession() as session, contextlib.AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(session.ws_connect(table.url + PATH)) for _ in range(30)
        ]
        for one in sockets:
            assert await one.receive_str() == "ada"
        free = asyncio.Queue[aiohttp.ClientWebSocketResponse]()
        for one in sockets:
            free.put_nowait(one)

        async def talk() -> None:
            one = await free.get()
            await one.send_str("1 + 1")
            assert await one.receive_str() == "1 + 1"
            free.put_nowait(one)
            await asyncio.sleep(0.02)

        async with meanwhile(30, talk) as tally:
            await change_others(table, ada.url)
    assert tally.disturbed == []
    assert tally.done > 100


@pytest.mark.parametrize("connections", ["kept", "new"])
async def test_requests_go_on(table: Table, backend: EchoStarter, connections: str) -> None:
    """Requests on kept or new connections: none fails during 100 or more changes of other routes"""
    ada = await backend("ada")
    await table.route(ada.url)
    connector = aiohttp.TCPConnector(force_close=connections == "new", limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def ask() -> None:
            async with session.get(table.url + PATH) as answer:
                assert answer.status == 200
                assert (await answer.json())["name"] == "ada"
            await asyncio.sleep(0.02)

        async with meanwhile(10, ask) as tally:
            await change_others(table, ada.url)
    assert tally.disturbed == []
    assert tally.done > 50


async def test_a_route_is_deleted_while_it_is_used(table: Table, serve: ServerStarter) -> None:
    """A request that runs ends well although its route is deleted"""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
        await writer.drain()
        asked.set()
        await go_on.wait()
        writer.write(b"half")

    await serve(wait)
    async with connect(table.url) as connection:
        await connection.send(request(PATH))
        async with asyncio.timeout(10):
            await asked.wait()
            await table.proxy.delete_route("/user/ada/")
            assert await table.server_of(PATH) == "hub"
        go_on.set()
        answer = await connection.response()
    assert answer
    assert (answer.body, answer.complete) == (b"halfhalf", True)


async def test_a_websocket_stays_although_its_route_is_replaced(
    table: Table, backend: EchoStarter
) -> None:
    """A websocket stays with its server although its route is replaced"""
    await table.route((await backend("old")).url)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(table.url + PATH) as one,
    ):
        assert await one.receive_str() == "old"
        await table.route((await backend("new")).url)
        await one.send_str("still there")
        assert await one.receive_str() == "still there"
        assert await table.server_of(PATH) == "new"


async def test_a_route_is_replaced_while_it_is_used(table: Table, backend: EchoStarter) -> None:
    """Requests go to the old or the new server while a route is replaced; none fails"""
    servers = [await backend("one"), await backend("two")]
    await table.route(servers[0].url)

    async def ask() -> None:
        answer = await exchange(table.url, request(PATH))
        assert answer
        assert answer.status == 200
        assert b'"one"' in answer.body or b'"two"' in answer.body

    async with meanwhile(5, ask) as tally:
        for number in range(20):
            await table.route(servers[number % 2].url)
            await asyncio.sleep(0.05)
    assert tally.disturbed == []
    assert tally.done > 20
