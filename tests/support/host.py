"""A hub on this machine from a bundle of `proxy-gen render --target host`, without systemd."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from tests.support.ports import free_range
from tests.support.processes import ROOT, TOOLS_BIN, VENV_BIN, kill
from tests.support.units import Manager, make_folders

VALUES = ROOT / "values-examples/single-host.yaml"
PASSWORD = "a-password-for-all"
_TAG = "JUPYTERHUB_HA_TEST_HOST"
_COUNT = 20


class Host:
    """The example for one host with another way to log in, installed below `folder` and running.

    Or other `values`, with their own way. A context manager; nothing of it runs afterwards.
    """

    def __init__(
        self,
        folder: Path,
        kind: str,
        *options: str,
        env: Mapping[str, str] | None = None,
        values: Path = VALUES,
    ) -> None:
        self.folder = folder
        self.bundle = folder / "bundle"
        self.prefix = folder / "host"
        self.kind = kind
        self.options = options
        self.values = values
        self.env = {_TAG: str(folder), **(env or {})}

    def __enter__(self) -> Host:
        first = free_range(_COUNT + 1)
        self.url = f"http://127.0.0.1:{first}/"
        self.first_port = first + 1
        self.render(first)
        self.install()
        logs = self.folder / "logs"
        logs.mkdir()
        self.manager = Manager(self.prefix / "etc/systemd/system", logs)
        try:
            self.manager.start_target("jupyterhub.target")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.manager.__exit__()
        deadline = time.monotonic() + 30
        while (pids := self.pids()) and time.monotonic() < deadline:
            kill(pids)
            time.sleep(0.05)

    def render(self, port: int) -> None:
        """`proxy-gen render --target host` of the example, for this folder and its kind."""
        programs = self.folder / "bin"
        programs.mkdir()
        for place in (
            VENV_BIN / "traefik",
            TOOLS_BIN / "etcd",
            TOOLS_BIN / "configurable-http-proxy",
        ):
            (programs / place.name).symlink_to(place)
        subprocess.run(
            [VENV_BIN / "proxy-gen", "secrets", self.folder / "secrets.yaml"],
            check=True, capture_output=True,
        )  # fmt: skip
        config = {
            "JupyterHub": {"authenticator_class": "dummy", "spawner_class": "simple"},
            # A machine that does much else takes its time.
            "Spawner": {"http_timeout": 150, "start_timeout": 150},
            "SimpleLocalProcessSpawner": {
                "home_dir_template": str(self.folder / "homes/{username}")
            },
        }
        if self.values == VALUES:
            config["DummyAuthenticator"] = {"password": PASSWORD}
        # Jupyter refuses to run as root unless told.
        command = ["jupyterhub-singleuser", "--allow-root"]
        subprocess.run(
            [
                *(VENV_BIN / "proxy-gen", "render", self.values, "--target=host"),
                *("-o", self.bundle),
                *("--secrets", self.folder / "secrets.yaml"),
                *(f"--prefix={self.prefix}", f"--python={VENV_BIN / 'python'}"),
                *(f"--bin-dir={programs}", "--address=127.0.0.1"),
                *(f"--port={port}", f"--first-port={self.first_port}"),
                *("--set", f"proxy.kind={self.kind}", *self.options),
                *("--set-json", f"hub.config={json.dumps(config)}"),
                *("--set-json", f"singleuser.cmd={json.dumps(command)}"),
                *("--set-json", f"singleuser.extraEnv={json.dumps(self.env)}"),
            ],
            check=True, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    def install(self) -> None:
        """What the bundle's README says, as far as it needs neither root nor systemd."""
        self.run_readme("Install, and upgrade")
        make_folders(self.prefix / "etc/tmpfiles.d/jupyterhub-ha.conf")

    def run_readme(self, heading: str) -> None:
        """Run the commands below a heading of the README, but for those of systemd."""
        text = (self.bundle / "README.md").read_text()
        (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
        blocks = re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
        commands = [line for line in "".join(blocks).splitlines() if not line.startswith("systemd")]
        commands = [line for line in commands if not line.startswith("systemctl")]
        if not commands:
            raise ValueError(f"{heading}: no command to run")
        for command in commands:
            subprocess.run(["sh", "-ec", command], cwd=self.bundle, check=True, timeout=300)

    def pids(self) -> list[int]:
        """Users' servers, and what these started."""
        needle = f"{_TAG}={self.folder}".encode()
        found = []
        for environ in Path("/proc").glob("[0-9]*/environ"):
            try:
                if needle in environ.read_bytes().split(b"\0"):
                    found.append(int(environ.parent.name))
            except OSError:  # ended meanwhile, or somebody else's
                continue
        return found
