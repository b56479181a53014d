"""Every proxy of the table, started once, with an empty routing table for each test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import pytest
from jupyterhub.proxy import Proxy
from tests.support.echo import EchoServer
from tests.support.proxies import PROXIES, System, TraefikEtcdSystem


@dataclass
class Table:
    """A proxy with only the hub's route, and the hub behind it."""

    proxy: Proxy
    system: System
    hub: EchoServer


async def _empty_table(system: System) -> AsyncIterator[Table]:
    proxy = system.make_proxy()
    async with EchoServer("hub", system.hub_port) as hub:
        await proxy.add_route("/", hub.url, {"hub": True})
        yield Table(proxy, system, hub)
        routes = await proxy.get_all_routes()
        await asyncio.gather(*(proxy.delete_route(routespec) for routespec in routes))
        await _stop(proxy)


async def _stop(proxy: Proxy) -> None:
    if not hasattr(proxy, "proxy_process"):  # CHP's stop() ends a process that it started
        await proxy.stop()


@pytest.fixture(scope="session", params=PROXIES)
def system(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    with PROXIES[request.param](tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture(scope="session", params=PROXIES)
def host_system(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    folder = tmp_path_factory.mktemp(f"{request.param}-hosts")
    with PROXIES[request.param](folder, host_routing=True) as running:
        yield running


@pytest.fixture(scope="session")
def etcd_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TraefikEtcdSystem]:
    with TraefikEtcdSystem(tmp_path_factory.mktemp("traefik-etcd")) as running:
        yield running


@pytest.fixture
async def table(system: System) -> AsyncIterator[Table]:
    async for each in _empty_table(system):
        yield each


@pytest.fixture
async def host_table(host_system: System) -> AsyncIterator[Table]:
    async for each in _empty_table(host_system):
        yield each


@pytest.fixture
async def etcd_table(etcd_system: TraefikEtcdSystem) -> AsyncIterator[Table]:
    async for each in _empty_table(etcd_system):
        yield each


@pytest.fixture
async def backend() -> AsyncIterator[Callable[[str], object]]:
    """Starts echo servers by name; the same name is the same server."""
    running: dict[str, EchoServer] = {}

    async def start(name: str) -> EchoServer:
        if name not in running:
            running[name] = await EchoServer(name).__aenter__()
        return running[name]

    yield start
    for server in running.values():
        await server.__aexit__()
