"""Methods, statuses and framing of messages."""

from __future__ import annotations

import asyncio

import pytest

from jupyterhub_ha_conformance.fixtures import RecorderStarter, ServerStarter, Table
from jupyterhub_ha_conformance.raw import (
    AT_ONCE,
    OK,
    Message,
    connect,
    exchange,
    read_body,
    read_head,
    request,
)

pytestmark = pytest.mark.asyncio

PATH = "/user/ada/x"


@pytest.mark.parametrize(
    "method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "REPORT"]
)
async def test_a_method_arrives_with_its_body(
    table: Table, recorder: RecorderStarter, method: str
) -> None:
    """A method arrives, with a body"""
    server = await recorder()
    answer = await exchange(table.url, request(PATH, method=method, body=b"hello"))
    assert answer
    assert (answer.status, answer.body) == (200, b"ok")
    assert (server.last.start.split()[0], server.last.body) == (method, b"hello")


async def test_head_has_no_body(table: Table, recorder: RecorderStarter) -> None:
    """HEAD: the length is told, no body comes, the connection stays usable"""
    await recorder(
        lambda m: (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" if m.start.startswith("HEAD") else OK
        )
    )
    async with connect(table.url) as connection:
        await connection.send(request(PATH, method="HEAD"))
        head = await connection.response("HEAD")
        assert head
        assert (head.status, head.get("Content-Length")) == (200, "1000")
        await connection.send(request(PATH))
        answer = await connection.response()
        assert answer
        assert answer.body == b"ok"


@pytest.mark.parametrize("status", [201, 301, 400, 401, 403, 404, 418, 429, 500, 503, 599])
async def test_a_status_arrives(table: Table, recorder: RecorderStarter, status: int) -> None:
    """A server's status arrives, with its body"""
    await recorder(f"HTTP/1.1 {status} Why\r\nContent-Length: 4\r\n\r\nbody".encode())
    answer = await exchange(table.url, request(PATH))
    assert answer
    assert (answer.status, answer.body) == (status, b"body")


@pytest.mark.parametrize("status", [204, 304])
async def test_a_status_without_a_body(
    table: Table, recorder: RecorderStarter, status: int
) -> None:
    """A status without a body leaves the connection usable"""
    server = await recorder(f'HTTP/1.1 {status} No\r\nETag: "1"\r\n\r\n'.encode())
    async with connect(table.url) as connection:
        for _ in range(2):
            await connection.send(request(PATH))
            answer = await connection.response()
            assert answer
            assert (answer.status, answer.get("ETag")) == (status, '"1"')
    assert len(server.requests) == 2


async def test_a_range(table: Table, recorder: RecorderStarter) -> None:
    """Range requests: Range and If-Range arrive, 206 and Content-Range come back"""
    server = await recorder(
        b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 2-5/10\r\nContent-Length: 4\r\n\r\n2345"
    )
    answer = await exchange(table.url, request(PATH, "Range: bytes=2-5", 'If-Range: "x"'))
    assert answer
    assert (answer.status, answer.get("Content-Range")) == (206, "bytes 2-5/10")
    assert answer.body == b"2345"
    assert (server.last.get("Range"), server.last.get("If-Range")) == ("bytes=2-5", '"x"')


async def test_a_compressed_body_is_left_alone(table: Table, recorder: RecorderStarter) -> None:
    """A compressed body arrives byte for byte"""
    # No gzip at all: who unpacks it would fail.
    body = bytes(range(256))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    server = await recorder(head.encode() + body)
    data = request(
        PATH, "Accept-Encoding: gzip, br", "Content-Encoding: gzip", method="PUT", body=body
    )
    answer = await exchange(table.url, data)
    assert answer
    assert (answer.body, answer.get("Content-Encoding")) == (body, "gzip")
    assert (server.last.body, server.last.get("Accept-Encoding")) == (body, "gzip, br")


async def test_a_chunked_request(table: Table, recorder: RecorderStarter) -> None:
    """A chunked request arrives whole"""
    server = await recorder()
    body = b"5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\n\r\n"
    data = request(PATH, "Transfer-Encoding: chunked", method="POST") + body
    answer = await exchange(table.url, data)
    assert answer
    assert answer.status == 200
    assert server.last.body == b"hello, world"


async def test_a_chunked_response(table: Table, recorder: RecorderStarter) -> None:
    """A chunked response arrives whole"""
    await recorder(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n2\r\n!!\r\n0\r\n\r\n"
    )
    answer = await exchange(table.url, request(PATH))
    assert answer
    assert (answer.complete, answer.body) == (True, b"hello!!")


async def test_trailers_of_a_response(table: Table, recorder: RecorderStarter) -> None:
    """Trailers of a response arrive"""
    await recorder(
        b"HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n"
    )
    answer = await exchange(table.url, request(PATH, "TE: trailers"))
    assert answer
    assert (answer.body, dict(answer.trailers)) == (b"hi", {"X-Sum": "7"})


