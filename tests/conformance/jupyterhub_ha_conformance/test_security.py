"""Security: requests that two programs read differently, forged headers, the proxy's own API."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from jupyterhub_ha_conformance.fixtures import EchoStarter, RecorderStarter, ServerStarter, Table
from jupyterhub_ha_conformance.raw import AT_ONCE, OK, connect, exchange, read_head, request

pytestmark = pytest.mark.asyncio

PATH = "/user/ada/x"
SMUGGLED = b"GET /user/ada/smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
CHUNKED = b"5\r\nhello\r\n0\r\n\r\n"


def _shape(name: str, *headers: str, body: bytes = CHUNKED + SMUGGLED, version: str = "") -> object:
    data = request(PATH, *headers, method="POST", version=version or "HTTP/1.1") + body
    return pytest.param(data, id=name)


def _start(name: str, line: bytes) -> object:
    return pytest.param(line + b"\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" + SMUGGLED, id=name)


TE = "Transfer-Encoding: chunked"
FRAMING = [
    _shape("two lengths", "Content-Length: 5", "Content-Length: 60", body=b"hello" + SMUGGLED),
    _shape("length 5, 60", "Content-Length: 5, 60", body=b"hello" + SMUGGLED),
    _shape("length +5", "Content-Length: +5", body=b"hello" + SMUGGLED),
    _shape("length -5", "Content-Length: -5", body=b"hello" + SMUGGLED),
    _shape("length 0x5", "Content-Length: 0x5", body=b"hello" + SMUGGLED),
    _shape("length 5_0", "Content-Length: 5_0", body=b"hello" + SMUGGLED),
    _shape("empty length", "Content-Length:", body=SMUGGLED),
    _shape("length of 30 digits", "Content-Length: " + "9" * 30, body=SMUGGLED),
    _shape("xchunked", "Transfer-Encoding: xchunked"),
    _shape("chunked, identity", "Transfer-Encoding: chunked, identity"),
    _shape("identity, chunked", "Transfer-Encoding: identity, chunked"),
    _shape("vertical tab before chunked", "Transfer-Encoding: \x0bchunked"),
    _shape("chunks twice", TE, "Transfer-Encoding: identity"),
    _shape("space before the colon", "Transfer-Encoding : chunked"),
    _shape("bare CR in a value", "X: 1\rTransfer-Encoding: chunked", "Content-Length: 5",
           body=b"hello" + SMUGGLED),
    _shape("NUL in a value", "X: a\0b", "Content-Length: 5", body=b"hello" + SMUGGLED),
    _shape("NUL in a name", "X\0Y: a", "Content-Length: 5", body=b"hello" + SMUGGLED),
    _shape("header without a colon", "Nothing", "Content-Length: 5", body=b"hello" + SMUGGLED),
    _shape("chunk size 0x5", TE, body=b"0x5\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    _shape("chunk size -5", TE, body=b"-5\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    _shape("chunk size +5", TE, body=b"+5\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    _shape("chunk size of 17 digits", TE, body=b"1%015d5\r\nhello\r\n0\r\n\r\n" % 0 + SMUGGLED),
    _shape("chunk without its end", TE, body=b"5\r\nhelloXX0\r\n\r\n" + SMUGGLED),
    _shape("bare LF after a chunk's size", TE, body=b"5\nhello\r\n0\r\n\r\n" + SMUGGLED),
    _shape("bare LF in a chunk's extension", TE, body=b"5;x\n;\r\nhello\r\n0\r\n\r\n" + SMUGGLED),
    _start("two spaces", b"POST  /user/ada/x HTTP/1.1"),
    _start("space in the path", b"POST /user/ada/x y HTTP/1.1"),
    _start("no version", b"POST /user/ada/x"),
    _start("HTTP/9.9", b"POST /user/ada/x HTTP/9.9"),
    _start("HTTP/1.1x", b"POST /user/ada/x HTTP/1.1x"),
    _start("method with a colon", b"PO:ST /user/ada/x HTTP/1.1"),
    pytest.param(b"GET /user/ada/x HTTP/1.1\r\n\r\n", id="no Host"),
    pytest.param(b"GET /user/ada/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", id="two Hosts"),
    pytest.param(b"GET /user/ada/x HTTP/1.1\r\nHost: a b\r\n\r\n", id="space in Host"),
    pytest.param(b"GET /user/ada/x HTTP/1.1\r\nHost: a/b\r\n\r\n", id="slash in Host"),
    pytest.param(b"GET /user/ada/x HTTP/1.1\r\nHost: a@b\r\n\r\n", id="@ in Host"),
]  # fmt: skip


@pytest.mark.parametrize("data", FRAMING)
async def test_a_shape_of_smuggling_is_refused(
    table: Table, recorder: RecorderStarter, data: bytes
) -> None:
    """Refused, and no second request is made of it"""
    server = await recorder()
    answer = await exchange(table.url, data, timeout=AT_ONCE)
    # The server is given the time to see what the proxy passed on after its answer.
    await asyncio.sleep(0.05)
    assert [m.start for m in server.requests if "smuggled" in m.start] == []
    assert answer is None or 400 <= answer.status < 600, answer
    assert [m.start for m in server.requests if m.complete] == []


@pytest.mark.parametrize("first", ["length", "chunks"])
async def test_a_length_beside_chunks(table: Table, recorder: RecorderStarter, first: str) -> None:
    """Length and chunks together: refused, or chunks go on alone and the connection ends"""
    server = await recorder()
    lines = ["Content-Length: 5", TE] if first == "length" else [TE, "Content-Length: 5"]
    async with connect(table.url) as connection:
        await connection.send(request(PATH, *lines, method="POST") + CHUNKED + SMUGGLED)
        everything = await connection.rest(timeout=3)
    assert everything.count(b"HTTP/1.1 ") <= 1
    assert [m.start for m in server.requests if "smuggled" in m.start] == []
    for message in server.requests:
        assert message.get("Content-Length") is None or message.get("Transfer-Encoding") is None


@pytest.mark.parametrize(
    "data",
    [
        _shape("folded line", "X: 1", " Transfer-Encoding: chunked", "Content-Length: 5"),
        _shape("tab at the start", "X: 1", "\tTransfer-Encoding: chunked", "Content-Length: 5"),
        _shape("chunks in HTTP/1.0", TE, version="HTTP/1.0"),
    ],
)
async def test_an_old_shape_is_refused_or_made_plain(
    table: Table, recorder: RecorderStarter, data: bytes
) -> None:
    """Refused, or passed on so that nobody can read it otherwise"""
    server = await recorder()
    with contextlib.suppress(TimeoutError):
        await exchange(table.url, data, timeout=3)
    await asyncio.sleep(0.05)
    assert [m.start for m in server.requests if "smuggled" in m.start] == []
    for message in server.requests:
        assert message.get("Content-Length") is None or message.get("Transfer-Encoding") is None
        assert [name for name, _ in message.headers if name != name.strip()] == []


async def test_an_escaped_line_end_stays_escaped(table: Table, recorder: RecorderStarter) -> None:
    """%0d%0a in a path makes no header"""
    server = await recorder()
    await exchange(table.url, request(PATH + "%0d%0aX-Evil:%201%0d%0a?q=%0d%0aX-Evil:1"))
    assert [m.get("X-Evil") for m in server.requests] in ([None], [])


async def test_bytes_after_an_answer_are_nobody_s(table: Table, serve: ServerStarter) -> None:
    """Bytes that a server sends after its answer are not taken for the next answer"""

    async def split(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await read_head(reader):
            writer.write(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
            await writer.drain()
            await asyncio.sleep(0.02)

    await serve(split)
    bodies = []
    async with connect(table.url) as connection:
        for _ in range(10):
            await connection.send(request(PATH))
            answer = await connection.response()
            assert answer
            bodies.append(answer.body if answer.status == 200 else b"")
            await asyncio.sleep(0.05)
    assert b"evil" not in bodies
    assert b"ok" in bodies


@pytest.mark.parametrize(
    "name", ["X_Forwarded_For", "X_Forwarded_Proto", "X_Real_IP", "X_Forwarded_Host"]
)
async def test_an_alias_of_the_proxy_s_headers(
    table: Table, recorder: RecorderStarter, name: str
) -> None:
    """A header that WSGI and CGI take for one of the proxy's does not arrive"""
    server = await recorder()
    await exchange(table.url, request(PATH, f"{name}: forged"))
    assert server.last.get(name) is None


@pytest.mark.parametrize(
    "path",
    [
        "/api/routes",
        "/api/rawdata",
        "/api/http/routers",
        "/metrics",
        "/ping",
        "/dashboard/",
        "/ready",
        "/debug/pprof/",
    ],
)
async def test_the_proxy_s_api_is_not_public(table: Table, path: str) -> None:
    """The public port has nothing of the proxy's own: it is the hub's"""
    assert await table.server_of(path) == "hub"


async def test_no_open_proxy(table: Table, backend: EchoStarter) -> None:
    """The proxy fetches nothing from elsewhere: absolute URLs and CONNECT"""
    other = await backend("other")
    authority = other.url.removeprefix("http://")
    answer = await exchange(table.url, request(f"{other.url}/secret", host=authority))
    assert answer is None or b'"other"' not in answer.body
    answer = await exchange(table.url, request(authority, method="CONNECT", host=authority))
    assert answer is None or answer.status >= 400 or b'"name": "hub"' in answer.body
