"""Routes by host name."""

from __future__ import annotations

import asyncio

import pytest

from jupyterhub_ha_conformance.fixtures import EchoStarter, Table

pytestmark = pytest.mark.asyncio


async def test_routes_by_host(host_table: Table, backend: EchoStarter) -> None:
    """Host and path together decide."""
    one = "ada.example.com"
    for spec in (f"{one}/user/ada/", f"{one}/user/ada/lab/", "bob.example.com/user/bob/"):
        await host_table.proxy.add_route(spec, (await backend(spec)).url, {})
    assert f"{one}/user/ada/" in await host_table.proxy.get_all_routes()
    expected = {
        (one, "/user/ada/x"): f"{one}/user/ada/",
        (one, "/user/ada"): f"{one}/user/ada/",
        (one, "/user/ada/lab/x"): f"{one}/user/ada/lab/",
        (one, "/"): "hub",
        ("bob.example.com", "/user/ada/x"): "hub",
        ("bob.example.com", "/user/bob/"): "bob.example.com/user/bob/",
        ("example.com", "/hub/"): "hub",
        ("x.ada.example.com", "/user/ada/"): "hub",
    }
    found = {(host, path): await host_table.server_of(path, host=host) for host, path in expected}
    assert found == expected


async def test_many_hosts(host_table: Table, backend: EchoStarter) -> None:
    """60 hosts, added at once."""
    many = await backend("many")
    specs = [f"u{i:02}.example.com/user/u{i:02}/" for i in range(60)]
    await asyncio.gather(*(host_table.proxy.add_route(spec, many.url, {}) for spec in specs))
    expected = {
        ("u07.example.com", "/user/u07/"): "many",
        ("u59.example.com", "/user/u59/x"): "many",
        ("u07.example.com", "/user/u08/"): "hub",
        ("u077.example.com", "/user/u07/"): "hub",
    }
    found = {(host, path): await host_table.server_of(path, host=host) for host, path in expected}
    assert found == expected
    assert set(await host_table.proxy.get_all_routes()) == {"/", *specs}


async def test_the_port_is_no_part_of_the_host(host_table: Table, backend: EchoStarter) -> None:
    """The port in the Host header does not matter, and arrives."""
    await host_table.proxy.add_route("ada.example.com/user/ada/", (await backend("a")).url, {})
    answer = await host_table.browse("/user/ada/", host="ada.example.com:8443")
    assert (answer["name"], answer["host"]) == ("a", "ada.example.com:8443")


async def test_capitals_in_the_host(host_table: Table, backend: EchoStarter) -> None:
    """Capitals in the Host header do not matter."""
    await host_table.proxy.add_route("ada.example.com/user/ada/", (await backend("a")).url, {})
    assert await host_table.server_of("/user/ada/", host="ADA.Example.com") == "a"
