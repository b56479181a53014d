"""A real JupyterHub on this machine from a jupyterhub_config.py of a few lines."""

from __future__ import annotations

import os
import signal
import ssl
import time
from pathlib import Path
from typing import Self

from tests.support.hub_session import HubSession
from tests.support.ports import free_ports
from tests.support.processes import VENV_BIN, Service, kill, pids_with

_MARK = "JUPYTERHUB_HA_TEST_HUB"
PASSWORD = "a-password-of-the-test"

# The hub of one machine: any user with one password, servers as this very user.
_CONFIG = """
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
c.Authenticator.allow_all = True
c.DummyAuthenticator.password = {password!r}
c.JupyterHub.hub_port = {hub_port}
c.JupyterHub.db_url = "sqlite:///{folder}/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = "{folder}/cookie_secret"
c.JupyterHub.internal_certs_location = "{folder}/internal-ssl"
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/{{username}}"
c.Spawner.args = ["--allow-root", "--no-browser"]
# Nothing else takes ports there between the choice of one and the server's start.
c.Spawner.ip = "127.66.0.2"
c.JupyterHub.trusted_alt_names = ["IP:127.66.0.2"]
# On a machine that others need, too.
c.Spawner.http_timeout = c.Spawner.start_timeout = 150
c.Spawner.environment = {{{mark!r}: "{folder}"}}
"""


class LocalHub:
    """A context manager; the hub and all that it started are gone after exit."""

    def __init__(self, folder: Path, config: str, *, scheme: str = "http", base: str = "/") -> None:
        self.folder = folder
        port, self.hub_port = free_ports(2)
        self.url = f"{scheme}://127.0.0.1:{port}{base}"
        text = _CONFIG.format(password=PASSWORD, hub_port=self.hub_port, mark=_MARK, folder=folder)
        text += f"c.JupyterHub.bind_url = {self.url!r}\n" + config
        (folder / "jupyterhub_config.py").write_text(text)
        words: list[str | Path] = [VENV_BIN / "jupyterhub", "-f", folder / "jupyterhub_config.py"]
        path = f"{VENV_BIN}{os.pathsep}{os.environ['PATH']}"
        env = {**os.environ, _MARK: str(folder), "PATH": path}
        self._service = Service(words, folder / "hub.log", env)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._service.stop(timeout=90)
        kill(self.pids())

    def start(self) -> None:
        """Start the hub and wait until it says that it runs."""
        seen = self.log.count("JupyterHub is now running")
        self._service.start()
        self._service.wait_until(
            lambda: self.log.count("JupyterHub is now running") > seen, "hub", 180
        )

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int | None:
        """End the hub; returns the exit code."""
        return self._service.stop(how, timeout=30)

    def start_without_waiting(self) -> None:
        """Start the hub and return at once."""
        self._service.start()

    @property
    def log(self) -> str:
        """What the hub and its servers have said."""
        return self._service.log.read_text() if self._service.log.exists() else ""

    def pids(self) -> list[int]:
        """All processes of this hub that still run."""
        return pids_with(_MARK, str(self.folder))

    def wait_for_end(self, seconds: float = 15) -> list[int]:
        """What still runs after so long, at best nothing."""
        deadline = time.monotonic() + seconds
        while self.pids() and time.monotonic() < deadline:
            time.sleep(0.1)
        return self.pids()


async def logged_in(hub: LocalHub, name: str, tls: ssl.SSLContext | None = None) -> HubSession:
    """A user's session, with a server that runs."""
    session = HubSession(hub.url, name, PASSWORD, tls)
    await session.login()
    await session.start_server()
    return session
