"""Routes.

A route is a prefix of paths, by segments; the longest one that fits wins.
"""

from __future__ import annotations

import asyncio

import pytest

from jupyterhub_ha_conformance.browse import browse
from jupyterhub_ha_conformance.fixtures import EchoStarter, Table

pytestmark = pytest.mark.asyncio


async def test_a_route_is_added_found_and_deleted(table: Table, backend: EchoStarter) -> None:
    """A route is added, found and deleted."""
    ada = await backend("ada")
    data = {"user": "ada", "server_name": ""}
    await table.proxy.add_route("/user/ada/", ada.url, dict(data))
    routes = await table.proxy.get_all_routes()
    assert set(routes) == {"/", "/user/ada/"}
    assert routes["/user/ada/"]["routespec"] == "/user/ada/"
    assert routes["/user/ada/"]["target"] == ada.url
    assert routes["/user/ada/"]["data"].items() >= data.items()
    one = await table.proxy.get_route("/user/ada")
    assert one["target"] == ada.url
    assert await table.server_of("/user/ada/tree") == "ada"
    await table.proxy.delete_route("/user/ada/")
    assert set(await table.proxy.get_all_routes()) == {"/"}
    assert await table.proxy.get_route("/user/ada/") is None
    assert await table.server_of("/user/ada/tree") == "hub"


async def test_deleting_what_is_not_there_is_no_error(table: Table) -> None:
    """Deleting a route that is not there is no error."""
    await table.proxy.delete_route("/user/nobody/")
    assert set(await table.proxy.get_all_routes()) == {"/"}


async def test_a_route_can_be_replaced(table: Table, backend: EchoStarter) -> None:
    """A route's target and data are replaced."""
    for name in ("one", "two"):
        server = await backend(name)
        await table.proxy.add_route("/user/ada/", server.url, {"user": "ada", "n": name})
        assert await table.server_of("/user/ada/") == name
    routes = await table.proxy.get_all_routes()
    assert routes["/user/ada/"]["data"]["n"] == "two"
    assert routes["/user/ada/"]["target"] == (await backend("two")).url


async def test_the_same_route_twice_at_once(table: Table, backend: EchoStarter) -> None:
    """The same route twice at once is one route."""
    ada = await backend("ada")
    add = [table.proxy.add_route("/user/ada/", ada.url, {"user": "ada"}) for _ in range(2)]
    await asyncio.gather(*add)
    assert set(await table.proxy.get_all_routes()) == {"/", "/user/ada/"}
    assert await table.server_of("/user/ada/") == "ada"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({}, id="empty"),
        pytest.param({"user": "ü", "server_name": "名", "\u20ac": "\U0001f600"}, id="Unicode"),
        pytest.param({"n": {"list": [1, -2.5, None, True, "x", {"": []}]}}, id="nested"),
        pytest.param({"big": 2**53 - 1, "small": 1e-9, "zero": 0, "no": False}, id="numbers"),
        pytest.param({"text": 'a\n\t"quote" \\ / \'`{}$ \x7f'}, id="special characters"),
        pytest.param({"long": "x" * 20_000}, id="20 kB"),
    ],
)
async def test_data_come_back_as_given(
    table: Table, backend: EchoStarter, data: dict[str, object]
) -> None:
    """A route's data come back as given"""
    await table.proxy.add_route("/user/%C3%BC/", (await backend("u")).url, dict(data))
    found = (await table.proxy.get_all_routes())["/user/%C3%BC/"]["data"]
    # CHP adds what it knows itself.
    assert {key: found[key] for key in data} == data


async def test_the_longest_prefix_wins_by_segments(table: Table, backend: EchoStarter) -> None:
    """The longest prefix wins, by path segments: /user/a is not /user/ab."""
    for spec in ("/user/a/", "/user/a/lab/", "/user/ab/", "/services/x/"):
        await table.proxy.add_route(spec, (await backend(spec)).url, {})
    expected = {
        "/": "hub",
        "/hub/login": "hub",
        "/user/a": "/user/a/",
        "/user/a/": "/user/a/",
        "/user/a?x": "/user/a/",
        "/user/a/tree?x=/user/ab/": "/user/a/",
        "/user/a/la": "/user/a/",
        "/user/a/lab": "/user/a/lab/",
        "/user/a/lab/x": "/user/a/lab/",
        "/user/a/labs": "/user/a/",
        "/user/ab": "/user/ab/",
        "/user/abc/": "hub",
        "/user/": "hub",
        "/users/a/": "hub",
        "/services/x/y": "/services/x/",
        "/services/": "hub",
    }
    found = {path: await table.server_of(path) for path in expected}
    assert found == expected


