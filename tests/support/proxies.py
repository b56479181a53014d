"""The proxies that pass the same tests, each with all the real parts behind it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Protocol

from jupyterhub.proxy import ConfigurableHTTPProxy, Proxy
from tests.support import deviations
from tests.support.certificates import write_certificates
from tests.support.chp import TOKEN, ConfigurableProxy
from tests.support.etcd import EtcdCluster, set_up_users
from tests.support.in_process import InProcessSystem
from tests.support.ports import free_port
from tests.support.traefik import API_PASSWORD, API_USERNAME, TraefikReplica
from tests.support.traefik_file import StartedTraefikSystem, TraefikFileSystem

import jupyterhub_ha_conformance as conformance
from jupyterhub_ha import TraefikEtcdProxy
from jupyterhub_ha.etcd_client import EtcdClient
from jupyterhub_ha.replicas import Replicas
from jupyterhub_ha.table import Layout

ROOT_PASSWORD = "the-root-password"
HUB_PASSWORD = "the-hub-password"


class System(conformance.System, Protocol):
    """What the conformance suite needs, and what faults and benchmarks also use."""

    name: ClassVar[str]
    deviations: ClassVar[dict[str, str]]

    def make_proxy(self, **traits: Any) -> Proxy:
        """A new object of JupyterHub's Proxy class, as a started hub has it."""

    def pids(self) -> list[int]:
        """The processes that carry the users' traffic."""


def _application() -> SimpleNamespace:
    """What a Proxy asks of JupyterHub's application."""
    return SimpleNamespace(subdomain_host="", internal_ssl=False)


class TraefikEtcdSystem:
    """etcd with mTLS and users, and two Traefik replicas on one port."""

    name: ClassVar[str] = "traefik-etcd"
    deviations: ClassVar[dict[str, str]] = deviations.TRAEFIK

    def __init__(
        self,
        folder: Path,
        *,
        host_routing: bool = False,
        replicas: int = 2,
        members: int = 1,
        max_txn_ops: int = 8192,
        token_ttl: int = 300,
        share_port: bool = True,
    ) -> None:
        """With `share_port` False each replica has a public port of its own."""
        self.hub_port = free_port()
        self.host_routing = host_routing
        public_port = free_port()
        self.public_url = f"http://127.0.0.1:{public_port}"
        self.certificates = write_certificates(folder / "certificates")
        self.max_txn_ops = max_txn_ops
        self.etcd = EtcdCluster(folder / "etcd", members, self.certificates, max_txn_ops, token_ttl)
        self.replicas = [
            self.make_replica(folder / f"traefik{i}", public_port if share_port else free_port())
            for i in range(replicas)
        ]
        self._stack = ExitStack()

    def make_replica(self, folder: Path, public_port: int) -> TraefikReplica:
        """One more replica, not started."""
        return TraefikReplica(
            folder,
            public_port,
            f"http://127.0.0.1:{self.hub_port}",
            self.etcd.endpoints,
            self.certificates["traefik"],
        )

    def __enter__(self) -> TraefikEtcdSystem:
        with ExitStack() as stack:
            stack.enter_context(self.etcd)
            self.set_up()
            for replica in self.replicas:
                stack.callback(replica.kill)
                replica.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def set_up(self, hub_password: str = HUB_PASSWORD, *options: str) -> str:
        """Create users, roles and the first key with the real command; returns what it says."""
        passwords = {"root": ROOT_PASSWORD, "hub": hub_password}
        return set_up_users(self.etcd.endpoints, self.certificates["root"], passwords, *options)

    def proxy_traits(self) -> dict[str, Any]:
        """What a hub must set for its proxy class to fit this system; JSON."""
        files = self.certificates["hub"]
        return {
            "endpoints": self.etcd.endpoints,
            "username": "hub",
            "password": HUB_PASSWORD,
            "ca_file": str(files.ca),
            "cert_file": str(files.cert),
            "key_file": str(files.key),
            "replica_urls": [replica.url for replica in self.replicas],
            "api_username": API_USERNAME,
            "api_password": API_PASSWORD,
            "max_txn_ops": self.max_txn_ops,
            "start_timeout": 20,
        }

    def etcd_client(self, user: str = "root", **options: Any) -> EtcdClient:
        """A client of etcd as `root` or `hub`."""
        files = self.certificates[user]
        return EtcdClient(
            self.etcd.endpoints,
            username=user,
            password={"root": ROOT_PASSWORD, "hub": HUB_PASSWORD}[user],
            ca_file=str(files.ca),
            cert_file=str(files.cert),
            key_file=str(files.key),
            **options,
        )

    def make_proxy(self, **traits: Any) -> TraefikEtcdProxy:
        """A hub's proxy object; `traits` override what fits this system."""
        fitting = {**self.proxy_traits(), "host_routing": self.host_routing}
        return TraefikEtcdProxy(app=_application(), **{**fitting, **traits})

    async def end_hub(self, proxy: TraefikEtcdProxy) -> None:
        """The hub ends; etcd and Traefik stay."""
        await proxy.stop()

    def pids(self) -> list[int]:
        """Those of the replicas."""
        return [replica.pid for replica in self.replicas]

    async def marks(self) -> dict[str, dict[str, str]]:
        """What each replica says of its table, by URL: its `generation`, once it has one."""
        replicas = Replicas(
            [replica.url for replica in self.replicas],
            Layout().marker,
            username=API_USERNAME,
            password=API_PASSWORD,
        )
        try:
            return await replicas.marks()
        finally:
            replicas.close()

    def restart(self) -> None:
        """All replicas at once."""
        for replica in self.replicas:
            replica.stop()
        for replica in self.replicas:
            replica.start()


class ChpSystem:
    """The reference: configurable-http-proxy."""

    name: ClassVar[str] = "chp"
    deviations: ClassVar[dict[str, str]] = deviations.CHP

    def __init__(self, folder: Path, *, host_routing: bool = False) -> None:
        self.hub_port = free_port()
        self.host_routing = host_routing
        self._chp = ConfigurableProxy(
            folder, f"http://127.0.0.1:{self.hub_port}", host_routing=host_routing
        )
        self.public_url = self._chp.public_url

    def __enter__(self) -> ChpSystem:
        self._chp.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._chp.kill()

    def make_proxy(self, **traits: Any) -> ConfigurableHTTPProxy:
        """A hub's proxy object; `traits` override what fits this system."""
        fitting = {
            "api_url": self._chp.api_url,
            "auth_token": TOKEN,
            "should_start": False,
            "host_routing": self.host_routing,
        }
        return ConfigurableHTTPProxy(app=_application(), **{**fitting, **traits})

    def pids(self) -> list[int]:
        """The one process."""
        return [self._chp.pid]

    def restart(self) -> None:
        """End it and start it again."""
        self._chp.stop()
        self._chp.start()


# One line for each proxy; what it is known to fail is in deviations.py.
_TABLE: tuple[type[System], ...] = (
    TraefikEtcdSystem,
    TraefikFileSystem,
    StartedTraefikSystem,
    InProcessSystem,
    ChpSystem,
)
PROXIES = {each.name: each for each in _TABLE}
