"""A real JupyterHub whose only proxy setting is the class."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import time
from pathlib import Path
from urllib.parse import urljoin

import pytest
from tests.support.certificates import write_certificates
from tests.support.hub_session import SessionError, close, execute
from tests.support.local_hub import LocalHub, logged_in
from tests.support.ports import free_port

pytestmark = pytest.mark.timeout(300)

PROXY = 'c.JupyterHub.proxy_class = "jupyterhub_ha.InProcessProxy"\n'


# A service that the hub starts and waits for, before it adds any route.
SLOW_SERVICE = """
c.JupyterHub.services = [{{
    "name": "slow",
    "url": "http://127.0.0.1:{port}",
    "command": ["sh", "-c", "sleep 3; exec python3 -m http.server --bind 127.0.0.1 {port}"],
}}]
"""


async def test_a_user_logs_in_runs_a_cell_and_the_hub_stops(tmp_path: Path) -> None:
    with LocalHub(tmp_path, PROXY, base="/jupyter/") as hub:
        session = await logged_in(hub, "zoë@example.org")
        assert await session.run_cell("print(6 * 7)") == "42\n"
        missing = await session.fetch(urljoin(session.url, "/nowhere/"))
        assert missing.code == 404
        assert b"<html" in missing.body, "the hub's own page for what has no route"
        kernel = await session.start_kernel()
        channels = await session.open_channels(kernel)
        assert await execute(channels, "print('open')") == "open\n"
        began = time.monotonic()
        assert await asyncio.to_thread(hub.stop) == 0
        assert time.monotonic() - began < 60, "an open websocket does not hold it up"
        await close(channels)
        assert hub.wait_for_end() == []
        assert "Traceback" not in hub.log


async def test_a_server_that_ran_is_served_from_the_first_request_after_a_crash(
    tmp_path: Path,
) -> None:
    with LocalHub(tmp_path, PROXY + SLOW_SERVICE.format(port=free_port())) as hub:
        session = await logged_in(hub, "ada")
        status = urljoin(session.server_url, "api/status")
        hub.stop(signal.SIGKILL)
        hub.start_without_waiting()
        deadline = time.monotonic() + 60
        codes = []
        while not codes and time.monotonic() < deadline:
            try:
                codes.append((await session.fetch(status)).code)
            except SessionError:  # nobody listens yet
                await asyncio.sleep(0.01)
        # The hub itself would have answered with a redirect or an error.
        assert codes == [200]
        assert await session.run_cell("print('still here')") == "still here\n"
    assert hub.wait_for_end() == []


async def test_a_dead_server_shows_the_hubs_own_error_page(tmp_path: Path) -> None:
    with LocalHub(tmp_path, PROXY + "c.JupyterHub.last_activity_interval = 3600\n") as hub:
        session = await logged_in(hub, "ada")
        model = json.loads((await session.fetch(hub.url + "hub/api/users/ada")).body)
        assert model["servers"][""]["ready"]
        for pid in hub.pids():
            words = (Path("/proc") / str(pid) / "cmdline").read_bytes()
            if b"singleuser" in words:
                os.kill(pid, signal.SIGKILL)
        page = await session.fetch(session.server_url + "tree")
        assert page.code == 503
        assert b"Your server appears to be down" in page.body


async def test_https_outside_and_internal_ssl_inside(tmp_path: Path) -> None:
    files = write_certificates(tmp_path / "public")["server"]
    config = f"""
c.JupyterHub.proxy_class = "in-process"
c.JupyterHub.ssl_cert = {str(files.cert)!r}
c.JupyterHub.ssl_key = {str(files.key)!r}
c.JupyterHub.internal_ssl = True
"""
    tls = ssl.create_default_context(cafile=str(files.ca))
    with LocalHub(tmp_path, config, scheme="https") as hub:
        session = await logged_in(hub, "ada", tls)
        assert await session.run_cell("print(6 * 7)") == "42\n"
        assert "jupyterhub_ha.in_process.InProcessProxy" in hub.log
        assert "Traceback" not in hub.log
    assert hub.wait_for_end() == []
