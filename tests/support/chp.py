"""A real configurable-http-proxy."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.ports import free_ports
from tests.support.processes import TOOLS_BIN, Service, answers

TOKEN = "a-proxy-token"


class ConfigurableProxy(Service):
    """CHP with its API at `api_url`, serving users at `public_url`."""

    def __init__(self, folder: Path, default_target: str, host_routing: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        public, api = free_ports(2)
        self.public_url = f"http://127.0.0.1:{public}"
        self.api_url = f"http://127.0.0.1:{api}"
        command = [
            str(TOOLS_BIN / "configurable-http-proxy"),
            "--ip=127.0.0.1",
            f"--port={public}",
            "--api-ip=127.0.0.1",
            f"--api-port={api}",
            f"--default-target={default_target}",
            "--log-level=warn",
            *(["--host-routing"] if host_routing else []),
        ]
        env = {**os.environ, "CONFIGPROXY_AUTH_TOKEN": TOKEN}
        super().__init__(command, folder / "chp.log", env)

    def start(self) -> None:
        """Start it and wait until it serves."""
        super().start()
        self.wait_until(lambda: answers(f"{self.public_url}/_chp_healthz"), "health")
