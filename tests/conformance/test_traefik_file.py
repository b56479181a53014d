"""What only the proxy with a file promises: its Traefik outlives the hub, its files are whole."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import signal
import ssl
import stat
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import aiohttp
import pytest
from tests.support.ports import free_port
from tests.support.processes import VENV_BIN
from tests.support.traefik import API_PASSWORD, API_USERNAME
from tests.support.traefik_file import StartedTraefikSystem, TraefikFileSystem

from jupyterhub_ha import TraefikFileProxy, shared_port
from jupyterhub_ha.certificate import self_signed
from jupyterhub_ha.errors import TraefikStartError
from jupyterhub_ha.routes import Names, route_text
from jupyterhub_ha_conformance.browse import server_of
from jupyterhub_ha_conformance.fixtures import hub_of

SPECS = [
    *(f"/user/student{i:03}/" for i in range(80)),
    "/user/student001/lab/",
    "/user/%7B%7Benv%20%22HOME%22%7D%7D/",
    "/user/%7B%7B%20fail%20/",
    "/user/quote%22%60%5C/",
    "/user/%F0%9F%98%80/",
    "/user/%FF/",
    "/services/a-b_c/",
]


@asynccontextmanager
async def started(system: StartedTraefikSystem, **traits: Any) -> AsyncIterator[TraefikFileProxy]:
    """A hub's proxy that has started Traefik; at the end the hub is gone and Traefik is not."""
    proxy = system.make_proxy(**{"check_interval": 0.1, **traits})
    await proxy.start()
    try:
        yield proxy
    finally:
        await system.end_hub(proxy)


async def configuration(url: str, user: str, password: str) -> dict[str, Any]:
    """Traefik's routers, services and middlewares, without the names of providers."""
    found: dict[str, Any] = {}
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    async with aiohttp.ClientSession(headers={"Authorization": f"Basic {token}"}) as session:
        for kind in ("routers", "services", "middlewares"):
            async with session.get(f"{url}/api/http/{kind}?per_page=10000") as answer:
                assert answer.status == 200
                for one in await answer.json():
                    found[f"{kind} {one['name'].partition('@')[0]}"] = without_provider(one)
    return found


def without_provider(value: Any) -> Any:
    if isinstance(value, dict):
        # Providers and what refers to them differ; who uses a service is told in any order.
        return {
            key: sorted(map(without_provider, inner))
            if key == "usedBy"
            else without_provider(inner)
            for key, inner in value.items()
            if key not in {"provider", "serverStatus"}
        }
    if isinstance(value, list):
        return [without_provider(inner) for inner in value]
    return value.partition("@")[0] if isinstance(value, str) else value


async def test_traefik_reads_the_same_from_the_file_as_from_etcd(etcd_table, tmp_path) -> None:
    """Rules, parents, priorities, services: both stores say the same, read by the real binary."""
    with TraefikFileSystem(tmp_path, replicas=1) as system:
        async with hub_of(system) as table:
            target = "http://127.0.0.1:9"
            for proxy in (etcd_table.proxy, table.proxy):
                await asyncio.gather(*(proxy.add_route(s, target, {}) for s in ["/", *SPECS]))
            own = Names().is_own
            one, other = [
                {
                    name: document
                    for name, document in (
                        await configuration(replica.url, API_USERNAME, API_PASSWORD)
                    ).items()
                    if own(name.split()[1])
                }
                for replica in (etcd_table.system.replicas[0], system.replicas[0])
            ]
            name = Names().route(route_text("/user/%7B%7Benv%20%22HOME%22%7D%7D/"))
            assert "{{env" in str(one[f"routers {name}"]["rule"])
            assert len(one) > 2 * len(SPECS)
            assert other == one


