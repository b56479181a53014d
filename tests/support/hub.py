"""A real JupyterHub process with a simple spawner, behind a proxy that runs elsewhere."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.ports import free_port
from tests.support.processes import Service, answers, kill, pids_with

PASSWORD = "a-shared-password"

_CONFIG = """
import json
import pathlib

c = get_config()
given = json.loads(pathlib.Path(__file__).with_name("given.json").read_text())
c.JupyterHub.proxy_class = "jupyterhub_ha.TraefikEtcdProxy"
c.TraefikEtcdProxy.update(given["traits"])
c.JupyterHub.bind_url = given["public_url"]
c.JupyterHub.hub_bind_url = given["hub_url"]
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = given["password"]
c.DummyAuthenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.db_url = f"sqlite:///{pathlib.Path(__file__).parent}/hub.sqlite"
c.JupyterHub.cookie_secret_file = str(pathlib.Path(__file__).with_name("cookie_secret"))
c.ConfigurableHTTPProxy.auth_token = "unused"
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
c.SimpleLocalProcessSpawner.home_dir_template = f"{pathlib.Path(__file__).parent}/{{username}}"
c.Spawner.environment = {"TEST_HUB": str(pathlib.Path(__file__).parent)}
c.Spawner.args = ["--ServerApp.log_level=WARN", "--allow-root"]
# Nothing else takes ports there between the choice of one and the server's start.
c.Spawner.ip = "127.66.0.2"
# On a machine that others need, too.
c.Spawner.http_timeout = c.Spawner.start_timeout = 150
"""


class Hub(Service):
    """One hub in `folder`; `url` is where Traefik shows it. Its users' servers outlive a kill."""

    def __init__(
        self,
        folder: Path,
        public_url: str,
        traits: Mapping[str, Any],
        port: int = 0,
        more: str = "",
    ) -> None:
        """`more` is Python for the end of the hub's configuration."""
        folder.mkdir(parents=True)
        self.folder = folder
        self.hub_url = f"http://127.0.0.1:{port or free_port()}"
        given = {
            "traits": dict(traits),
            "public_url": public_url,
            "hub_url": self.hub_url,
            "password": PASSWORD,
        }
        (folder / "given.json").write_text(json.dumps(given))
        config = folder / "jupyterhub_config.py"
        config.write_text(_CONFIG + more)
        super().__init__(
            [sys.executable, "-m", "jupyterhub", f"--config={config}"],
            folder / "hub.log",
            {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        )

    @property
    def healthy(self) -> bool:
        """Whether it answers."""
        return answers(f"{self.hub_url}/hub/health")

    def wait(self) -> None:
        """Wait until it answers."""
        self.wait_until(lambda: self.healthy, "answer", 180)

    def end(self) -> None:
        """Kill the hub and all servers that it started."""
        self.kill()
        kill(self.servers())

    def servers(self) -> list[int]:
        """The processes of its users' servers, also of a hub that was killed."""
        return pids_with("TEST_HUB", str(self.folder))
