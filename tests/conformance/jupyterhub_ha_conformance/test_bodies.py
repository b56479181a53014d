"""Large bodies and streams."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jupyterhub_ha_conformance.fixtures import EchoStarter, ServerStarter, Table
from jupyterhub_ha_conformance.raw import AT_ONCE, connect, exchange, read_head, request

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(300)]

PATH = "/user/ada/x"
PIECE = b"0123456789abcdef" * 4096
FLAT = 64 << 20
"""How much the memory of one process may grow, in bytes, whatever the size of the body."""


@contextlib.asynccontextmanager
async def memory_of(table: Table) -> AsyncIterator[None]:
    """Fails when a process of the proxy grows by more than FLAT meanwhile."""
    pids = table.system.pids()  # type: ignore[attr-defined]  # optional in a System
    before = {pid: _resident(pid) for pid in pids}
    most = dict(before)

    async def watch() -> None:
        while True:
            for pid in before:
                most[pid] = max(most[pid], _resident(pid))
            await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
    grown = {pid: (most[pid] - before[pid]) >> 20 for pid in before}
    assert max(grown.values()) <= FLAT >> 20, f"MiB by process: {grown}"


def _resident(pid: int) -> int:
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * 4096


@pytest.mark.needs("pids")
async def test_a_large_upload(table: Table, serve: ServerStarter, large_body: int) -> None:
    """A large upload arrives whole, with flat memory"""
    got = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal got
        await read_head(reader)
        while got < large_body and (piece := await reader.read(1 << 20)):
            got += len(piece)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")

    await serve(count)
    async with memory_of(table), connect(table.url) as connection:
        await connection.send(request(PATH, f"Content-Length: {large_body}", method="PUT"))
        for _ in range(large_body // len(PIECE)):
            await connection.send(PIECE)
        answer = await connection.response(timeout=120)
    assert answer
    assert (answer.status, answer.body, got) == (200, b"done", large_body)


@pytest.mark.needs("pids")
@pytest.mark.parametrize("framing", ["with a length", "chunked"])
async def test_a_large_download(
    table: Table, serve: ServerStarter, large_body: int, framing: str
) -> None:
    """A large download arrives whole, with flat memory"""
    chunked = framing == "chunked"

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {large_body}"
        writer.write(f"HTTP/1.1 200 OK\r\n{length}\r\n\r\n".encode())
        piece = b"%x\r\n%b\r\n" % (len(PIECE), PIECE) if chunked else PIECE
        for _ in range(large_body // len(PIECE)):
            writer.write(piece)
            await writer.drain()
        if chunked:
            writer.write(b"0\r\n\r\n")
        await writer.drain()

    await serve(send)
    got = 0
    async with memory_of(table), connect(table.url) as connection:
        await connection.send(request(PATH, "Connection: close"))
        head = await connection.head()
        assert head
        async with asyncio.timeout(200):
            while piece := await connection.reader.read(1 << 20):
                got += len(piece)
    assert head.status == 200
    # A proxy may cut the chunks anew: each costs a few bytes more.
    assert large_body <= got <= large_body * 1.1 if chunked else got == large_body


@pytest.mark.needs("pids")
async def test_a_client_that_does_not_read(
    table: Table, serve: ServerStarter, large_body: int
) -> None:
    """A client that does not read stops the server, not the proxy's memory"""
    sent = 0
    stopped = asyncio.Event()

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        writer.transport.set_write_buffer_limits(high=0)
        while sent < large_body:
            writer.write(PIECE)
            try:
                async with asyncio.timeout(1.5):
                    await writer.drain()
            except TimeoutError:
                stopped.set()
                return
            sent += len(PIECE)

    await serve(send)
    async with memory_of(table), connect(table.url, limit=1024) as connection:
        await connection.send(request(PATH))
        async with asyncio.timeout(60):
            await stopped.wait()
        assert await table.server_of("/hub/x") == "hub"
        connection.abort()
    assert sent < 48 << 20


@pytest.mark.needs("pids")
async def test_a_server_that_does_not_read(
    table: Table, serve: ServerStarter, large_body: int
) -> None:
    """A server that does not read stops the client, not the proxy's memory"""

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reader._limit = 1024  # type: ignore[attr-defined]
        await asyncio.sleep(60)

    await serve(wait)
    sent = 0
    async with memory_of(table), connect(table.url) as connection:
        await connection.send(request(PATH, f"Content-Length: {large_body}", method="PUT"))
        connection.writer.transport.set_write_buffer_limits(high=0)
        with contextlib.suppress(TimeoutError):
            while sent < large_body:
                async with asyncio.timeout(1.5):
                    await connection.send(PIECE)
                sent += len(PIECE)
        assert await table.server_of("/hub/x") == "hub"
        connection.abort()
    assert sent < 48 << 20


