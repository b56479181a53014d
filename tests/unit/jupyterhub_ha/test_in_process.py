"""Start and stop, listeners, routes and activity."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from tests.support.certificates import write_certificates
from tests.support.ports import free_port
from tests.support.raw_exchange import (
    ADA,
    GET,
    OK,
    Backend,
    answering,
    connected,
    exchange,
    make,
    once,
    port_of,
    running,
    silent,
)

from jupyterhub_ha import InProcessProxy
from jupyterhub_ha.errors import ListenError, RouteError
from jupyterhub_ha.in_process_sockets import ServerTls

# -- activity


async def activity(proxy: InProcessProxy) -> float:
    data = (await proxy.get_all_routes())[ADA]["data"]
    return datetime.fromisoformat(data["last_activity"]).timestamp()


@pytest.mark.parametrize(("status", "moves"), [(b"200", True), (b"302", False), (b"503", False)])
async def test_activity_is_an_answer_that_went_well(status: bytes, moves: bool) -> None:
    async with running() as proxy, Backend(answering(OK.replace(b"200", status))) as server:
        await proxy.add_route(ADA, server.url, {})
        before = await activity(proxy)
        await asyncio.sleep(0.01)
        assert await once(proxy) == int(status)
        assert (await activity(proxy) > before) is moves
        assert before <= await activity(proxy) <= time.time()


async def test_routes_of_a_starting_hub_do_not_count_as_used() -> None:
    async with running(wait_for_routes=30) as proxy:
        await proxy.add_route(ADA, "http://127.0.0.1:1", {"user": "ada"})
        assert (await proxy.get_all_routes())[ADA]["data"] == {"user": "ada"}


# -- start and stop


async def test_connections_wait_until_the_hub_has_added_its_routes() -> None:
    async with running(wait_for_routes=30) as proxy, Backend(answering()) as server:
        asked = asyncio.create_task(once(proxy))
        await asyncio.sleep(0.2)
        await proxy.add_route(ADA, server.url, {"user": "ada"})
        assert not asked.done()
        proxy.app.hub.host = server.url
        proxy.hub = proxy.app.hub
        proxy.add_hub_route = lambda hub: proxy.add_route("/", hub.host, {"hub": True})
        spawner = SimpleNamespace(
            ready=True, proxy_spec=ADA, server=SimpleNamespace(host=server.url)
        )
        await proxy.check_routes({1: SimpleNamespace(spawners={"": spawner})}, {})
        assert await asyncio.wait_for(asked, 10) == 200


async def test_they_do_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    async with running(wait_for_routes=0.2) as proxy:
        assert await asyncio.wait_for(once(proxy), 10) == 404
        assert "has not checked its routes" in caplog.text


async def test_a_running_request_ends_and_a_new_one_is_refused() -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        arrived.set()
        await go_on.wait()
        writer.write(OK)

    async with running(drain_timeout=20) as proxy, Backend(handler) as server:
        await proxy.add_route(ADA, server.url, {})
        async with connected(proxy) as streams:
            asked = asyncio.create_task(exchange(streams, GET))
            await asyncio.wait_for(arrived.wait(), 20)
            began = time.monotonic()
            stopping = asyncio.create_task(proxy.stop())
            with pytest.raises(ConnectionError):
                await asyncio.wait_for(connecting(proxy), 10)
            go_on.set()
            assert await asked == (200, b"ok")
            await stopping
            assert time.monotonic() - began < 15


async def connecting(proxy: InProcessProxy) -> None:
    """Connects, and asks for nothing: a request might still be taken at the last moment."""
    while True:
        async with connected(proxy):
            await asyncio.sleep(0.02)


async def test_what_does_not_end_is_cut_off() -> None:
    async with running(drain_timeout=0.2) as proxy, Backend(silent) as server:
        await proxy.add_route(ADA, server.url, {})
        async with connected(proxy) as streams:
            streams[1].write(GET)
            async with asyncio.timeout(20):
                while not server.connections:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            began = time.monotonic()
            await proxy.stop()
            assert time.monotonic() - began < 10
            with pytest.raises(ConnectionError):
                await streams[0].read()


async def test_a_tls_client_that_says_no_goodbye_is_cut_off(tmp_path: Path) -> None:
    files = write_certificates(tmp_path)["server"]
    async with running(
        f"https://127.0.0.1:{free_port()}/",
        ssl_cert=str(files.cert),
        ssl_key=str(files.key),
        drain_timeout=0.2,
    ) as proxy:
        port = port_of(proxy)
        trust = ssl.create_default_context(cafile=str(files.ca))

        def ask() -> socket.socket:
            """The connection below TLS, after an answer that is the last one."""
            opened = trust.wrap_socket(
                socket.create_connection(("127.0.0.1", port), 10), server_hostname="127.0.0.1"
            )
            opened.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            assert opened.recv(12) == b"HTTP/1.1 404"
            return socket.socket(fileno=opened.detach())

        with await asyncio.to_thread(ask) as plain:
            await asyncio.sleep(0.1)
            await proxy.stop()
            plain.settimeout(0.5)
            with contextlib.suppress(ConnectionResetError):
                while plain.recv(65536):  # TimeoutError when the connection is still there
                    pass


async def test_whose_handshake_is_not_over_is_cut_off(tmp_path: Path) -> None:
    files = write_certificates(tmp_path)["server"]
    async with (
        running(
            f"https://127.0.0.1:{free_port()}/", ssl_cert=str(files.cert), ssl_key=str(files.key)
        ) as proxy,
        connected(proxy) as (reader, _),
    ):
        await asyncio.sleep(0.1)
        await proxy.stop()
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 10) == b""


async def test_nobody_who_comes_while_it_stops_is_forgotten() -> None:
    """Each is refused, or its connection closed: nobody waits for a proxy that is gone."""

    async def come(proxy: InProcessProxy) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                async with connected(proxy) as (reader, _):
                    assert await reader.read() == b""

    for _ in range(10):
        async with running() as proxy:
            coming = [asyncio.create_task(come(proxy)) for _ in range(8)]
            await asyncio.sleep(0.02)
            await proxy.stop()
            await asyncio.wait_for(asyncio.gather(*coming), 20)


async def test_it_accepts_again_when_there_are_descriptors_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.get_running_loop()
    async with running() as proxy:
        port = port_of(proxy)
        with socket.socket() as client:
            client.setblocking(False)
            with no_descriptors():
                await loop.sock_connect(client, ("127.0.0.1", port))
                async with asyncio.timeout(20):
                    while "Cannot accept connections" not in caplog.text:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
            await loop.sock_sendall(client, GET)
            async with asyncio.timeout(20):
                assert (await loop.sock_recv(client, 12)) == b"HTTP/1.1 404"


@contextlib.contextmanager
def no_descriptors() -> Iterator[None]:
    """Nothing can be opened in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_proxy_starts_again_at_the_same_place() -> None:
    proxy = make()
    for _ in range(3):
        await proxy.start()
        assert await once(proxy) == 404
        await proxy.stop()
    await proxy.stop()  # once more does no harm


