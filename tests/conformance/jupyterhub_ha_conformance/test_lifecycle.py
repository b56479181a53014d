"""Restarts, and JupyterHub's own check of the routes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.proxy import Proxy

from jupyterhub_ha_conformance.fixtures import EchoStarter, Table, end_hub, start_proxy
from jupyterhub_ha_conformance.raw import exchange, request

pytestmark = pytest.mark.asyncio

PATH = "/user/ada/x"


class Hub:
    """What JupyterHub hands to Proxy.check_routes: its users and services, as far as asked for."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.users: dict[str, Any] = {}
        self.services: dict[str, Any] = {}

    def add_user(self, name: str, url: str, *, servers: tuple[str, ...] = ("",)) -> None:
        """A user with running servers."""
        base = f"/user/{name}/"
        spawners = {
            server: SimpleNamespace(
                ready=True,
                pending=None,
                _log_name=f"{name}:{server}",
                proxy_spec=base + (f"{server}/" if server else ""),
                server=SimpleNamespace(host=url),
            )
            for server in servers
        }
        self.users[name] = SimpleNamespace(name=name, proxy_spec=base, spawners=spawners)

    def add_service(self, name: str, url: str) -> None:
        """A service that runs."""
        server = SimpleNamespace(host=url)
        self.services[name] = SimpleNamespace(
            name=name, proxy_spec=f"/services/{name}/", server=server
        )

    async def check(self) -> list[str]:
        """Let JupyterHub check the routes; what it changed, `add SPEC` and `delete SPEC`."""
        hub = SimpleNamespace(routespec="/", host=self._table.hub.url)
        proxy = self._table.proxy
        proxy.app = proxy.app or SimpleNamespace(subdomain_host="", internal_ssl=False)
        proxy.app.hub = proxy.hub = hub
        with _changes(proxy) as changes:
            await proxy.check_routes(self.users, self.services)
        return sorted(changes)


@contextmanager
def _changes(proxy: Proxy) -> Iterator[list[str]]:
    found: list[str] = []
    add, delete = proxy.add_route, proxy.delete_route

    async def add_route(routespec: str, target: str, data: dict[str, Any]) -> None:
        found.append(f"add {routespec}")
        await add(routespec, target, data)

    async def delete_route(routespec: str) -> None:
        found.append(f"delete {routespec}")
        await delete(routespec)

    proxy.add_route, proxy.delete_route = add_route, delete_route
    try:
        yield found
    finally:
        del proxy.add_route, proxy.delete_route


async def restart_hub(table: Table) -> None:
    """The hub ends, and another takes over with a new Proxy object."""
    await end_hub(table.system, table.proxy)
    table.proxy = await start_proxy(table.system)


@pytest.fixture
def hub(table: Table) -> Hub:
    return Hub(table)


async def populate(hub: Hub, backend: EchoStarter) -> None:
    """Users, one with a named server, and a service: in the hub and, checked, in the proxy."""
    hub.add_user("ada", (await backend("ada")).url, servers=("", "gpu"))
    hub.add_user("b@c.org", (await backend("b")).url)
    hub.add_service("grader", (await backend("grader")).url)
    await hub.check()


async def test_check_routes_adds_what_is_missing(
    table: Table, hub: Hub, backend: EchoStarter
) -> None:
    """The hub's check adds what is missing, and then finds nothing to do"""
    await populate(hub, backend)
    assert set(await table.proxy.get_all_routes()) == {
        "/",
        "/user/ada/",
        "/user/ada/gpu/",
        "/user/b@c.org/",
        "/services/grader/",
    }
    assert await table.server_of("/services/grader/x") == "grader"
    assert await table.server_of("/user/b%40c.org/x") == "b"
    assert await hub.check() == []


async def test_a_restarted_hub_finds_the_table(
    table: Table, hub: Hub, backend: EchoStarter
) -> None:
    """After a restart of the hub its table is as it was"""
    await populate(hub, backend)
    before = await table.proxy.get_all_routes()
    await restart_hub(table)
    after = await table.proxy.get_all_routes()
    assert _without_activity(after) == _without_activity(before)


def _without_activity(routes: dict[str, Any]) -> dict[str, Any]:
    return {
        spec: {**route, "data": {k: v for k, v in route["data"].items() if k != "last_activity"}}
        for spec, route in routes.items()
    }


