"""The static files of visitors' pages: nginx as in the chart's pods, and Traefik's way there."""

from __future__ import annotations

import os
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import tomlkit
from tests.support.chart import CHART, render
from tests.support.edge import DEBIAN
from tests.support.ports import free_port
from tests.support.processes import VENV_BIN, Service, answers
from tests.support.proxies import TraefikEtcdSystem

SCRIPT = CHART / "files/singleuser/collect_static.py"
VALUES: dict[str, Any] = {
    "tmpnb": {"enabled": True, "static": {"enabled": True}},
    "singleuser": {
        "storage": {"type": "none"},
        "memory": {"limit": "1G"},
        "cpu": {"limit": 1},
    },
}
NAME = "tmpnb-static"


class StaticFiles(Service):
    """nginx with the chart's configuration, and the files of JupyterLab in this Python."""

    def __init__(self, folder: Path) -> None:
        self.files, temporary = folder / "files", folder / "tmp"
        for made in (self.files, temporary):
            made.mkdir(parents=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.said = collect(self.files)
        text = (CHART / "files/singleuser/static.conf").read_text()
        for word, here in (
            ("listen 8080;", f"listen 127.0.0.1:{self.port};"),
            ("/tmp/", f"{temporary}/"),  # noqa: S108 - a word of the configuration
            ("/srv/static", str(self.files)),
        ):
            assert word in text
            text = text.replace(word, here)
        # In a pod Kubernetes sets the user; nginx that root starts would take another one.
        user = "user root;\n" if os.geteuid() == 0 else ""
        (folder / "static.conf").write_text(user + text)
        libraries = ":".join(str(path) for path in DEBIAN.glob("usr/lib/*-linux-gnu"))
        words: list[str | Path] = [DEBIAN / "usr/sbin/nginx", "-c", folder / "static.conf"]
        words += ["-e", "stderr", "-g", "daemon off;"]
        super().__init__(words, folder / "nginx.log", {"LD_LIBRARY_PATH": libraries})

    def start(self) -> None:
        """Start it and wait until it answers."""
        super().start()
        self.wait_until(lambda: answers(f"{self.url}/healthz"), "answer")


def collect(target: Path) -> str:
    """Run the chart's script in this Python; returns what it said."""
    done = subprocess.run(
        [VENV_BIN / "python", "-B", SCRIPT, target], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def _chart_text() -> str:
    text: str = render(VALUES).get("ConfigMap", "proxy")["data"]["dynamic.toml"]
    return text


def chart_document() -> dict[str, Any]:
    """What the chart writes into dynamic.toml for these files, and nothing else."""
    http = tomllib.loads(_chart_text())["http"]
    parts = {
        kind: {name: part for name, part in named.items() if name.startswith(NAME)}
        for kind, named in http.items()
    }
    return {kind: named for kind, named in parts.items() if named}


def lead(system: TraefikEtcdSystem, static: StaticFiles) -> None:
    """Give the replicas, which are not started yet, the chart's router to these files."""
    document = chart_document()
    services = document["services"]
    urls = {"files": static.url, "server": system.public_url}
    for part, url in urls.items():
        services[f"{NAME}-{part}"]["loadBalancer"]["servers"] = [{"url": url}]
    for replica in system.replicas:
        file = replica.folder / "dynamic.toml"
        whole = tomllib.loads(file.read_text())
        for kind, named in document.items():
            whole["http"][kind] = {**whole["http"].get(kind, {}), **named}
        file.write_text(tomlkit.dumps(whole))
