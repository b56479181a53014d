"""What JupyterHub expects of a proxy, the same for each of them."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from tests.support.browse import browse, server_of

USERS = [
    "ada",
    "a@b.com",
    "a%20b",
    "%C3%BCser",
    "x%25y",
    "plus%2Bplus",
    "%28paren%29%27%21",
    "quote%22",
    "tick%60tick",
    "back%5Cslash",
    "semi%3Bcolon%2Ccomma%3Dequals%26and%24",
    "question%3Fmark%23hash",
    "%5Bbracket%5D",
    "~tilde",
    "dot.dot-dash_under",
    "%E4%B8%80%E4%BA%8C",
]


async def test_a_route_is_added_found_and_deleted(table, backend) -> None:
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
    assert await server_of(table.system.public_url, "/user/ada/tree") == "ada"
    await table.proxy.delete_route("/user/ada/")
    assert set(await table.proxy.get_all_routes()) == {"/"}
    assert await table.proxy.get_route("/user/ada/") is None
    assert await server_of(table.system.public_url, "/user/ada/tree") == "hub"


async def test_deleting_what_is_not_there_is_no_error(table) -> None:
    await table.proxy.delete_route("/user/nobody/")
    assert set(await table.proxy.get_all_routes()) == {"/"}


async def test_a_route_can_be_replaced(table, backend) -> None:
    for name in ("one", "two"):
        server = await backend(name)
        await table.proxy.add_route("/user/ada/", server.url, {"user": "ada", "n": name})
        assert await server_of(table.system.public_url, "/user/ada/") == name
    routes = await table.proxy.get_all_routes()
    assert routes["/user/ada/"]["data"]["n"] == "two"


async def test_the_same_route_twice_at_once(table, backend) -> None:
    ada = await backend("ada")
    add = [table.proxy.add_route("/user/ada/", ada.url, {"user": "ada"}) for _ in range(2)]
    await asyncio.gather(*add)
    assert set(await table.proxy.get_all_routes()) == {"/", "/user/ada/"}
    assert await server_of(table.system.public_url, "/user/ada/") == "ada"


async def test_data_come_back_as_given(table, backend) -> None:
    data = {"user": "ü", "server_name": "", "nested": {"list": [1, 2.5, None, True, "x"]}}
    await table.proxy.add_route("/user/%C3%BC/", (await backend("u")).url, dict(data))
    found = (await table.proxy.get_all_routes())["/user/%C3%BC/"]["data"]
    # CHP adds what it knows itself.
    assert {key: found[key] for key in data} == data


async def test_the_longest_prefix_wins_by_segments(table, backend) -> None:
    for spec in ("/user/a/", "/user/a/lab/", "/user/ab/", "/services/x/"):
        await table.proxy.add_route(spec, (await backend(spec)).url, {})
    expected = {
        "/": "hub",
        "/hub/login": "hub",
        "/user/a": "/user/a/",
        "/user/a/": "/user/a/",
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
    found = {path: await server_of(table.system.public_url, path) for path in expected}
    assert found == expected


async def test_the_path_arrives_as_it_was_sent(table, backend) -> None:
    await table.proxy.add_route("/user/ada/", (await backend("ada")).url, {})
    path = "/user/ada/files/a%20b%2Fc%3F.txt?q=%20&x=a%2Fb"
    answer = await browse(table.system.public_url, path)
    assert (answer["name"], answer["path"]) == ("ada", path)
    assert answer["host"] == table.system.public_url.removeprefix("http://")


async def test_a_body_arrives_whole(table, backend) -> None:
    await table.proxy.add_route("/user/ada/", (await backend("ada")).url, {})
    body = b"x" * 900_000
    answer = await browse(table.system.public_url, "/user/ada/up", method="PUT", data=body)
    assert (answer["method"], answer["size"]) == ("PUT", len(body))


async def test_users_whose_names_need_escaping(table, backend) -> None:
    specs = [f"/user/{name}/" for name in USERS]
    for spec in specs:
        await table.proxy.add_route(spec, (await backend(spec)).url, {"user": spec})
    assert set(await table.proxy.get_all_routes()) == {"/", *specs}
    for spec in specs:
        for path in (spec, f"{spec}tree/%40", spec.rstrip("/")):
            assert await server_of(table.system.public_url, path) == spec
    for spec in specs:
        await table.proxy.delete_route(spec)
    assert set(await table.proxy.get_all_routes()) == {"/"}


@pytest.mark.parametrize(
    ("routespec", "path"),
    [
        ("/user/a@b.com/", "/user/a%40b.com/x"),
        ("/user/plus%2Bplus/", "/user/plus+plus/x"),
        ("/user/%28paren%29/", "/user/(paren)/x"),
        ("/user/%C3%BCser/", "/user/%c3%bcser/x"),
        ("/user/ada/", "/user/%61da/x"),
    ],
)
async def test_another_spelling_of_the_path_finds_the_route(
    table, backend, routespec, path
) -> None:
    await table.proxy.add_route(routespec, (await backend("it")).url, {})
    assert await server_of(table.system.public_url, path) == "it"


async def test_many_at_once(table, backend) -> None:
    servers = [await backend(f"s{i}") for i in range(3)]
    specs = {f"/user/student{i:04}/": servers[i % 3] for i in range(300)}
    add = [table.proxy.add_route(s, server.url, {"user": s}) for s, server in specs.items()]
    await asyncio.gather(*add)
    assert set(await table.proxy.get_all_routes()) == {"/", *specs}
    for spec in [*specs][::23]:
        assert await server_of(table.system.public_url, spec + "lab") == specs[spec].name
    assert await server_of(table.system.public_url, "/user/student0300/") == "hub"
    assert await server_of(table.system.public_url, "/user/student00010/") == "hub"
    await asyncio.gather(*(table.proxy.delete_route(spec) for spec in specs))
    assert set(await table.proxy.get_all_routes()) == {"/"}
    assert await server_of(table.system.public_url, "/user/student0001/") == "hub"


async def test_one_user_with_many_servers(table, backend) -> None:
    main, named = await backend("main"), await backend("named")
    specs = [f"/user/ada/server{i:02}/" for i in range(60)]
    await asyncio.gather(*(table.proxy.add_route(s, named.url, {}) for s in specs))
    assert await server_of(table.system.public_url, "/user/ada/server60/") == "hub"
    await table.proxy.add_route("/user/ada/", main.url, {})
    expected = {
        "/user/ada/server07/x": "named",
        "/user/ada/server7": "main",
        "/user/ada/server60/": "main",
        "/user/ada": "main",
        "/user/adam/": "hub",
    }
    found = {path: await server_of(table.system.public_url, path) for path in expected}
    assert found == expected


async def test_a_websocket_passes(table, backend) -> None:
    await table.proxy.add_route("/user/ada/", (await backend("ada")).url, {})
    url = f"{table.system.public_url}/user/ada/api/kernels/1/channels?session_id=2"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        assert await socket.receive_str() == "ada"
        await socket.send_str("1 + 1")
        assert await socket.receive_str() == "1 + 1"
        await socket.send_bytes(b"\0" * 300_000)
        assert len(await socket.receive_bytes()) == 300_000


async def test_an_open_websocket_survives_changes_of_other_routes(table, backend) -> None:
    ada = await backend("ada")
    await table.proxy.add_route("/user/ada/", ada.url, {})
    url = f"{table.system.public_url}/user/ada/ws"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        assert await socket.receive_str() == "ada"
        for i in range(40):
            await table.proxy.add_route(f"/user/other{i}/", ada.url, {})
        await table.proxy.delete_route("/user/other1/")
        await socket.send_str("still there")
        assert await socket.receive_str() == "still there"


async def test_routes_by_host(host_table, backend) -> None:
    base = host_table.system.public_url
    one = "ada.example.com"
    for spec in (f"{one}/user/ada/", f"{one}/user/ada/lab/", "bob.example.com/user/bob/"):
        await host_table.proxy.add_route(spec, (await backend(spec)).url, {})
    for i in range(60):
        spec = f"u{i:02}.example.com/user/u{i:02}/"
        await host_table.proxy.add_route(spec, (await backend("many")).url, {})
    assert f"{one}/user/ada/" in await host_table.proxy.get_all_routes()
    expected = {
        (one, "/user/ada/x"): f"{one}/user/ada/",
        (one, "/user/ada"): f"{one}/user/ada/",
        (one, "/user/ada/lab/x"): f"{one}/user/ada/lab/",
        (one, "/"): "hub",
        ("bob.example.com", "/user/ada/x"): "hub",
        ("bob.example.com", "/user/bob/"): "bob.example.com/user/bob/",
        ("example.com", "/hub/"): "hub",
        ("u07.example.com", "/user/u07/"): "many",
        ("u07.example.com", "/user/u08/"): "hub",
        ("u077.example.com", "/user/u07/"): "hub",
    }
    found = {(host, path): await server_of(base, path, host=host) for host, path in expected}
    assert found == expected