async def test_a_restarted_hub_has_nothing_to_do(
    table: Table, hub: Hub, backend: EchoStarter
) -> None:
    """After a restart of the hub its check finds nothing to do"""
    await populate(hub, backend)
    await restart_hub(table)
    assert await hub.check() == []


async def test_users_do_not_notice_a_restart_of_the_hub(
    table: Table, hub: Hub, backend: EchoStarter
) -> None:
    """Users' servers are served while the hub is away and when it comes back"""
    await populate(hub, backend)
    await end_hub(table.system, table.proxy)
    failed = []
    for moment in ("away", "back", "checked"):
        if moment == "back":
            table.proxy = await start_proxy(table.system)
        if moment == "checked":
            await hub.check()
        for _ in range(10):
            answer = await exchange(table.url, request(PATH))
            if not answer or b'"name": "ada"' not in answer.body:
                failed.append((moment, answer))
    assert failed == []


async def test_a_server_gone_while_the_hub_was_away(
    table: Table, hub: Hub, backend: EchoStarter
) -> None:
    """A server that went while the hub was away is cleaned up, and only that"""
    await populate(hub, backend)
    await restart_hub(table)
    del hub.users["ada"]
    gone = [change for change in await hub.check() if change.startswith("delete")]
    assert [change for change in gone if "ada" not in change] == []
    assert set(await table.proxy.get_all_routes()) == {
        "/",
        "/user/b@c.org/",
        "/services/grader/",
    }
    assert await table.server_of(PATH) == "hub"
    assert await hub.check() == []


async def test_a_server_that_moved_while_the_hub_was_away(
    table: Table, hub: Hub, backend: EchoStarter
) -> None:
    """A server that moved while the hub was away gets its new target"""
    await populate(hub, backend)
    await restart_hub(table)
    hub.add_user("ada", (await backend("moved")).url, servers=("", "gpu"))
    await hub.check()
    assert await table.server_of(PATH) == "moved"
    assert await hub.check() == []


async def test_a_hub_that_moved(table: Table, hub: Hub, backend: EchoStarter) -> None:
    """A hub that comes back at another address gets its route"""
    await populate(hub, backend)
    await restart_hub(table)
    table.hub = await backend("another hub")
    await hub.check()
    assert await table.server_of("/hub/home") == "another hub"
    assert await hub.check() == []


def _restart_proxy(table: Table) -> None:
    table.system.restart()  # type: ignore[attr-defined]  # optional in a System


@pytest.mark.needs("restart")
async def test_a_restarted_proxy_has_its_table(
    table: Table, hub: Hub, backend: EchoStarter
) -> None:
    """After a restart of the proxy every route is served, without the hub"""
    await populate(hub, backend)
    _restart_proxy(table)
    await _until_served(
        table, {PATH: "ada", "/user/ada/gpu/": "ada", "/services/grader/": "grader"}
    )


async def _until_served(table: Table, expected: dict[str, str]) -> None:
    """Replicas may be ready one after another: all of them have the table in the end."""
    deadline = time.monotonic() + 15
    while wrong := await _wrong(table, expected):
        assert time.monotonic() < deadline, wrong
        await asyncio.sleep(0.1)


async def _wrong(table: Table, expected: dict[str, str]) -> list[tuple[str, bytes]]:
    found = []
    for path, name in expected.items():
        for _ in range(2 * table.tries):
            answer = await exchange(table.url, request(path))
            if not answer or f'"name": "{name}"'.encode() not in answer.body:
                found.append((path, answer.body if answer else b""))
    return found


@pytest.mark.needs("restart")
async def test_a_restarted_proxy_is_filled_by_the_check(
    table: Table, hub: Hub, backend: EchoStarter
) -> None:
    """After a restart of the proxy the hub's check leaves every route served"""
    await populate(hub, backend)
    _restart_proxy(table)
    await hub.check()
    # Where the table itself was right, the check has waited for no replica.
    await _until_served(table, {PATH: "ada", "/services/grader/": "grader"})
    assert await hub.check() == []


@pytest.mark.needs("restart")
async def test_the_hub_waits_for_a_restarted_proxy(
    table: Table, hub: Hub, backend: EchoStarter
) -> None:
    """A change after a restart of the proxy is live when it is confirmed"""
    await populate(hub, backend)
    _restart_proxy(table)
    await table.route((await backend("late")).url, "/user/late/")
    assert await table.server_of("/user/late/") == "late"
