"""Requests and servers of the in-process proxy's own tests, byte by byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

from tests.support.ports import free_port

from jupyterhub_ha import InProcessProxy

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GET = b"GET /user/ada/ HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /user/ada/ HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"
ADA = "/user/ada/"


def make(url: str = "", **traits: Any) -> InProcessProxy:
    """A proxy that listens at `url` once it is started; on a free port by default."""
    app = SimpleNamespace(subdomain_host="", internal_ssl=False, hub=SimpleNamespace(routespec="/"))
    url = url or f"http://127.0.0.1:{free_port()}/"
    return InProcessProxy(app=app, public_url=url, **{"wait_for_routes": 0, **traits})


@asynccontextmanager
async def running(url: str = "", **traits: Any) -> AsyncIterator[InProcessProxy]:
    """Such a proxy, started, and stopped in the end."""
    proxy = make(url, **traits)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()


class Backend:
    """A server that does what a function says; knows its connections."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.connections = 0

    async def __aenter__(self) -> Backend:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def answering(answer: bytes = OK, times: int = 1000, body: int = 0) -> Handler:
    """Answers so many requests with so long a body on each connection."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(times):
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(body)
            writer.write(answer)
            await writer.drain()

    return handler


def port_of(proxy: InProcessProxy) -> int:
    """Where it listens."""
    return int(proxy.public_url.rstrip("/").rpartition(":")[2])


@asynccontextmanager
async def connected(proxy: InProcessProxy) -> AsyncIterator[Streams]:
    """A connection to the proxy."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(proxy))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def exchange(streams: Streams, data: bytes) -> tuple[int, bytes]:
    """Status and body of a response with a Content-Length."""
    reader, writer = streams
    writer.write(data)
    async with asyncio.timeout(20):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        return int(head.split()[1]), await reader.readexactly(length)


async def once(proxy: InProcessProxy, data: bytes = GET) -> int:
    """The status of a request on a connection of its own."""
    async with connected(proxy) as streams:
        return (await exchange(streams, data))[0]


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A handler that reads and never answers."""
    await reader.read()