async def test_server_sent_events(table: Table, serve: ServerStarter) -> None:
    """Server-sent events: each arrives before the next one is sent"""
    arrived = asyncio.Semaphore(0)

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for number in range(5):
            event = b"data: %d\n\n" % number
            writer.write(b"%x\r\n%b\r\n" % (len(event), event))
            await writer.drain()
            await arrived.acquire()
        writer.write(b"0\r\n\r\n")

    await serve(send)
    async with connect(table.url) as connection:
        await connection.send(request(PATH, "Accept: text/event-stream"))
        assert await connection.head()
        async with asyncio.timeout(15):
            for number in range(5):
                await connection.reader.readuntil(b"data: %d\n\n" % number)
                arrived.release()


async def test_a_streamed_answer_of_any_type(table: Table, serve: ServerStarter) -> None:
    """Progress as plain text: each line arrives before the next one is sent"""
    arrived = asyncio.Semaphore(0)

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 40\r\n\r\n")
        for _ in range(5):
            writer.write(b"progress")
            await writer.drain()
            await arrived.acquire()

    await serve(send)
    async with connect(table.url) as connection:
        await connection.send(request(PATH))
        assert await connection.head()
        async with asyncio.timeout(15):
            for _ in range(5):
                assert await connection.reader.readexactly(8) == b"progress"
                arrived.release()


@pytest.mark.parametrize("framing", ["with a length", "chunked"])
async def test_an_upload_is_not_buffered(table: Table, serve: ServerStarter, framing: str) -> None:
    """An upload reaches the server piece by piece, before it is complete"""
    chunked = framing == "chunked"
    arrived = asyncio.Semaphore(0)

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        for number in range(5):
            await reader.readuntil(b"piece %d" % number)
            arrived.release()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    await serve(read)
    async with connect(table.url) as connection:
        length = "Transfer-Encoding: chunked" if chunked else "Content-Length: 35"
        await connection.send(request(PATH, length, method="POST"))
        async with asyncio.timeout(15):
            for number in range(5):
                piece = b"piece %d" % number
                await connection.send(b"7\r\n%b\r\n" % piece if chunked else piece)
                await arrived.acquire()
        if chunked:
            await connection.send(b"0\r\n\r\n")
        answer = await connection.response()
    assert answer
    assert answer.status == 200


async def test_an_answer_may_begin_before_the_upload_ends(
    table: Table, serve: ServerStarter
) -> None:
    """An answer may begin while the upload goes on: both directions at once"""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
        for _ in range(5):
            writer.write(await reader.readexactly(4))

    await serve(echo)
    async with connect(table.url) as connection:
        await connection.send(request(PATH, "Content-Length: 20", method="POST") + b"0000")
        head = await connection.head(timeout=10)
        assert head
        async with asyncio.timeout(15):
            for number in range(5):
                assert await connection.reader.readexactly(4) == b"%d" % number * 4
                if number < 4:
                    await connection.send(b"%d" % (number + 1) * 4)


async def test_a_slow_upload(table: Table, backend: EchoStarter) -> None:
    """A client that sends its request slowly is served"""
    await table.route((await backend("ada")).url)
    data = request(PATH, method="PUT", body=b"x" * 20)
    async with connect(table.url) as connection:
        for start in range(0, len(data), 8):
            await connection.send(data[start : start + 8])
            await asyncio.sleep(0.15)
        answer = await connection.response()
    assert answer
    assert answer.status == 200
    assert b'"size": 20' in answer.body


async def test_slow_clients_harm_nobody(table: Table, backend: EchoStarter) -> None:
    """200 clients that never end their request harm nobody else"""
    await table.route((await backend("ada")).url)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(200):
            connection = await stack.enter_async_context(connect(table.url))
            await connection.send(request(PATH)[:-2])
        start = time.monotonic()
        for _ in range(10):
            answer = await exchange(table.url, request(PATH))
            assert answer
            assert answer.status == 200
        assert time.monotonic() - start < AT_ONCE
