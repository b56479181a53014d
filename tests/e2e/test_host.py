"""A bundle for one host, run as its units say: log in, start a server, run a cell in a kernel."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest
from tests.support.host import PASSWORD, Host
from tests.support.hub_session import HubSession, close, execute
from tests.support.processes import status

pytestmark = pytest.mark.timeout(300)

ONE_MEMBER = ("--set", "proxy.etcd.replicas=1")
KINDS = {"traefik-file": (), "in-process": (), "chp": (), "traefik-etcd": ONE_MEMBER}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_user_works_and_the_hub_restarts(kind: str, tmp_path: Path) -> None:
    with Host(tmp_path, kind, *KINDS[kind]) as host:
        session = HubSession(host.url, "zoë", PASSWORD)
        await session.login()
        await session.start_server()
        kernel = await session.start_kernel()
        channels = await session.open_channels(kernel)
        assert await execute(channels, "x = 20; print(x)") == "20\n"
        servers = host.pids()
        assert servers, "the user's server must be known, to be ended with the test"
        host.manager.restart("jupyterhub-hub.service")
        assert set(servers) <= set(host.pids()), "the restart ended the user's server"
        if kind == "in-process":
            # The proxy went with the hub; the kernel did not.
            await close(channels)
            channels = await session.open_channels(kernel)
        assert await execute(channels, "print(x + 22)") == "42\n"
        await close(channels)
        assert await session.run_cell("print('a new kernel')") == "a new kernel\n"
    assert host.pids() == []


async def test_replicas_of_traefik_restart_one_after_the_other_and_nobody_sees_it(
    tmp_path: Path,
) -> None:
    with Host(tmp_path, "traefik-file") as host:
        session = HubSession(host.url, "alice", PASSWORD)
        await session.login()
        await session.start_server()
        answers: list[int] = []
        stop = asyncio.Event()

        async def ask() -> None:
            while not stop.is_set():
                response = await session.fetch(f"{session.server_url}api")
                answers.append(response.code)

        asking = [asyncio.create_task(ask()) for _ in range(4)]
        for _ in range(2):
            for number in (1, 2):
                name = f"jupyterhub-traefik-{number}.service"
                await asyncio.to_thread(host.manager.restart, name)
                await asyncio.sleep(0.5)
        stop.set()
        await asyncio.gather(*asking)
        assert len(answers) > 50
        assert set(answers) == {200}


def test_what_is_installed_is_as_secret_as_it_should_be_and_can_be_removed(tmp_path: Path) -> None:
    with Host(tmp_path, "traefik-file") as host:
        assert status(f"{host.url}hub/login") == 200
        assert status(f"{host.url}api/rawdata") != 200, "the API must not be on the public port"
        assert status(f"http://127.0.0.1:{host.first_port + 2}/api/rawdata") == 401
        for name in ("hub.env", "hub/secret/values.yaml", "hub/proxy-api/hub-password"):
            file = host.prefix / "etc/jupyterhub-ha" / name
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, name
        rules = host.prefix / "var/lib/jupyterhub-ha/traefik/rules.toml"
        assert stat.S_IMODE(rules.stat().st_mode) == 0o640
    host.run_readme("Remove")
    left = [path for path in host.prefix.rglob("*") if path.is_file()]
    data = host.prefix / "var/lib/jupyterhub-ha"
    assert left, "users' data stay"
    assert all(path.is_relative_to(data) for path in left), left
