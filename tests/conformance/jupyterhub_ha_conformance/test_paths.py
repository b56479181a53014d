"""Paths.

The routespec is what JupyterHub makes of a user's name; browsers write it in several ways. What
arrives at the server is compared with what configurable-http-proxy delivers.
"""

from __future__ import annotations

import json

import pytest

from jupyterhub_ha_conformance.fixtures import EchoStarter, RecorderStarter, Table
from jupyterhub_ha_conformance.raw import exchange, request

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


def _arrives(name: str, sent: str, arrives: str = "") -> object:
    return pytest.param(sent, arrives or sent, id=name)


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        _arrives("%20", "/user/ada/a%20b"),
        _arrives("%C3%BC", "/user/ada/%C3%BC"),
        _arrives("%c3%bc", "/user/ada/%c3%bc"),
        _arrives("%2F", "/user/ada/a%2Fb"),
        _arrives("%2f", "/user/ada/a%2fb"),
        _arrives("%25", "/user/ada/a%25b%252F"),
        _arrives("%23", "/user/ada/x%23y"),
        _arrives("%3F", "/user/ada/x%3Fy"),
        _arrives("%5C", "/user/ada/a%5Cb"),
        _arrives("%00", "/user/ada/a%00b"),
        _arrives("%0a", "/user/ada/a%0ab"),
        _arrives(";", "/user/ada/a;b=c/d;e"),
        _arrives("+ and %2B", "/user/ada/a+b%2Bc"),
        _arrives("'()*!$&,=:@~", "/user/ada/a'b(c)*!$&,=:@~"),
        _arrives("[]", "/user/ada/[a]"),
        _arrives("pipe", "/user/ada/a|b"),
        _arrives("double quote", '/user/ada/a"b', "/user/ada/a%22b"),
        _arrives("<>", "/user/ada/a<b>", "/user/ada/a%3Cb%3E"),
        _arrives("backtick {}", "/user/ada/b`c{d}", "/user/ada/b%60c%7Bd%7D"),
        _arrives("^", "/user/ada/a^b"),
        _arrives("backslash", "/user/ada/a\\b", "/user/ada/a/b"),
        _arrives("capitals", "/user/ada/CAPS/Caps"),
        _arrives("double slashes", "/user/ada//a///b"),
        _arrives("/./", "/user/ada/./a", "/user/ada/a"),
        _arrives("/../ below the route", "/user/ada/a/../b", "/user/ada/b"),
        _arrives("%2E", "/user/ada/%2E/x", "/user/ada/x"),
        _arrives("no slash at the end", "/user/ada"),
        _arrives("no slash but a query", "/user/ada?x=1"),
        _arrives("#", "/user/ada/x#y", "/user/ada/x"),
        _arrives("empty query", "/user/ada/x?", "/user/ada/x"),
        _arrives("query with two ?", "/user/ada/x??a=b?c"),
        _arrives("query with repeated names", "/user/ada/x?a=b&a=c&d"),
        _arrives("query with + %20 %2F", "/user/ada/x?q=a%20b+c%2Fd"),
        _arrives("query with a lone %", "/user/ada/x?q=100%"),
        _arrives("query with ;", "/user/ada/x?a=1;b=2"),
        _arrives("query with a URL", "/user/ada/x?u=http://a/b"),
        _arrives("query with [] {} |", "/user/ada/x?a[]={b}|c"),
        _arrives("absolute URL", "http://hub.example.com/user/ada/x", "/user/ada/x"),
    ],
)
async def test_the_path_arrives(
    table: Table, recorder: RecorderStarter, sent: str, arrives: str
) -> None:
    """The path arrives as configurable-http-proxy delivers it"""
    server = await recorder()
    for _ in range(table.tries):
        answer = await exchange(table.url, request(sent))
        assert answer
        assert answer.status == 200
        assert server.last.target == arrives


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param("/user/ada/../bob/x", id="/../"),
        pytest.param("/user/ada/%2e%2e/bob/x", id="%2e%2e"),
    ],
)
async def test_dots_lead_to_another_user(
    table: Table, recorder: RecorderStarter, backend: EchoStarter, sent: str
) -> None:
    """Dots that lead out of the route are resolved before the route is chosen"""
    server = await recorder()
    await table.route((await backend("bob")).url, "/user/bob/")
    answer = await exchange(table.url, request(sent))
    assert answer
    assert json.loads(answer.body)["path"] == "/user/bob/x"
    assert server.requests == []


@pytest.mark.parametrize("length", [4_000, 8_000, 15_000])
async def test_a_long_path_arrives(table: Table, recorder: RecorderStarter, length: int) -> None:
    """A path of so many characters arrives"""
    server = await recorder()
    for target in ("/user/ada/" + "x" * length, "/user/ada/?q=" + "x" * length):
        answer = await exchange(table.url, request(target))
        assert answer
        assert answer.status == 200
        assert server.last.target == target


@pytest.mark.parametrize(
    "target", ["/user/ada/%", "/user/ada/%zz", "/user/ada/%u0041", "user/ada/x"]
)
async def test_a_broken_path_is_refused(
    table: Table, recorder: RecorderStarter, target: str
) -> None:
    """A path that is no path is refused with 400"""
    server = await recorder()
    answer = await exchange(table.url, request(target))
    assert answer
    assert answer.status == 400
    assert server.requests == []
