"""Servers that fail."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator

import pytest

from jupyterhub_ha_conformance.echo import EchoServer
from jupyterhub_ha_conformance.fixtures import RecorderStarter, ServerStarter, Table
from jupyterhub_ha_conformance.raw import (
    AT_ONCE,
    OK,
    connect,
    exchange,
    read_body,
    read_head,
    request,
)

pytestmark = pytest.mark.asyncio

PATH = "/user/ada/x"
BAD_GATEWAY = (502, 503, 504)


@contextlib.contextmanager
def refusing() -> Iterator[str]:
    """The URL of a port that refuses connections."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{one.getsockname()[1]}"


@contextlib.contextmanager
def unreachable() -> Iterator[str]:
    """The URL of a port that neither takes nor refuses connections: its queue is full."""
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(socket.socket())
        one.bind(("127.0.0.1", 0))
        one.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(one.getsockname())
        yield f"http://127.0.0.1:{one.getsockname()[1]}"


async def test_a_server_that_refuses(table: Table) -> None:
    """A server that refuses connections: 502, 503 or 504, at once"""
    with refusing() as url:
        await table.route(url)
        start = time.monotonic()
        for _ in range(table.tries):
            answer = await exchange(table.url, request(PATH))
            assert answer
            assert answer.status in BAD_GATEWAY
        assert time.monotonic() - start < AT_ONCE


async def test_a_server_that_cannot_be_reached(table: Table) -> None:
    """A server that does not answer at all: 502, 503 or 504 within half a minute"""
    with unreachable() as url:
        await table.route(url)
        answer = await exchange(table.url, request(PATH), timeout=10 + AT_ONCE)
    assert answer
    assert answer.status in BAD_GATEWAY


async def test_a_server_that_closes_without_an_answer(table: Table, serve: ServerStarter) -> None:
    """A server that closes without an answer: 502, 503 or 504, at once"""

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)

    await serve(close)
    answer = await exchange(table.url, request(PATH), timeout=AT_ONCE)
    assert answer
    assert answer.status in BAD_GATEWAY


async def test_a_post_is_not_sent_twice(table: Table, serve: ServerStarter) -> None:
    """A POST is not sent again when the server closes without an answer"""
    seen = []

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        message = await read_head(reader)
        if message:
            await read_body(reader, message)
            seen.append(message.body)

    await serve(close)
    answer = await exchange(table.url, request(PATH, method="POST", body=b"once"), timeout=AT_ONCE)
    assert answer
    assert answer.status in BAD_GATEWAY
    assert seen == [b"once"]


async def test_a_server_that_answers_nonsense(table: Table, serve: ServerStarter) -> None:
    """A server that does not speak HTTP: 502, 503 or 504, at once"""

    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")

    await serve(nonsense)
    answer = await exchange(table.url, request(PATH), timeout=AT_ONCE)
    assert answer
    assert answer.status in BAD_GATEWAY


@pytest.mark.parametrize("framing", ["with a length", "chunked"])
async def test_a_server_that_closes_midway(
    table: Table, serve: ServerStarter, framing: str
) -> None:
    """A server that closes midway: the client can tell that the answer is cut"""
    chunked = framing == "chunked"
    head = "Transfer-Encoding: chunked" if chunked else "Content-Length: 1000"

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        piece = b"4\r\nhalf\r\n" if chunked else b"half"
        writer.write(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + piece)
        await writer.drain()
        await asyncio.sleep(0.2)

    await serve(cut)
    answer = await exchange(table.url, request(PATH), timeout=10)
    assert answer
    assert (answer.status, answer.body, answer.complete) == (200, b"half", False)


async def test_a_server_that_closes_idle_connections(table: Table, serve: ServerStarter) -> None:
    """A server that closes its idle connections: no request fails"""

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(OK)
        await writer.drain()

    await serve(once)
    statuses = []
    async with connect(table.url) as connection:
        for _ in range(30):
            await connection.send(request(PATH))
            answer = await connection.response()
            statuses.append(answer and answer.status)
            await asyncio.sleep(0.01)
    assert statuses == [200] * 30


async def test_a_server_that_is_slow_to_answer(table: Table, serve: ServerStarter) -> None:
    """A server that needs 3 seconds for its answer is waited for"""

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        await asyncio.sleep(3)
        writer.write(OK)

    await serve(slow)
    answer = await exchange(table.url, request(PATH))
    assert answer
    assert (answer.status, answer.body) == (200, b"ok")


@pytest.mark.parametrize("moment", ["before the answer", "midway"])
async def test_a_client_that_gives_up(table: Table, serve: ServerStarter, moment: str) -> None:
    """A server is told soon that its client gave up"""
    asked, gone = asyncio.Event(), asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        if moment == "midway":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
            await writer.drain()
        asked.set()
        with contextlib.suppress(ConnectionError):
            await reader.read(-1)
        gone.set()

    await serve(wait)
    async with connect(table.url) as connection:
        await connection.send(request(PATH))
        async with asyncio.timeout(AT_ONCE):
            await asked.wait()
        if moment == "midway":
            assert await connection.head()
        connection.abort()
    async with asyncio.timeout(AT_ONCE):
        await gone.wait()


async def test_a_server_that_hangs_harms_nobody(table: Table, serve: ServerStarter) -> None:
    """100 requests to a server that hangs harm nobody else"""

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    await serve(hang)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(100):
            connection = await stack.enter_async_context(connect(table.url))
            await connection.send(request(PATH))
        start = time.monotonic()
        for _ in range(20):
            assert await table.server_of("/hub/x") == "hub"
        assert time.monotonic() - start < AT_ONCE


async def test_a_server_that_comes_back(table: Table) -> None:
    """A server that comes back at its address is served at once"""
    async with EchoServer("ada") as ada:
        port = int(ada.url.rpartition(":")[2])
        await table.route(ada.url)
        assert await table.server_of(PATH) == "ada"
    answer = await exchange(table.url, request(PATH), timeout=AT_ONCE)
    assert answer
    assert answer.status in BAD_GATEWAY
    async with EchoServer("again", port):
        for _ in range(5):
            assert await table.server_of(PATH) == "again"


async def test_the_hub_is_away(table: Table, recorder: RecorderStarter) -> None:
    """While the hub is away its pages are 502, 503 or 504, and users' servers are served"""
    await recorder()
    with refusing() as url:
        await table.proxy.add_route("/", url, {"hub": True})
        answer = await exchange(table.url, request("/hub/home"), timeout=AT_ONCE)
        assert answer
        assert answer.status in BAD_GATEWAY
        answer = await exchange(table.url, request(PATH))
        assert answer
        assert answer.status == 200
