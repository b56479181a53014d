"""Requests and answers on their way: single bytes, connections, limits and times."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from tests.support.raw_exchange import (
    ADA,
    GET,
    OK,
    POST,
    Backend,
    answering,
    connected,
    exchange,
    once,
    running,
    silent,
)

# -- connections to servers


async def test_connections_to_a_server_are_used_again() -> None:
    async with running() as proxy, Backend(answering()) as server:
        await proxy.add_route(ADA, server.url, {})
        for _ in range(5):
            assert await once(proxy) == 200
        assert server.connections == 1


async def test_what_can_be_asked_again_survives_a_connection_closed_meanwhile() -> None:
    async with running() as proxy, Backend(answering(times=1)) as server:
        await proxy.add_route(ADA, server.url, {})
        async with connected(proxy) as streams:
            for _ in range(20):
                assert await exchange(streams, GET) == (200, b"ok")


async def test_what_cannot_be_asked_again_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jupyterhub_ha.in_process_upstream._SURELY_OPEN", 60.0)
    asked = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"hi"))
        writer.write(OK)
        asked.append(await reader.readuntil(b"hi"))  # and closes without an answer

    async with running() as proxy, Backend(handler) as server:
        await proxy.add_route(ADA, server.url, {})
        async with connected(proxy) as streams:
            assert await exchange(streams, POST) == (200, b"ok")
            assert (await exchange(streams, POST))[0] == 503
        assert len(asked) == 2


async def test_idle_connections_go_with_their_route() -> None:
    closed = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        assert await reader.read() == b""
        closed.set()

    async with running() as proxy, Backend(handler) as server:
        await proxy.add_route(ADA, server.url, {})
        assert await once(proxy) == 200
        await proxy.delete_route(ADA)
        await asyncio.wait_for(closed.wait(), 10)


async def test_unasked_bytes_of_a_server_are_nobodys_answer() -> None:
    poison = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
    async with running() as proxy, Backend(answering(OK + poison)) as server:
        await proxy.add_route(ADA, server.url, {})
        async with connected(proxy) as streams:
            for _ in range(3):
                assert await exchange(streams, GET) == (200, b"ok")


# -- bodies


async def test_pipelined_requests_are_answered_in_order() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(0.01)
            number = head.split()[1][-1:]
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + number)

    async with running() as proxy, Backend(handler) as server:
        await proxy.add_route(ADA, server.url, {})
        async with connected(proxy) as streams:
            wanted = [b"%d" % number for number in range(10)]
            for number in wanted:
                streams[1].write(GET.replace(b"ada/", b"ada/" + number))
            assert [(await exchange(streams, b""))[1] for _ in wanted] == wanted


async def test_a_slow_client_slows_the_server_down() -> None:
    sent = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(1000):
            writer.write(b"x" * 1_000_000)
            await writer.drain()
            sent += 1

    async with running() as proxy, Backend(handler) as server:
        await proxy.add_route(ADA, server.url, {})
        async with connected(proxy) as (_, writer):
            # asyncio's own reader stops after its limit
            writer.write(GET)
            before = -1
            while before != sent or not sent:
                before = sent
                await asyncio.sleep(0.5)
        assert sent < 100, "megabytes between a server and a client that does not read"


async def test_a_slow_server_slows_the_client_down() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(60)

    async with running(drain_timeout=0) as proxy, Backend(handler) as server:
        await proxy.add_route(ADA, server.url, {})
        async with connected(proxy) as (_, writer):
            writer.write(POST.replace(b"Length: 2", b"Length: 1000000000"))
            sent = 0
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):
                    for _ in range(1000):
                        writer.write(b"x" * 1_000_000)
                        await writer.drain()
                        sent += 1
        assert sent < 100, "megabytes between a client and a server that does not read"


async def test_an_answer_before_the_end_of_the_body_can_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jupyterhub_ha.in_process_client._LINGER_SECONDS", 30.0)
    refused = b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"
    async with running() as proxy, Backend(answering(refused)) as server:
        await proxy.add_route(ADA, server.url, {})
        async with connected(proxy) as streams:
            streams[1].write(POST.replace(b"Length: 2", b"Length: 1000000000"))
            streams[1].write(b"x" * 3_000_000)
            assert await exchange(streams, b"") == (413, b"big")
            assert await asyncio.wait_for(streams[0].read(), 10) == b"", "and then it closes"


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_a_broken_answer_does_not_look_complete(version: bytes) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe")
        await writer.drain()

    async with running() as proxy, Backend(handler) as server:
        await proxy.add_route(ADA, server.url, {})
        async with connected(proxy) as (reader, writer):
            writer.write(GET.replace(b"1.1", version))
            if version == b"1.0":
                with pytest.raises(ConnectionError):
                    await asyncio.wait_for(reader.read(), 10)
            else:
                answer = await asyncio.wait_for(reader.read(), 10)
                assert answer.endswith(b"\r\n2\r\nhe\r\n"), "the last chunk is missing"


async def test_a_chunked_answer_is_unwrapped_for_http_1_0() -> None:
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
    )
    async with running() as proxy, Backend(answering(chunked)) as server:
        await proxy.add_route(ADA, server.url, {})
        async with connected(proxy) as (reader, writer):
            writer.write(
                GET.replace(b"1.1", b"1.0").replace(
                    b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n"
                )
            )
            answer = await asyncio.wait_for(reader.read(), 10)
        assert answer == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"


async def test_what_a_client_says_before_the_tunnel_is_there_arrives() -> None:
    early = b"x" * 500_000

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.3)
        writer.write(b"HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()

    asked = GET.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    async with running() as proxy, Backend(handler) as server:
        await proxy.add_route(ADA, server.url, {})
        async with connected(proxy) as (reader, writer), asyncio.timeout(20):
            writer.write(asked + early)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
            assert await reader.readexactly(len(early)) == early
            writer.write(b"more")
            assert await reader.readexactly(4) == b"more"


@pytest.mark.parametrize("data", [GET, POST.replace(b"Length: 2", b"Length: 1000"), b"BAD\r\n\r\n"])
async def test_a_client_that_goes_leaves_nothing_behind(data: bytes) -> None:
    gone = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        gone.set()

    async with running(drain_timeout=60) as proxy, Backend(handler) as server:
        await proxy.add_route(ADA, server.url, {})
        async with connected(proxy) as (_, writer):
            writer.write(data)
            await asyncio.sleep(0.2)
        if server.connections:
            await asyncio.wait_for(gone.wait(), 10)
        began = asyncio.get_running_loop().time()
        await proxy.stop()
        assert asyncio.get_running_loop().time() - began < 30, "there was a client to wait for"


# -- limits and times


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /" + b"x" * 3000, 414),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 3000, 431),
        (b"GET / HTTP/1.1\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\n\n", 400),
        (b"\x16\x03\x01 a TLS greeting\r\n\r\n", 400),
    ],
)
async def test_what_is_refused_without_waiting(data: bytes, status: int) -> None:
    async with running(max_head_bytes=2000) as proxy, connected(proxy) as streams:
        assert (await exchange(streams, data))[0] == status
        assert await asyncio.wait_for(streams[0].read(), 10) == b""


async def test_nothing_follows_a_refused_message() -> None:
    smuggled = POST.replace(b"Content-Length: 2\r\n\r\nhi", b"Transfer-Encoding: chunked\r\n\r\n")
    smuggled += b"1\nx\r\n0\r\n\r\n"
    async with running() as proxy, Backend(answering()) as server:
        await proxy.add_route(ADA, server.url, {})
        async with connected(proxy) as (reader, writer):
            writer.write(smuggled + GET)
            answer = await asyncio.wait_for(reader.read(), 10)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\n"])
async def test_a_client_that_says_nothing_is_cut_off(start: bytes) -> None:
    async with running(head_timeout=1) as proxy, connected(proxy) as (reader, writer):
        writer.write(start)
        assert await asyncio.wait_for(reader.read(), 15) == b""


async def test_an_idle_client_is_cut_off() -> None:
    async with running(keep_alive_timeout=1) as proxy, Backend(answering()) as server:
        await proxy.add_route(ADA, server.url, {})
        async with connected(proxy) as streams:
            assert await exchange(streams, GET) == (200, b"ok")
            assert await asyncio.wait_for(streams[0].read(), 15) == b""


async def test_a_server_that_hangs_is_given_up_if_so_configured() -> None:
    async with running(response_timeout=1) as proxy, Backend(silent) as server:
        await proxy.add_route(ADA, server.url, {})
        assert await once(proxy) == 504


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://no.such.host.invalid:80"])
async def test_a_server_that_is_not_there(url: str) -> None:
    async with running() as proxy:
        await proxy.add_route(ADA, url, {})
        assert await once(proxy) == 503


async def test_no_route_at_all() -> None:
    async with running() as proxy:
        assert await once(proxy) == 404
