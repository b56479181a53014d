"""HTTP/1.1 byte by byte, where a client or server library would hide what is tested."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

LIMIT = 1 << 22
"""The longest head that is read, in bytes."""

AT_ONCE = 20.0
"""What "at once" and "soon" may take, in seconds: a machine with other work may stall that long."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Message:
    """A request or a response as it came; names of headers as they were written."""

    start: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    complete: bool = True
    trailers: list[tuple[str, str]] = field(default_factory=list)

    @property
    def status(self) -> int:
        """Of a response."""
        return int(self.start.split(" ")[1])

    @property
    def target(self) -> str:
        """Of a request: path and query."""
        return self.start.partition(" ")[2].rpartition(" ")[0]

    def all(self, name: str) -> list[str]:
        """Every value of a header, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        """The values of a header, joined; None without one."""
        return ", ".join(self.all(name)) if self.all(name) else None


async def read_head(reader: asyncio.StreamReader) -> Message | None:
    """The next message without its body; None when the peer is gone."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    start, *lines = raw[:-4].decode("latin-1").split("\r\n")
    return Message(start, _headers(lines))


def _headers(lines: Sequence[str]) -> list[tuple[str, str]]:
    parted = (line.partition(":") for line in lines)
    return [(name, value.strip()) for name, _, value in parted]


async def read_body(
    reader: asyncio.StreamReader, message: Message, *, until_closed: bool = False
) -> None:
    """Read the body into the message; `complete` tells whether it came to its announced end.

    `until_closed` is for responses: without a length they end with the connection.
    """
    try:
        if "chunked" in (message.get("Transfer-Encoding") or "").lower():
            await _read_chunks(reader, message)
        elif length := message.get("Content-Length"):
            message.body = await reader.readexactly(int(length))
        elif until_closed:
            message.body = await reader.read(-1)
    except asyncio.IncompleteReadError as error:
        message.body += error.partial
        message.complete = False
    except ConnectionError:
        message.complete = False


async def _read_chunks(reader: asyncio.StreamReader, message: Message) -> None:
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        message.body += await reader.readexactly(size)
        await reader.readexactly(2)
    lines = []
    while (line := (await reader.readuntil(b"\r\n"))[:-2]) != b"":
        lines.append(line.decode("latin-1"))
    message.trailers = _headers(lines)


class Connection:
    """A client's connection to the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        """Send bytes, and wait until they are on their way."""
        self.writer.write(data)
        await self.writer.drain()

    async def head(self, timeout: float = 15) -> Message | None:
        """The next response without its body; None when the proxy closed instead."""
        async with asyncio.timeout(timeout):
            return await read_head(self.reader)

    async def response(self, method: str = "GET", timeout: float = 15) -> Message | None:
        """The next response; None when the proxy closed instead. 100 and 103 are left out."""
        async with asyncio.timeout(timeout):
            message = await read_head(self.reader)
            while message and message.status in (100, 103):
                message = await read_head(self.reader)
            if message and method != "HEAD" and message.status not in (204, 304):
                await read_body(self.reader, message, until_closed=True)
            return message

    async def rest(self, timeout: float = 15) -> bytes:
        """Everything until the proxy closes."""
        async with asyncio.timeout(timeout):
            with contextlib.suppress(ConnectionError):
                return await self.reader.read(-1)
            return b""

    def abort(self) -> None:
        """Close at once, unsent data forgotten."""
        self.writer.transport.abort()


@contextlib.asynccontextmanager
async def connect(base: str, limit: int = LIMIT) -> AsyncIterator[Connection]:
    """A new connection to `http://host:port`."""
    parts = urlsplit(base)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=limit)
    try:
        yield Connection(reader, writer)
    finally:
        await _close(writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close, and return when the socket is closed: a loop that ends before would leave it open."""
    writer.close()
    with contextlib.suppress(OSError):
        try:
            async with asyncio.timeout(2):
                await writer.wait_closed()
        except TimeoutError:  # the other end does not read what was written
            writer.transport.abort()
            await writer.wait_closed()


def request(
    target: str | bytes,
    *headers: str,
    method: str = "GET",
    host: str = "hub.example.com",
    body: bytes | None = None,
    version: str = "HTTP/1.1",
) -> bytes:
    """The bytes of a request; with a body also its length."""
    raw = target.encode() if isinstance(target, str) else target
    lines = [f"Host: {host}", *headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    head = "".join(f"{line}\r\n" for line in lines).encode("latin-1")
    start = method.encode() + b" " + raw + b" " + version.encode()
    return start + b"\r\n" + head + b"\r\n" + (body or b"")


async def exchange(
    base: str, data: bytes, *, method: str = "GET", timeout: float = 15
) -> Message | None:
    """Send bytes on a new connection; the response, or None when the proxy closed instead."""
    async with connect(base) as connection:
        try:
            await connection.send(data)
            return await connection.response(method, timeout)
        except ConnectionError:
            return None


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Answer = bytes | Callable[[Message], bytes]


class RawServer:
    """A server that leaves every byte to `serve`; the connection ends when that returns."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""
        self.connections = 0

    async def __aenter__(self) -> RawServer:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=LIMIT)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._serve(reader, writer)
            await _close(writer)
        except asyncio.CancelledError:
            # The test is over. asyncio would report a handler that was cancelled.
            writer.transport.abort()
        finally:
            writer.close()


class Recorder(RawServer):
    """A server that keeps every request and answers each with the same bytes."""

    def __init__(self, answer: Answer = OK) -> None:
        super().__init__(self._record)
        self.answer = answer
        self.requests: list[Message] = []

    @property
    def last(self) -> Message:
        """The request that came last."""
        return self.requests[-1]

    async def _record(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while message := await read_head(reader):
            if "100-continue" in (message.get("Expect") or "").lower():
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await read_body(reader, message)
            self.requests.append(message)
            writer.write(self.answer if isinstance(self.answer, bytes) else self.answer(message))
            await writer.drain()
