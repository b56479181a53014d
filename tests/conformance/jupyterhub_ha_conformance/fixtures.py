"""What the tests share: each system started once, an empty table and backends for each test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from jupyterhub.proxy import Proxy

from jupyterhub_ha_conformance.browse import TRIES, browse, server_of
from jupyterhub_ha_conformance.echo import EchoServer
from jupyterhub_ha_conformance.raw import OK, Answer, RawServer, Recorder, Serve
from jupyterhub_ha_conformance.system import System, name_of, replicas_of

EchoStarter = Callable[[str], Awaitable[EchoServer]]
RecorderStarter = Callable[..., Awaitable[Recorder]]
ServerStarter = Callable[[Serve], Awaitable[RawServer]]
Systems = Callable[..., System]


@dataclass
class Table:
    """A proxy with only the hub's route, and the hub behind it."""

    proxy: Proxy
    system: System
    hub: EchoServer

    @property
    def url(self) -> str:
        """Where users reach the proxy."""
        return self.system.public_url

    @property
    def tries(self) -> int:
        """How often a request is sent, to meet every replica."""
        return TRIES if replicas_of(self.system) > 1 else 1

    async def route(self, url: str, routespec: str = "/user/ada/") -> None:
        """Add a route to `url`."""
        await self.proxy.add_route(routespec, url, {"user": "ada", "server_name": ""})

    async def browse(self, path: str, **options: Any) -> dict[str, Any]:
        """What the echo server behind `path` says, the same from every replica."""
        return await browse(self.url, path, tries=self.tries, **options)

    async def server_of(self, path: str, host: str = "") -> str:
        """The name of the echo server behind `path`, or the status if it is not 200."""
        return await server_of(self.url, path, host=host, tries=self.tries)


@asynccontextmanager
async def hub_of(system: System) -> AsyncIterator[Table]:
    """A hub beside a running system; its routes are gone afterwards."""
    async with EchoServer("hub", system.hub_port) as hub:
        proxy = await start_proxy(system)
        table = Table(proxy, system, hub)
        await proxy.add_route("/", hub.url, {"hub": True})
        yield table
        # Of the proxy that the test left: a hub that was restarted has another.
        routes = await table.proxy.get_all_routes()
        await asyncio.gather(*(table.proxy.delete_route(routespec) for routespec in routes))
        await end_hub(system, table.proxy)
        if table.proxy.should_start:
            await _maybe(table.proxy.stop())
            await _until_ended(table.proxy)


async def _until_ended(proxy: Proxy) -> None:
    """JupyterHub's class for CHP does not wait for the end of what it stops; the next one would be
    taken to be up while this one still answers.
    """
    process = getattr(proxy, "proxy_process", None)
    if process is not None:
        await asyncio.to_thread(process.wait, 10)


async def start_proxy(system: System, **traits: Any) -> Proxy:
    """The proxy object of a hub that starts."""
    proxy = system.make_proxy(**traits)
    if proxy.should_start:
        await _maybe(proxy.start())
    return proxy


async def end_hub(system: System, proxy: Proxy) -> None:
    """End the hub that has `proxy`, while the proxy stays as far as it can."""
    if hasattr(system, "end_hub"):
        await system.end_hub(proxy)


async def _maybe(result: Any) -> None:
    if asyncio.iscoroutine(result) or isinstance(result, asyncio.Future):
        await result


@pytest.fixture(scope="session")
def _systems(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systems]:
    """Starts a system when it is first asked for; all end with the session."""
    running: dict[tuple[type[System], bool], System] = {}
    with ExitStack() as stack:

        def start(cls: type[System], host_routing: bool = False) -> System:
            key = (cls, host_routing)
            if key not in running:
                folder = tmp_path_factory.mktemp(f"{name_of(cls)}-{'hosts' * host_routing}")
                options = {"host_routing": True} if host_routing else {}
                running[key] = stack.enter_context(cls(folder, **options))
            return running[key]

        yield start


@pytest.fixture
def system(system_class: type[System], _systems: Systems) -> System:
    return _systems(system_class)


@pytest_asyncio.fixture
async def table(system: System) -> AsyncIterator[Table]:
    async with hub_of(system) as one:
        yield one


@pytest_asyncio.fixture
async def host_table(system_class: type[System], _systems: Systems) -> AsyncIterator[Table]:
    async with hub_of(_systems(system_class, host_routing=True)) as one:
        yield one


@pytest_asyncio.fixture
async def backend() -> AsyncIterator[EchoStarter]:
    """Starts echo servers by name; the same name is the same server."""
    running: dict[str, EchoServer] = {}
    async with AsyncExitStack() as stack:

        async def start(name: str) -> EchoServer:
            if name not in running:
                running[name] = await stack.enter_async_context(EchoServer(name))
            return running[name]

        yield start


@pytest_asyncio.fixture
async def recorder(table: Table) -> AsyncIterator[RecorderStarter]:
    """Starts servers that keep what they are asked, behind the route /user/ada/."""
    async with AsyncExitStack() as stack:

        async def start(answer: Answer = OK) -> Recorder:
            server = Recorder(answer)
            await stack.enter_async_context(server)
            await table.route(server.url)
            return server

        yield start


@pytest_asyncio.fixture
async def serve(table: Table) -> AsyncIterator[ServerStarter]:
    """Starts servers that do what a function says, behind the route /user/ada/."""
    async with AsyncExitStack() as stack:

        async def start(function: Serve) -> RawServer:
            server = await stack.enter_async_context(RawServer(function))
            await table.route(server.url)
            return server

        yield start


@pytest.fixture(scope="session")
def large_body(request: pytest.FixtureRequest) -> int:
    """The size of a large body in bytes."""
    return int(request.config.getoption("--large-body")) << 20