# -- where it listens


async def test_several_listeners(tmp_path: Path) -> None:
    path = tmp_path / "proxy.sock"
    port = free_port()
    more = [f"http://localhost:{port}", f"unix+http://{quote(str(path), safe='')}"]
    async with running(listen=more) as proxy, Backend(answering()) as server:
        await proxy.add_route(ADA, server.url, {})
        for opening in (
            asyncio.open_connection("127.0.0.1", port),
            asyncio.open_unix_connection(path),
        ):
            reader, writer = await opening
            assert await exchange((reader, writer), GET) == (200, b"ok")
            writer.close()
    assert not path.exists()


@pytest.mark.parametrize("host", ["", "*", "0.0.0.0"])  # noqa: S104 - what admins write
async def test_all_addresses(host: str) -> None:
    heads = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(OK)

    async with running(f"http://{host}:{free_port()}/") as proxy, Backend(handler) as server:
        await proxy.add_route(ADA, server.url, {})
        assert await once(proxy) == 200
    assert b"\r\nX-Forwarded-For: 127.0.0.1\r\n" in heads[0], "and not ::ffff:127.0.0.1"


async def test_an_address_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        with pytest.raises(ListenError, match=url):
            await make(url).start()


async def test_https_needs_a_certificate() -> None:
    with pytest.raises(ListenError, match="ssl_cert"):
        await make(f"https://127.0.0.1:{free_port()}/").start()


async def test_sockets_of_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as given:
        monkeypatch.setattr("jupyterhub_ha.in_process_sockets._FIRST_FD", given.fileno())
        monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
        monkeypatch.setenv("LISTEN_FDS", "1")
        url = f"http://127.0.0.1:{given.getsockname()[1]}/"
        for _ in range(2):  # the socket outlives the proxy
            async with running(url) as proxy:
                assert await once(proxy) == 404


async def test_https_and_a_new_certificate(tmp_path: Path) -> None:
    old, new = (write_certificates(tmp_path / name)["server"] for name in ("old", "new"))
    port = free_port()
    url = f"https://127.0.0.1:{port}/"
    files = {"ssl_cert": str(old.cert), "ssl_key": str(old.key)}
    async with running(url, **files) as proxy, Backend(answering()) as server:
        await proxy.add_route(ADA, server.url, {})
        context = ssl.create_default_context(cafile=str(old.ca))
        streams = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        assert await exchange(streams, GET) == (200, b"ok")
        assert (await exchange(streams, b"BAD\r\n\r\n"))[0] == 400
        assert await asyncio.wait_for(streams[0].read(), 10) == b""
        streams[1].close()
    tls = ServerTls(str(old.cert), str(old.key))
    assert not tls.renew()
    old.cert.write_bytes(new.cert.read_bytes())
    with pytest.raises(ssl.SSLError):  # the key does not fit yet
        tls.renew()
    old.key.write_bytes(new.key.read_bytes())
    assert tls.renew()
    assert not tls.renew()


# -- routes


async def test_routes_change_from_the_hubs_thread_while_users_ask() -> None:
    async with running() as proxy, Backend(answering()) as server:
        await proxy.add_route(ADA, server.url, {})
        statuses = set()

        async def ask() -> None:
            async with connected(proxy) as streams:
                for _ in range(200):
                    statuses.add((await exchange(streams, GET))[0])

        async def change() -> None:
            for number in range(400):
                await proxy.add_route(f"/user/u{number % 20}/", server.url, {})
                await proxy.delete_route(f"/user/u{(number + 7) % 20}/")
                await asyncio.sleep(0)

        await asyncio.gather(ask(), ask(), change())
        assert statuses == {200}


async def test_a_change_is_live_when_it_returns() -> None:
    async with running() as proxy, Backend(answering()) as server, connected(proxy) as streams:
        for _ in range(50):
            await proxy.add_route(ADA, server.url, {})
            assert (await exchange(streams, GET))[0] == 200
            await proxy.delete_route(ADA)
            assert (await exchange(streams, GET))[0] == 404


async def test_a_target_that_is_none() -> None:
    with pytest.raises(RouteError):
        await make().add_route(ADA, "ada:8888", {})