async def test_a_killed_hub_s_traefik_is_adopted(tmp_path, backend) -> None:
    with StartedTraefikSystem(tmp_path) as system:
        ada = await backend("ada")
        async with started(system) as proxy:
            await proxy.add_route("/user/ada/", ada.url, {"n": 1})
            pids = system.pids()
        assert system.pids() == pids
        url = f"{system.public_url}/user/ada/ws"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            assert await socket.receive_str() == "ada"
            written = (system.folder / "dynamic").stat().st_mtime_ns
            async with started(system) as proxy:
                assert system.pids() == pids
                assert (system.folder / "dynamic").stat().st_mtime_ns == written
                assert (await proxy.get_route("/user/ada/"))["data"]["n"] == 1
                await proxy.add_route("/user/bob/", (await backend("bob")).url, {})
                assert await server_of(system.public_url, "/user/bob/") == "bob"
            await socket.send_str("still there")
            assert await socket.receive_str() == "still there"


async def test_what_the_hub_starts_it_stops(tmp_path) -> None:
    with StartedTraefikSystem(tmp_path) as system:
        proxy = system.make_proxy()
        await proxy.start()
        assert system.pids()
        await proxy.stop()
        assert not system.pids()
        await proxy.stop()


async def test_a_request_that_runs_is_finished_before_the_end(tmp_path) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await go_on.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlate")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    target = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with StartedTraefikSystem(tmp_path) as system:
        proxy = system.make_proxy(drain_seconds=20)
        await proxy.start()
        await proxy.add_route("/user/ada/", target, {})
        async with aiohttp.ClientSession() as session:
            request = asyncio.create_task(session.get(system.public_url + "/user/ada/"))
            await asked.wait()
            stopping = asyncio.create_task(proxy.stop())
            await until(lambda: refused(system.public_url))
            assert not stopping.done()
            go_on.set()
            async with await request as answered:
                assert await answered.text() == "late"
        await stopping
        assert system.pids() == []
    server.close()
    await server.wait_closed()


async def refused(base: str) -> bool:
    """Whether nobody listens any more.

    Nothing is asked for: a connection that Traefik accepts in the moment in which it stops is
    answered by nobody until its grace time ends.
    """
    try:
        _, writer = await asyncio.open_connection(*base.removeprefix("http://").split(":"))
    except ConnectionError:
        return True
    writer.close()
    return False


