"""Websockets."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import struct
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import WSMsgType, web

from jupyterhub_ha_conformance.fixtures import EchoStarter, RecorderStarter, ServerStarter, Table
from jupyterhub_ha_conformance.raw import AT_ONCE, Connection, connect, exchange, read_head, request

pytestmark = pytest.mark.asyncio

PATH = "/user/ada/api/kernels/1/channels?session_id=2"
KEY = base64.b64encode(b"0123456789abcdef").decode()
UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    f"Sec-WebSocket-Key: {KEY}",
)
# For KEY, by RFC 6455, 4.2.2.
ACCEPT = "BACScCJPNqyz+UBoqMH89VmURoA="
MIB = 1 << 20


def accepted(key: str) -> bytes:
    """The head with which a server accepts a websocket."""
    digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()  # noqa: S324
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
    )


@pytest_asyncio.fixture
async def socket(
    table: Table, backend: EchoStarter
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A websocket through the proxy to a server that sends back what it gets."""
    await table.route((await backend("ada")).url)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(table.url + PATH, max_msg_size=0) as one,
    ):
        assert await one.receive_str() == "ada"
        yield one


@pytest_asyncio.fixture
async def server(table: Table) -> AsyncIterator[Callable[..., object]]:
    """Starts an aiohttp server behind the route."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(handler: Callable[[web.Request], object]) -> None:
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", handler)  # type: ignore[arg-type]
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            await table.route(f"http://{host}:{port}")

        yield start


async def test_text(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Text messages, empty ones and Unicode"""
    for text in ("1 + 1", "", "ü 名 \U0001f600", "x" * 100_000):
        await socket.send_str(text)
        assert await socket.receive_str() == text


async def test_binary(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Binary messages"""
    for data in (b"\0\xff" * 5, b"", bytes(range(256)) * 1000):
        await socket.send_bytes(data)
        assert await socket.receive_bytes() == data


@pytest.mark.parametrize("kind", ["text", "binary"])
async def test_messages_of_16_mib(socket: aiohttp.ClientWebSocketResponse, kind: str) -> None:
    """Messages of 16 MiB, up and down"""
    async with asyncio.timeout(60):
        if kind == "text":
            await socket.send_str("x" * 16 * MIB)
            assert await socket.receive_str() == "x" * 16 * MIB
        else:
            await socket.send_bytes(b"\1" * 16 * MIB)
            assert await socket.receive_bytes() == b"\1" * 16 * MIB


async def test_many_messages_keep_their_order(socket: aiohttp.ClientWebSocketResponse) -> None:
    """1,000 messages keep their order"""
    numbers = [str(number) for number in range(1000)]
    for number in numbers:
        await socket.send_str(number)
    assert [await socket.receive_str() for _ in numbers] == numbers


async def test_a_hundred_at_once(table: Table, backend: EchoStarter) -> None:
    """100 websockets at once"""
    await table.route((await backend("ada")).url)

    async def talk(session: aiohttp.ClientSession, number: int) -> str:
        async with session.ws_connect(table.url + PATH) as one:
            await one.receive_str()
            await one.send_str(str(number))
            return await one.receive_str()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        found = await asyncio.gather(*(talk(session, number) for number in range(100)))
    assert found == [str(number) for number in range(100)]


async def test_the_handshake_arrives(table: Table, server: Callable[..., object]) -> None:
    """Path, query, cookies, Origin and Host of the handshake arrive"""
    seen = []

    async def handler(request: web.Request) -> web.WebSocketResponse:
        names = ("Host", "Origin", "Cookie", "X-Own")
        seen.append((request.raw_path, *(request.headers.get(name) for name in names)))
        one = web.WebSocketResponse()
        await one.prepare(request)
        return one

    await server(handler)  # type: ignore[misc]
    headers = {"Origin": "http://o.example.com", "Cookie": "a=1", "X-Own": "x", "Host": "h:80"}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(table.url + PATH, headers=headers),
    ):
        pass
    assert seen == [(PATH, "h:80", "http://o.example.com", "a=1", "x")]


async def test_subprotocols(table: Table, server: Callable[..., object]) -> None:
    """Subprotocols are negotiated between client and server"""

    async def handler(request: web.Request) -> web.WebSocketResponse:
        one = web.WebSocketResponse(protocols=("v1.kernel.websocket.jupyter.org",))
        await one.prepare(request)
        await one.send_str(one.ws_protocol or "")
        return one

    await server(handler)  # type: ignore[misc]
    offers = ("none.such", "v1.kernel.websocket.jupyter.org")
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(table.url + PATH, protocols=offers) as one,
    ):
        assert one.protocol == offers[1]
        assert await one.receive_str() == offers[1]


async def test_compression(table: Table, server: Callable[..., object]) -> None:
    """permessage-deflate is negotiated, and compressed messages pass"""

    async def handler(request: web.Request) -> web.WebSocketResponse:
        one = web.WebSocketResponse(compress=True)
        await one.prepare(request)
        async for message in one:
            await one.send_str(f"{bool(one.compress)} {len(message.data)}")
        return one

    await server(handler)  # type: ignore[misc]
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(table.url + PATH, compress=15) as one,
    ):
        assert one.compress
        await one.send_str("x" * 100_000)
        assert await one.receive_str() == "True 100000"


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4001])
async def test_the_server_s_close_code(
    table: Table, server: Callable[..., object], code: int
) -> None:
    """The server's close code and reason reach the client"""

    async def handler(request: web.Request) -> web.WebSocketResponse:
        one = web.WebSocketResponse()
        await one.prepare(request)
        await one.close(code=code, message="süß".encode())
        return one

    await server(handler)  # type: ignore[misc]
    async with aiohttp.ClientSession() as session, session.ws_connect(table.url + PATH) as one:
        message = await one.receive(timeout=10)
        assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, code, "süß")


