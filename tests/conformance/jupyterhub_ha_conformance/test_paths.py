"""Paths: names of users.

The routespec is what JupyterHub makes of a name; browsers write it in several ways.
"""

from __future__ import annotations

import pytest

from jupyterhub_ha_conformance.fixtures import EchoStarter, Table

pytestmark = pytest.mark.asyncio

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


async def test_users_whose_names_need_escaping(table: Table, backend: EchoStarter) -> None:
    """Names with e-mail addresses, Unicode, spaces and every special character."""
    specs = [f"/user/{name}/" for name in USERS]
    for spec in specs:
        await table.proxy.add_route(spec, (await backend(spec)).url, {"user": spec})
    assert set(await table.proxy.get_all_routes()) == {"/", *specs}
    for spec in specs:
        for path in (spec, f"{spec}tree/%40", spec.rstrip("/")):
            assert await table.server_of(path) == spec
    for spec in specs:
        await table.proxy.delete_route(spec)
    assert set(await table.proxy.get_all_routes()) == {"/"}


@pytest.mark.parametrize(
    ("routespec", "path"),
    [
        pytest.param("/user/a@b.com/", "/user/a%40b.com/x", id="%40 for @"),
        pytest.param("/user/plus%2Bplus/", "/user/plus+plus/x", id="+ for %2B"),
        pytest.param("/user/%28paren%29/", "/user/(paren)/x", id="( for %28"),
        pytest.param("/user/%C3%BCser/", "/user/%c3%bcser/x", id="%c3 for %C3"),
        pytest.param("/user/ada/", "/user/%61da/x", id="%61 for a"),
    ],
)
async def test_another_spelling_of_the_path_finds_the_route(
    table: Table, backend: EchoStarter, routespec: str, path: str
) -> None:
    """Another spelling of a name finds the route"""
    await table.proxy.add_route(routespec, (await backend("it")).url, {})
    assert await table.server_of(path) == "it"