async def test_a_traefik_that_ends_is_started_again(tmp_path, backend) -> None:
    with StartedTraefikSystem(tmp_path) as system:
        async with started(system) as proxy:
            await proxy.add_route("/user/ada/", (await backend("ada")).url, {})
            (before,) = system.pids()
            os.kill(before, signal.SIGKILL)
            await until(lambda: as_result(system.pids() not in ([], [before])))
            await until(lambda: reaches(system.public_url, "/user/ada/", "ada"))
            await proxy.add_route("/user/bob/", (await backend("bob")).url, {})
            assert await server_of(system.public_url, "/user/bob/") == "bob"


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a condition; TimeoutError if it does not come true."""
    async with asyncio.timeout(30):
        while not await check():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def as_result(value: bool) -> bool:
    return value


async def reaches(base: str, path: str, name: str) -> bool:
    try:
        return await server_of(base, path) == name
    except (aiohttp.ClientError, AssertionError):  # none, or not the same for each request yet
        return False


async def test_another_configuration_replaces_traefik_and_refuses_nobody(tmp_path, backend) -> None:
    with StartedTraefikSystem(tmp_path) as system:
        async with started(system) as proxy:
            await proxy.add_route("/user/ada/", (await backend("ada")).url, {})
            before = system.pids()
        stop = asyncio.Event()
        browsing = asyncio.create_task(browse_until(system.public_url + "/user/ada/", stop))
        async with started(system, log_level="DEBUG"):
            await asyncio.sleep(1.5)
            stop.set()
            answers = await browsing
            after = system.pids()
        assert after
        assert after != before
        assert len(answers) > 20
        assert set(answers) == {200}


async def test_a_replacement_that_reads_no_table_gets_nobody(tmp_path, backend) -> None:
    """The old one goes on, as if nothing had been asked for."""
    empty = tmp_path / "empty"
    empty.mkdir()
    with StartedTraefikSystem(tmp_path) as system:
        async with started(system) as proxy:
            await proxy.add_route("/user/ada/", (await backend("ada")).url, {})
            before = system.pids()
        stop = asyncio.Event()
        browsing = asyncio.create_task(browse_until(system.public_url + "/user/ada/", stop))
        elsewhere = {"providers": {"file": {"directory": str(empty)}}}
        wrong = system.make_proxy(extra_static_config=elsewhere, start_timeout=8)
        with pytest.raises(TraefikStartError, match="has not read its rules after 8 s"):
            await wrong.start()
        await system.end_hub(wrong)
        stop.set()
        assert set(await browsing) == {200}
        assert system.pids() == before


async def test_a_command_that_loses_the_sockets_is_named(tmp_path, backend) -> None:
    """Nobody would accept at a socket that is open and not used."""
    script = tmp_path / "a-traefik"
    script.write_text(f'#!/bin/sh\nexec env -u LISTEN_PID {VENV_BIN}/traefik "$@"\n')
    script.chmod(0o755)
    with StartedTraefikSystem(tmp_path) as system:
        async with started(system, command=[str(script)]) as proxy:
            await proxy.add_route("/user/ada/", (await backend("ada")).url, {})
            before = system.pids()
        proxy = system.make_proxy(command=[str(script)], log_level="DEBUG")
        with pytest.raises(TraefikStartError, match=r"has not taken the sockets.*command.*exec"):
            await proxy.start()
        await system.end_hub(proxy)
        assert system.pids() == before
        assert await server_of(system.public_url, "/user/ada/") == "ada"


async def test_where_the_kernel_cannot_choose_a_warning_is_written(
    tmp_path, backend, monkeypatch
) -> None:
    monkeypatch.setattr(shared_port, "_ATTACH_REUSEPORT_CBPF", 9999)
    with StartedTraefikSystem(tmp_path) as system:
        async with started(system) as proxy:
            await proxy.add_route("/user/ada/", (await backend("ada")).url, {})
            before = system.pids()
        log = Mock(spec=logging.Logger)
        async with started(system, log_level="DEBUG", log=log):
            assert system.pids() not in ([], before)
            assert "may refuse users" in str(log.warning.call_args_list)
            await until(lambda: reaches(system.public_url, "/user/ada/", "ada"))


async def browse_until(url: str, stop: asyncio.Event) -> list[int]:
    """Statuses of requests, each on a new connection."""
    statuses = []
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        while not stop.is_set():
            async with session.get(url) as answer:
                statuses.append(answer.status)
            await asyncio.sleep(0.01)
    return statuses


@pytest.mark.parametrize("name", ["dynamic/rules.toml", "routes.json"])
@pytest.mark.parametrize("damage", ["removed", "edited", "broken"])
async def test_what_somebody_else_changed_is_repaired(tmp_path, backend, name, damage) -> None:
    with StartedTraefikSystem(tmp_path) as system:
        async with started(system) as proxy:
            await proxy.add_route("/user/ada/", (await backend("ada")).url, {})
            path = system.folder / name
            healthy = path.read_text()
            if damage == "removed":
                path.unlink()
            else:
                changed = healthy.replace("127.0.0.1", "127.0.0.9") if damage == "edited" else "?"
                path.write_text(changed)
            await until(lambda: as_result(path.exists() and len(path.read_text()) == len(healthy)))
            await until(lambda: as_result("127.0.0.9" not in path.read_text()))
            await until(lambda: reaches(system.public_url, "/user/ada/", "ada"))
            assert set(await proxy.get_all_routes()) == {"/user/ada/"}
        async with started(system) as proxy:
            assert set(await proxy.get_all_routes()) == {"/user/ada/"}


async def test_a_port_that_another_traefik_has_is_not_shared(tmp_path) -> None:
    with (
        StartedTraefikSystem(tmp_path / "one") as one,
        StartedTraefikSystem(tmp_path / "two") as two,
    ):
        two.public_url = one.public_url
        async with started(one):
            proxy = two.make_proxy()
            with pytest.raises(TraefikStartError, match="used by another program"):
                await proxy.start()
            await proxy.stop()
            assert two.pids() == []


async def test_a_wrong_option_is_told_in_traefik_s_words(tmp_path) -> None:
    with StartedTraefikSystem(tmp_path) as system:
        wrong = {"entryPoints": {"http": {"address": "nonsense:nonsense"}}}
        proxy = system.make_proxy(extra_static_config=wrong)
        with pytest.raises(TraefikStartError, match=r"(?s)traefik\.log says:.*nonsense"):
            await proxy.start()
        await proxy.stop()


async def test_a_fixed_internal_port_is_kept_over_changes(tmp_path) -> None:
    port = free_port()
    with StartedTraefikSystem(tmp_path) as system:
        for level in ("INFO", "DEBUG"):
            async with started(system, internal_port=port, log_level=level) as proxy:
                user, password = proxy.api_username, proxy.api_password
                found = await configuration(f"http://127.0.0.1:{port}", user, password)
                assert "routers fallback" in found


async def test_nobody_without_the_password_sees_users_names(tmp_path) -> None:
    with StartedTraefikSystem(tmp_path) as system:
        async with started(system) as proxy:
            for spec in ("/", "/user/ada/"):
                await proxy.add_route(spec, "http://127.0.0.1:9", {})
            url = (await proxy._ready()).replicas.urls[0]
            async with aiohttp.ClientSession() as session:
                for path, expected in {
                    "/api/rawdata": 401,
                    "/api/http/services": 401,
                    "/metrics": 401,
                    "/ping": 200,
                }.items():
                    async with session.get(url + path) as answer:
                        assert (path, answer.status) == (path, expected)
                async with session.get(system.public_url + "/api/rawdata") as answer:
                    assert answer.status == 502  # the hub is asked, and there is none
            for file in system.folder.rglob("*"):
                if file.is_file():
                    assert not stat.S_IMODE(file.stat().st_mode) & 0o007, file


async def test_https_with_the_hub_s_certificate(tmp_path, backend) -> None:
    certificate, key = self_signed("localhost")
    (tmp_path / "crt").write_text(certificate)
    (tmp_path / "key").write_text(key)
    with StartedTraefikSystem(tmp_path) as system:
        system.public_url = system.public_url.replace("http:", "https:")
        files = {"ssl_cert": str(tmp_path / "crt"), "ssl_key": str(tmp_path / "key")}
        async with started(system, **files) as proxy:
            await proxy.add_route("/user/ada/", (await backend("ada")).url, {})
            context = ssl.create_default_context(cadata=certificate)
            context.check_hostname = False
            connector = aiohttp.TCPConnector(ssl=context)
            async with (
                aiohttp.ClientSession(connector=connector) as session,
                session.get(system.public_url + "/user/ada/") as answer,
            ):
                assert (await answer.json())["name"] == "ada"


async def test_the_first_replica_back_serves_the_table(tmp_path, backend) -> None:
    """Replicas that are started while there is no hub read the file."""
    with TraefikFileSystem(tmp_path) as system:
        async with hub_of(system) as table:
            await table.proxy.add_route("/user/ada/", (await backend("ada")).url, {})
            await system.end_hub(table.proxy)
            system.restart()
            await until(lambda: reaches(system.public_url, "/user/ada/", "ada"))
            table.proxy = system.make_proxy()
            assert set(await table.proxy.get_all_routes()) == {"/", "/user/ada/"}


async def test_three_hundred_at_once_are_few_writes(tmp_path, backend) -> None:
    with TraefikFileSystem(tmp_path) as system:
        async with hub_of(system) as table:
            target = (await backend("all")).url
            committer = await table.proxy._ready()
            before, start = committer.generation, time.monotonic()
            specs = [f"/user/student{i:04}/" for i in range(300)]
            await asyncio.gather(*(table.proxy.add_route(s, target, {}) for s in specs))
            assert committer.generation - before <= 2
            assert time.monotonic() - start < 20
            assert await server_of(system.public_url, "/user/student0299/") == "all"


def test_the_folder_is_the_hub_s_own(tmp_path: Path) -> None:
    hub = SimpleNamespace(url="http://127.0.0.1:1/hub/")
    application = SimpleNamespace(subdomain_host="", internal_ssl=False)
    proxy = TraefikFileProxy(app=application, folder=str(tmp_path / "new"), hub=hub)
    assert not (tmp_path / "new").exists(), "making the object must not act"
    assert proxy.should_start