async def test_an_unknown_user_goes_to_the_hub(table: Table, backend: EchoStarter) -> None:
    """What no route fits goes to the hub."""
    await table.proxy.add_route("/user/ada/", (await backend("ada")).url, {})
    for path in ("/user/eve/lab", "/user", "/nothing/here", "/hub/api/users"):
        answer = await table.browse(path)
        assert (answer["name"], answer["path"]) == ("hub", path)


async def test_a_hub_below_a_base_url(table: Table, backend: EchoStarter) -> None:
    """A hub below a base_url, with its users and services."""
    specs = ("/base/", "/base/user/ada/", "/base/services/x/", "/base/user/ada/named/")
    for spec in specs:
        await table.proxy.add_route(spec, (await backend(spec)).url, {})
    expected = {
        "/base/hub/login": "/base/",
        "/base": "/base/",
        "/base/user/ada/lab": "/base/user/ada/",
        "/base/user/ada/named/lab": "/base/user/ada/named/",
        "/base/user/bob/": "/base/",
        "/base/services/x/": "/base/services/x/",
        "/based/": "hub",
        "/user/ada/": "hub",
    }
    assert {path: await table.server_of(path) for path in expected} == expected
    assert set(await table.proxy.get_all_routes()) == {"/", *specs}


async def test_many_at_once(table: Table, backend: EchoStarter) -> None:
    """300 routes added and deleted at once."""
    servers = [await backend(f"s{i}") for i in range(3)]
    specs = {f"/user/student{i:04}/": servers[i % 3] for i in range(300)}
    add = [table.proxy.add_route(s, server.url, {"user": s}) for s, server in specs.items()]
    await asyncio.gather(*add)
    assert set(await table.proxy.get_all_routes()) == {"/", *specs}
    for spec in [*specs][::23]:
        assert await table.server_of(spec + "lab") == specs[spec].name
    assert await table.server_of("/user/student0300/") == "hub"
    assert await table.server_of("/user/student00010/") == "hub"
    await asyncio.gather(*(table.proxy.delete_route(spec) for spec in specs))
    assert set(await table.proxy.get_all_routes()) == {"/"}
    assert await table.server_of("/user/student0001/") == "hub"


async def test_one_user_with_many_servers(table: Table, backend: EchoStarter) -> None:
    """Named servers: 60 of one user, beside the default server."""
    main, named = await backend("main"), await backend("named")
    specs = [f"/user/ada/server{i:02}/" for i in range(60)]
    await asyncio.gather(*(table.proxy.add_route(s, named.url, {}) for s in specs))
    assert await table.server_of("/user/ada/server60/") == "hub"
    await table.proxy.add_route("/user/ada/", main.url, {})
    expected = {
        "/user/ada/server07/x": "named",
        "/user/ada/server7": "main",
        "/user/ada/server60/": "main",
        "/user/ada": "main",
        "/user/adam/": "hub",
    }
    assert {path: await table.server_of(path) for path in expected} == expected


async def test_services_beside_users(table: Table, backend: EchoStarter) -> None:
    """A service and a user of the same name are two routes."""
    for spec in ("/services/ada/", "/user/ada/", "/services/ada-too/"):
        await table.proxy.add_route(spec, (await backend(spec)).url, {})
    expected = {
        "/services/ada/x": "/services/ada/",
        "/user/ada/x": "/user/ada/",
        "/services/ada-too/": "/services/ada-too/",
        "/services/ada-": "hub",
    }
    assert {path: await table.server_of(path) for path in expected} == expected


async def test_without_host_routing_the_host_does_not_matter(
    table: Table, backend: EchoStarter
) -> None:
    """Without host routing every host name reaches the same route."""
    await table.proxy.add_route("/user/ada/", (await backend("ada")).url, {})
    for host in ("ada.example.com", "EXAMPLE.org:8000", "10.1.2.3", "[::1]:80"):
        answer = await table.browse("/user/ada/", host=host)
        assert (answer["name"], answer["host"]) == ("ada", host)


async def test_a_change_is_live_when_it_is_confirmed(table: Table, backend: EchoStarter) -> None:
    """A change is live on every replica once it is confirmed."""
    servers = [await backend(name) for name in ("one", "two")]
    wrong = []
    for number in range(20):
        target = servers[number % 2]
        await table.proxy.add_route("/user/ada/", target.url, {"user": "ada"})
        found = await browse(table.url, "/user/ada/", tries=2 * table.tries)
        if found.get("name") != target.name:
            wrong.append((number, found))
    assert wrong == []