async def test_the_client_s_close_code(table: Table, server: Callable[..., object]) -> None:
    """The client's close code reaches the server"""
    closed: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    async def handler(request: web.Request) -> web.WebSocketResponse:
        one = web.WebSocketResponse()
        await one.prepare(request)
        async for _ in one:
            pass
        closed.set_result(one.close_code)
        return one

    await server(handler)  # type: ignore[misc]
    async with aiohttp.ClientSession() as session, session.ws_connect(table.url + PATH) as one:
        await one.close(code=4002)
    assert await asyncio.wait_for(closed, 10) == 4002


def frame(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """A client's frame, masked with zeros, of less than 126 bytes."""
    return struct.pack("!BB", opcode | 0x80 * final, 0x80 | len(payload)) + b"\0" * 4 + payload


async def read_frame(connection: Connection) -> tuple[int, bytes]:
    """First byte and payload of a server's short frame."""
    async with asyncio.timeout(10):
        first, length = await connection.reader.readexactly(2)
        return first, await connection.reader.readexactly(length & 0x7F)


async def echo_frames(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that answers each frame as it came, without its mask: it speaks for itself."""
    head = await read_head(reader)
    assert head
    writer.write(accepted(head.get("Sec-WebSocket-Key") or ""))
    while True:
        first, length = await reader.readexactly(2)
        mask = await reader.readexactly(4)
        masked = await reader.readexactly(length & 0x7F)
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(masked))
        writer.write(struct.pack("!BB", first, len(payload)) + payload)
        await writer.drain()


@contextlib.asynccontextmanager
async def handshake(table: Table) -> AsyncIterator[Connection]:
    """A websocket of which the test writes each frame."""
    async with connect(table.url) as connection:
        await connection.send(request(PATH, *UPGRADE))
        head = await connection.head()
        assert head
        assert head.status == 101
        assert head.get("Sec-WebSocket-Accept") == ACCEPT
        yield connection


async def test_pings_go_to_the_other_end(table: Table, serve: ServerStarter) -> None:
    """A ping goes to the server and its pong comes back, both with their text"""
    await serve(echo_frames)
    async with handshake(table) as connection:
        for opcode, payload in ((0x9, b"are you there"), (0xA, b"unasked"), (0x9, b"")):
            await connection.send(frame(opcode, payload))
            first, answer = await read_frame(connection)
            # A server that echoes would answer a ping with a ping; a proxy that ends the
            # websocket itself answers with a pong of its own.
            assert (first & 0xF, answer) == (opcode, payload)


async def test_fragments(table: Table, serve: ServerStarter) -> None:
    """A message in fragments arrives while it is being sent"""
    await serve(echo_frames)
    async with handshake(table) as connection:
        got = b""
        for number in range(3):
            await connection.send(frame(0 if number else 1, b"%d" % number, final=number == 2))
            got += (await read_frame(connection))[1]
        assert got == b"012"


async def test_bytes_right_after_the_handshake(table: Table, serve: ServerStarter) -> None:
    """A server's first message in the same packet as its handshake is not lost"""

    async def hurry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_head(reader)
        assert head
        writer.write(accepted(head.get("Sec-WebSocket-Key") or "") + b"\x81\x05hello")
        await reader.read(1)

    await serve(hurry)
    async with handshake(table) as connection:
        assert (await read_frame(connection))[1] == b"hello"


async def test_a_refused_handshake(table: Table, recorder: RecorderStarter) -> None:
    """A server's refusal of the handshake arrives with status and body"""
    await recorder(b"HTTP/1.1 403 No\r\nContent-Length: 5\r\nX-Why: x\r\n\r\nnever")
    async with connect(table.url) as connection:
        await connection.send(request(PATH, *UPGRADE))
        answer = await connection.response()
    assert answer
    assert (answer.status, answer.body, answer.get("X-Why")) == (403, b"never", "x")


async def test_a_server_that_dies(table: Table, serve: ServerStarter) -> None:
    """The client is told soon when the server dies"""

    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_head(reader)
        assert head
        writer.write(accepted(head.get("Sec-WebSocket-Key") or ""))
        await reader.readexactly(6)
        writer.transport.abort()

    await serve(die)
    async with handshake(table) as connection:
        await connection.send(frame(0x9, b""))
        assert await connection.rest(timeout=AT_ONCE) == b""


async def test_a_client_that_vanishes(table: Table, serve: ServerStarter) -> None:
    """The server is told soon when the client vanishes"""
    gone = asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_head(reader)
        assert head
        writer.write(accepted(head.get("Sec-WebSocket-Key") or ""))
        with contextlib.suppress(ConnectionError):
            await reader.read(-1)
        gone.set()

    await serve(wait)
    async with handshake(table) as connection:
        connection.abort()
    async with asyncio.timeout(AT_ONCE):
        await gone.wait()


async def test_a_websocket_to_a_dead_server(table: Table) -> None:
    """A websocket to a server that is gone is refused with 502 or 503"""
    await table.route("http://127.0.0.1:9")
    answer = await exchange(table.url, request(PATH, *UPGRADE))
    assert answer
    assert answer.status in (502, 503)


async def test_a_silent_websocket_stays(table: Table, serve: ServerStarter) -> None:
    """A websocket that is silent for 3 seconds stays open"""
    await serve(echo_frames)
    async with handshake(table) as connection:
        await asyncio.sleep(3)
        await connection.send(frame(0x1, b"still there"))
        assert (await read_frame(connection))[1] == b"still there"