async def test_trailers_of_a_request(table: Table, recorder: RecorderStarter) -> None:
    """Trailers of a request do no harm, and the body arrives"""
    server = await recorder()
    data = request(PATH, "Transfer-Encoding: chunked", "Trailer: X-Sum", method="POST")
    async with connect(table.url) as connection:
        await connection.send(data + b"2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n")
        first = await connection.response()
        await connection.send(request(PATH))
        second = await connection.response()
    assert first
    assert second
    assert (first.status, second.status) == (200, 200)
    assert [message.body for message in server.requests] == [b"hi", b""]


async def test_a_response_that_ends_with_the_connection(table: Table, serve: ServerStarter) -> None:
    """A response without a length ends when the server closes"""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 100_000)

    await serve(answer)
    found = await exchange(table.url, request(PATH))
    assert found
    assert (found.complete, len(found.body)) == (True, 100_000)


async def test_a_server_of_http_1_0(table: Table, serve: ServerStarter) -> None:
    """A server that speaks HTTP/1.0"""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold")

    await serve(answer)
    for _ in range(3):
        found = await exchange(table.url, request(PATH))
        assert found
        assert (found.status, found.body) == (200, b"old")


async def test_a_client_of_http_1_0(table: Table, recorder: RecorderStarter) -> None:
    """A client that speaks HTTP/1.0 gets no chunks, and the connection is closed"""
    await recorder(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    async with connect(table.url) as connection:
        await connection.send(request(PATH, version="HTTP/1.0"))
        found = await connection.rest()
    assert b"chunked" not in found
    assert found.endswith(b"\r\n\r\nhello")


async def test_100_continue(table: Table, serve: ServerStarter) -> None:
    """Expect: 100-continue: the client is told to go on, and the body arrives"""
    got: list[Message] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while message := await read_head(reader):
            if message.get("Expect"):
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await read_body(reader, message)
            got.append(message)
            writer.write(OK)

    await serve(answer)
    async with connect(table.url) as connection:
        head = request(PATH, "Expect: 100-continue", "Content-Length: 5", method="PUT")
        await connection.send(head)
        first = await connection.head()
        assert first
        assert first.status == 100
        await connection.send(b"hello")
        found = await connection.response()
    assert found
    assert (found.status, got[0].body) == (200, b"hello")


async def test_a_body_is_refused_before_it_is_sent(table: Table, serve: ServerStarter) -> None:
    """Expect: 100-continue: the server's refusal comes before the body is sent"""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 413 Too large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
        await writer.drain()

    await serve(answer)
    async with connect(table.url) as connection:
        length = "Content-Length: 5000000000"
        await connection.send(request(PATH, "Expect: 100-continue", length, method="PUT"))
        found = await connection.head(timeout=AT_ONCE)
    assert found
    assert found.status == 413


async def test_early_hints(table: Table, recorder: RecorderStarter) -> None:
    """103 Early Hints before a response do no harm"""
    await recorder(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + OK)
    async with connect(table.url) as connection:
        await connection.send(request(PATH))
        found = await connection.response()
    assert found
    assert (found.status, found.body) == (200, b"ok")


async def test_a_connection_serves_many_requests(table: Table, recorder: RecorderStarter) -> None:
    """One connection of a client serves many requests, to hub and server in turn"""
    server = await recorder()
    async with connect(table.url) as connection:
        for number in range(10):
            await connection.send(request(f"{PATH}{number}", method="POST", body=b"x" * number))
            answer = await connection.response()
            assert answer
            assert answer.body == b"ok"
            await connection.send(request("/hub/x"))
            answer = await connection.response()
            assert answer
            assert b'"name": "hub"' in answer.body
    assert [len(message.body) for message in server.requests] == list(range(10))


async def test_pipelined_requests(table: Table, recorder: RecorderStarter) -> None:
    """Requests sent without waiting are answered in their order"""
    await recorder(
        lambda m: f"HTTP/1.1 200 OK\r\nContent-Length: {len(m.target)}\r\n\r\n{m.target}".encode()
    )
    targets = [f"{PATH}{number}" for number in range(5)]
    async with connect(table.url) as connection:
        await connection.send(b"".join(request(target) for target in targets))
        answers = [await connection.response() for _ in targets]
    assert [answer.body.decode() for answer in answers if answer] == targets


async def test_connections_to_a_server_are_used_again(
    table: Table, recorder: RecorderStarter
) -> None:
    """Connections to a server are used for more than one request"""
    server = await recorder()
    async with connect(table.url) as connection:
        for _ in range(20):
            await connection.send(request(PATH))
            await connection.response()
    assert server.connections < 10
