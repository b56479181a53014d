"""A real JupyterHub whose only proxy setting is `traefik-file`, with `traefik` on PATH."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin

import pytest
from tests.support.certificates import write_certificates
from tests.support.hub_session import HubSession, SessionError, close, execute
from tests.support.local_hub import LocalHub, logged_in

from jupyterhub_ha.process import Process

pytestmark = pytest.mark.timeout(300)

# The hub is run from a folder, where it also puts its database and its cookie secret.
PROXY = """
import os
os.chdir({folder!r})
c.JupyterHub.proxy_class = "traefik-file"
"""
KEEP = """
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
"""


@contextmanager
def running_hub(folder: Path, config: str = "", **options: str) -> Iterator[LocalHub]:
    """The hub; Traefik is gone afterwards too."""
    try:
        with LocalHub(folder, PROXY.format(folder=str(folder)) + config, **options) as hub:
            yield hub
    finally:
        traefik(folder).kill()


def traefik(folder: Path) -> Process:
    return Process(folder / "jupyterhub-traefik" / "traefik.pid")


async def test_a_user_logs_in_runs_a_cell_and_all_stops(tmp_path: Path) -> None:
    with running_hub(tmp_path, base="/jupyter/") as hub:
        session = await logged_in(hub, "zoë@example.org")
        assert await session.run_cell("print(6 * 7)") == "42\n"
        assert traefik(tmp_path).alive
        assert await asyncio.to_thread(hub.stop) == 0
        assert not traefik(tmp_path).alive
        assert hub.wait_for_end() == []
        assert "Traceback" not in hub.log


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_an_open_kernel_outlives_the_hub(tmp_path: Path, how: signal.Signals) -> None:
    """Killed, or restarted with its clean-up off: one Traefik goes on, and the hub adopts it."""
    with running_hub(tmp_path, KEEP) as hub:
        session = await logged_in(hub, "ada")
        channels = await session.open_channels(await session.start_kernel())
        before = traefik(tmp_path).record
        await asyncio.to_thread(hub.stop, how)
        assert await execute(channels, "print('no hub')") == "no hub\n"
        await asyncio.to_thread(hub.start)
        assert traefik(tmp_path).record == before
        assert await execute(channels, "print('a new hub')") == "a new hub\n"
        await close(channels)
        await session.enter_server()
        bob = await logged_in(hub, "bob")
        assert await bob.run_cell("print('bob')") == "bob\n"
        assert "Traefik runs already" in hub.log


async def test_a_killed_traefik_comes_back_with_all_routes(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub:
        session = await logged_in(hub, "ada")
        before = traefik(tmp_path).record
        assert before is not None
        os.kill(before.pid, signal.SIGKILL)
        async with asyncio.timeout(60):
            while traefik(tmp_path).record == before or not traefik(tmp_path).alive:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            # The record is there before Traefik listens, which it does before it has its rules.
            while not await served(session):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert await session.run_cell("print('back')") == "back\n"


async def served(session: HubSession) -> bool:
    try:
        return (await session.fetch(urljoin(session.server_url, "api/status"))).code == 200
    except SessionError:
        return False


async def test_https_outside_and_internal_ssl_inside(tmp_path: Path) -> None:
    files = write_certificates(tmp_path / "public")["server"]
    config = f"""
c.JupyterHub.ssl_cert = {str(files.cert)!r}
c.JupyterHub.ssl_key = {str(files.key)!r}
c.JupyterHub.internal_ssl = True
"""
    tls = ssl.create_default_context(cafile=str(files.ca))
    with running_hub(tmp_path, config, scheme="https") as hub:
        session = await logged_in(hub, "ada", tls)
        assert await session.run_cell("print(6 * 7)") == "42\n"
        assert "Traceback" not in hub.log
