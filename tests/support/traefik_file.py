"""Traefik with its routes in a file: replicas that are run for the hub, or one that it runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

from tests.support import deviations
from tests.support.ports import free_port
from tests.support.processes import VENV_BIN, Service, answers
from tests.support.traefik import API_PASSWORD, API_USERNAME

from jupyterhub_ha import TraefikFileProxy
from jupyterhub_ha.certificate import self_signed
from jupyterhub_ha.process import Process
from jupyterhub_ha.toml_text import toml_document
from jupyterhub_ha.traefik_documents import base_rules, static_document, users_line


def application() -> SimpleNamespace:
    """What a Proxy asks of JupyterHub's application."""
    return SimpleNamespace(subdomain_host="", internal_ssl=False)


class FileReplica(Service):
    """One Traefik that reads the folder `rules`; `url` is its internal entry point."""

    def __init__(
        self, folder: Path, public: str, rules: Path, trusted_ips: Sequence[str] = ()
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        document = static_document(
            public=public,
            internal=f"127.0.0.1:{port}",
            directory=rules,
            trusted_ips=trusted_ips,
            drain_seconds=1,
        )
        static = folder / "traefik.toml"
        static.write_text(toml_document(document))
        super().__init__([VENV_BIN / "traefik", f"--configfile={static}"], folder / "traefik.log")

    def start(self) -> None:
        """Start it and wait until it answers a ping."""
        super().start()
        self.wait_until(lambda: answers(f"{self.url}/ping"), "ping")


class TraefikFileSystem:
    """Two replicas on one port, as systemd would run them; the hub writes the file they read."""

    name: ClassVar[str] = "traefik-file"
    deviations: ClassVar[dict[str, str]] = deviations.TRAEFIK

    def __init__(
        self,
        folder: Path,
        *,
        host_routing: bool = False,
        replicas: int = 2,
        trusted_ips: Sequence[str] = (),
    ) -> None:
        self.hub_port = free_port()
        self.host_routing = host_routing
        self.folder = folder / "proxy"
        self.rules = self.folder / "dynamic"
        self.rules.mkdir(parents=True)
        self._write_base(folder)
        public = f"127.0.0.1:{free_port()}"
        self.public_url = f"http://{public}"
        self.replicas = [
            FileReplica(folder / f"traefik{i}", public, self.rules, trusted_ips)
            for i in range(replicas)
        ]
        self._stack = ExitStack()

    def _write_base(self, folder: Path) -> None:
        users, certificate, key = (folder / name for name in ("users", "tls.crt", "tls.key"))
        users.write_text(users_line(API_USERNAME, API_PASSWORD))
        for file, text in zip((certificate, key), self_signed("test"), strict=True):
            file.write_text(text)
        document = base_rules(
            hub=f"http://127.0.0.1:{self.hub_port}",
            users_file=users,
            cert_file=certificate,
            key_file=key,
        )
        (self.rules / "base.toml").write_text(toml_document(document))

    def __enter__(self) -> TraefikFileSystem:
        with ExitStack() as stack:
            for replica in self.replicas:
                stack.callback(replica.kill)
                replica.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def pids(self) -> list[int]:
        """The processes that carry the users' traffic."""
        return [replica.pid for replica in self.replicas if replica.running]

    def restart(self) -> None:
        """End both replicas, one after the other, and start them again."""
        for replica in self.replicas:
            replica.stop()
            replica.start()

    def make_proxy(self, **traits: Any) -> TraefikFileProxy:
        """A hub's proxy object; `traits` override what fits this system."""
        fitting = {
            "should_start": False,
            "folder": str(self.folder),
            "replica_urls": [replica.url for replica in self.replicas],
            "api_username": API_USERNAME,
            "api_password": API_PASSWORD,
            "host_routing": self.host_routing,
            "start_timeout": 20,
        }
        return TraefikFileProxy(app=application(), **{**fitting, **traits})

    async def end_hub(self, proxy: TraefikFileProxy) -> None:
        """Let go of the hub's proxy object; the replicas stay."""
        await proxy.stop()


class StartedTraefikSystem:
    """One Traefik that the hub starts, all by itself."""

    name: ClassVar[str] = "traefik-file-started"
    deviations: ClassVar[dict[str, str]] = deviations.TRAEFIK

    def __init__(self, folder: Path, *, host_routing: bool = False) -> None:
        self.hub_port = free_port()
        self.host_routing = host_routing
        self.folder = folder / "proxy"
        self.public_url = f"http://127.0.0.1:{free_port()}"

    def __enter__(self) -> StartedTraefikSystem:
        return self

    def __exit__(self, *_: object) -> None:
        process = Process(self.folder / "traefik.pid")
        process.kill()
        while process.alive:
            time.sleep(0.02)

    def pids(self) -> list[int]:
        """The process that carries the users' traffic."""
        process = Process(self.folder / "traefik.pid")
        return [process.record.pid] if process.alive and process.record else []

    def make_proxy(self, **traits: Any) -> TraefikFileProxy:
        """A hub's proxy object; `traits` override what fits this system."""
        fitting = {
            "folder": str(self.folder),
            "public_url": self.public_url,
            "hub": SimpleNamespace(url=f"http://127.0.0.1:{self.hub_port}/hub/"),
            "host_routing": self.host_routing,
            "drain_seconds": 1,
            "start_timeout": 20,
        }
        return TraefikFileProxy(app=application(), **{**fitting, **traits})

    async def end_hub(self, proxy: TraefikFileProxy) -> None:
        """Let go of the hub's proxy object as when the hub is killed: Traefik stays."""
        proxy._process = None
        await proxy.stop()
