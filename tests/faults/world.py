"""The real parts that faults happen to: etcd with three members, replicas, a hub's proxy object."""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
from tests.faults.load import Churn, Counts, Load
from tests.support.echo import EchoServer
from tests.support.processes import Service
from tests.support.proxies import TraefikEtcdSystem
from tests.support.relay import Relay
from tests.support.traefik import API_PASSWORD, API_USERNAME

from jupyterhub_ha.routes import Names
from jupyterhub_ha.table import Layout, Table

USERS = 40
TOKEN_SECONDS = 4


class World:
    """An asynchronous context manager; load and churn run from its start to its end."""

    def __init__(self, folder: Path, *, replicas: int = 2, commit_timeout: float = 5.0) -> None:
        self.system = TraefikEtcdSystem(
            folder, members=3, replicas=replicas, token_ttl=TOKEN_SECONDS, share_port=False
        )
        self.folder = folder
        self.commit_timeout = commit_timeout
        self.log = logging.getLogger("faults.hub")
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> World:
        async with AsyncExitStack() as stack:
            system = stack.enter_context(self.system)
            hub = await stack.enter_async_context(EchoServer("hub", system.hub_port))
            servers = [await stack.enter_async_context(EchoServer(f"s{i}")) for i in range(3)]
            self.relays = [
                await stack.enter_async_context(Relay(url)) for url in system.etcd.endpoints
            ]
            self.proxy = self.make_proxy()
            stack.push_async_callback(self._stop_proxy)
            self.root = self.system.etcd_client()
            stack.callback(self.root.close)
            await self.proxy.add_route("/", hub.url, {"hub": True})
            users = {f"/user/stays-{i}/": servers[i % 3] for i in range(USERS)}
            await asyncio.gather(
                *(self.proxy.add_route(spec, s.url, {"user": spec}) for spec, s in users.items())
            )
            urls = [replica.public_url for replica in system.replicas]
            self.load = Load(urls, {spec: server.name for spec, server in users.items()})
            self.churn = Churn(self.proxy, servers[0].url, self.load.counts)
            self.load.start()
            self.churn.start()
            stack.push_async_callback(self.load.stop)
            stack.push_async_callback(self.churn.stop)
            await self.until_right(30)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    def make_proxy(self, **traits: Any) -> Any:
        """A hub's proxy object, behind the relays."""
        proxy = self.system.make_proxy(
            endpoints=[relay.url for relay in self.relays],
            commit_timeout=self.commit_timeout,
            replica_timeout=5.0,
            check_interval=5.0,
            **traits,
        )
        proxy.log = self.log
        return proxy

    async def _stop_proxy(self) -> None:
        await self.proxy.stop()

    async def leader(self) -> Service:
        """The etcd member that leads; a busy machine may be electing one."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for endpoint, member in zip(
                self.system.etcd.endpoints, self.system.etcd.members, strict=True
            ):
                status = await self.root.status(endpoint)
                if status.get("leader") == status["header"]["member_id"]:
                    return member
            await asyncio.sleep(0.2)
        raise RuntimeError("etcd has no leader")

    def count_anew(self) -> Counts:
        """The counts so far; from now on others are counted."""
        counts = self.load.counts
        self.load.counts = self.churn.counts = Counts()
        return counts

    async def until_right(self, seconds: float) -> float:
        """Wait until the table is right everywhere and can be changed; returns how long it took.

        TimeoutError, with what is wrong, after `seconds`.
        """
        start = time.monotonic()
        await self.churn.stop()
        while True:
            refused = len(self.churn.counts.refused)
            await self.churn.once()
            wrong = "" if len(self.churn.counts.refused) == refused else "changes are refused"
            wrong = wrong or await self.what_is_wrong()
            taken = time.monotonic() - start
            if not wrong:
                self.churn.start()
                return taken
            if taken > seconds:
                raise TimeoutError(f"after {taken:.0f} s: {wrong}")
            await asyncio.sleep(0.2)

    async def what_is_wrong(self) -> str:
        """How etcd, the hub's routes or a replica's differ from what they should be; or empty."""
        pairs, _ = await self.root.range("traefik/", prefix=True)
        records, _ = await self.root.range("jupyterhub-ha/", prefix=True)
        table = Table(Layout())
        table.load({pair.key: pair.value for pair in (*pairs, *records)})
        expected = {
            "/",
            *(f"/user/stays-{i}/" for i in range(USERS)),
            *self.churn.present,
        }
        if wrong := expected ^ {route.routespec for route in table.routes.values()}:
            return f"etcd's routes differ in {sorted(wrong)[:5]}"
        if table.difference():
            return f"etcd's keys differ: {table.difference()[0]}"
        if wrong := expected ^ set(await self.proxy.get_all_routes()):
            return f"the hub's routes differ in {sorted(wrong)[:5]}"
        routers = {key.split("/")[3] for key in table.wanted if "/http/routers/" in key}
        for replica in self.system.replicas:
            if wrong := routers ^ await self._routers(replica.url):
                return f"{replica.url}: routers differ in {sorted(wrong)[:5]}"
        return ""

    async def _routers(self, url: str) -> set[str]:
        user = base64.b64encode(f"{API_USERNAME}:{API_PASSWORD}".encode()).decode()
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Basic {user}"}) as session,
            session.get(f"{url}/api/http/routers?per_page=10000") as response,
        ):
            names = [router["name"] for router in await response.json()]
        found = {name.removesuffix("@etcd") for name in names if name.endswith("@etcd")}
        return set(filter(Names().is_own, found))
