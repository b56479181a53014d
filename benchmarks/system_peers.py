"""Peers that are systems of the tests, their proxy object in this process."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from jupyterhub.proxy import Proxy
from tests.support.ports import free_port
from tests.support.processes import TOOLS_BIN
from tests.support.proxies import System, TraefikEtcdSystem
from tests.support.traefik_file import TraefikFileSystem

from benchmarks.generator import Server
from benchmarks.hub import Routes, add_routes, check_routes, delete_routes
from benchmarks.peer import Peer

MAX_TXN_OPS = 8192
"""etcd's limit of operations in one transaction, as the chart's StatefulSet sets it."""


class SystemPeer(Peer):
    """A system of the tests, its proxy object in this process."""

    def __init__(self, name: str, system: System, addresses: Sequence[str] = ()) -> None:
        self.name = name
        self.system = system
        self.addresses = list(addresses) or [system.public_url.removeprefix("http://")]
        self._proxy: Proxy | None = None
        self._stack = ExitStack()

    @property
    def hub_url(self) -> str:
        """Where the hub is."""
        return f"http://127.0.0.1:{self.system.hub_port}"

    async def __aenter__(self) -> Peer:
        with ExitStack() as stack:
            stack.enter_context(Server("404 Not Found", self.system.hub_port))
            await asyncio.to_thread(stack.enter_context, self.system)
            self._stack = stack.pop_all()
        try:
            await self.add([("/", self.hub_url, {"hub": True})])
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._proxy is not None:
            await self._let_go(self._proxy)
        await asyncio.to_thread(self._stack.close)

    async def _let_go(self, proxy: Proxy) -> None:
        if proxy.should_start:
            await proxy.stop()
        elif hasattr(self.system, "end_hub"):
            await self.system.end_hub(proxy)

    async def _hub(self) -> Proxy:
        if self._proxy is None:
            self._proxy = self.system.make_proxy()
            if self._proxy.should_start:
                await self._proxy.start()
        return self._proxy

    async def add(self, routes: Routes) -> None:
        await add_routes(await self._hub(), routes)

    async def delete(self, specs: list[str]) -> None:
        await delete_routes(await self._hub(), specs)

    async def _write(self, routes: Routes) -> None:
        proxy = await self._hub()
        if not proxy.has_trait("replica_urls") or proxy.should_start:
            await add_routes(proxy, routes)
            return
        await self._let_go(proxy)
        self._proxy = None
        filling = self.system.make_proxy(replica_urls=[])  # does not wait for the replicas
        await add_routes(filling, routes)
        await self._let_go(filling)
        await (await self._hub()).get_all_routes()  # it has read the table before time is taken

    async def restart_hub(self, routes: Routes) -> None:
        if self._proxy is not None:
            await self._let_go(self._proxy)
            self._proxy = None
        await check_routes(await self._hub(), self.hub_url, routes)

    def pids(self) -> list[int]:
        return self.system.pids()


class EtcdPeer(SystemPeer):
    """traefik-etcd whose replicas are reached one by one, each on a port of its own."""

    system: TraefikEtcdSystem

    def __init__(self, folder: Path, replicas: int = 1, name: str = "traefik-etcd") -> None:
        system = TraefikEtcdSystem(folder, replicas=0, max_txn_ops=MAX_TXN_OPS)
        ports = [free_port() for _ in range(replicas)]
        system.replicas = [
            system.make_replica(folder / f"traefik{n}", port) for n, port in enumerate(ports)
        ]
        super().__init__(name, system, [f"127.0.0.1:{port}" for port in ports])

    async def revision(self) -> int:
        return await etcd_revision(self.system)


class FilePeer(SystemPeer):
    """traefik-file with one Traefik."""

    system: TraefikFileSystem

    def __init__(self, folder: Path) -> None:
        super().__init__("traefik-file", TraefikFileSystem(folder, replicas=1))
        self._writes = 0
        self._seen: dict[Path, int] = {}

    async def revision(self) -> int:
        """How often a file was found changed since the last call."""
        files = (path for path in self.system.folder.rglob("*") if path.is_file())
        seen = {path: path.stat().st_mtime_ns for path in files}
        self._writes += seen != self._seen
        self._seen = seen
        return self._writes


async def etcd_revision(system: TraefikEtcdSystem) -> int:
    """The revision of the store behind the proxy."""
    files = system.certificates["hub"]
    command = [
        str(TOOLS_BIN / "etcdctl"),
        f"--endpoints={system.etcd.endpoints[0]}",
        f"--cacert={files.ca}",
        *(f"--cert={system.certificates['traefik'].cert}",),
        *(f"--key={system.certificates['traefik'].key}",),
        *("get", "traefik", "--limit=1", "--prefix", "-w", "json"),
    ]
    done = await asyncio.to_thread(
        subprocess.run, command, check=True, capture_output=True, text=True
    )
    return int(json.loads(done.stdout)["header"]["revision"])
