"""Routes are found by segment, whatever the spelling, and while others change them."""

from __future__ import annotations

import threading

import pytest

from jupyterhub_ha.errors import RouteError
from jupyterhub_ha.in_process_path import read_target
from jupyterhub_ha.in_process_table import RouteTable, host_name, parse_target

URL = "http://127.0.0.1:1"


def found(table: RouteTable, path: str, host: str = "") -> str:
    entry = table.find(host.encode(), read_target(path.encode())[1])
    return entry.routespec if entry else ""


def test_the_longest_prefix_wins_by_segment() -> None:
    table = RouteTable()
    for spec in ("/", "/user/a/", "/user/a/lab/", "/user/a b/"):
        table.add(spec, URL, {})
    assert {path: found(table, path) for path in EXPECTED} == EXPECTED


EXPECTED = {
    "/": "/",
    "/user/a": "/user/a/",
    "/user/a/": "/user/a/",
    "//user/a": "/user/a/",
    "/user/a?x=/user/a/lab/": "/user/a/",
    "/user/ab/x": "/",
    "/user/a/lab/x": "/user/a/lab/",
    "/user/a/labs": "/user/a/",
    "/user%2Fa/lab": "/user/a/lab/",
    "/user/%61/x": "/user/a/",
    "/user/a%20b/x": "/user/a b/",
    "/user/a/../b": "/",
    "/user/b/%2e%2E/a/x": "/user/a/",
    "/user\\a": "/user/a/",
    "/user": "/",
}


def test_without_a_default_route_nothing_is_found() -> None:
    table = RouteTable()
    table.add("/user/a/", URL, {})
    assert found(table, "/user/b/") == ""
    assert found(table, "/user") == ""


def test_by_host() -> None:
    table = RouteTable(host_routing=True)
    for spec in ("/", "a.example.com/", "b.example.com/user/b/"):
        table.add(spec, URL, {})
    assert found(table, "/x", "A.example.com:8000") == "a.example.com/"
    assert found(table, "/user/b", "b.example.com") == "b.example.com/user/b/"
    assert found(table, "/user/c", "b.example.com") == "/"
    assert found(table, "/user/b", "c.example.com") == "/"
    assert found(table, "/a.example.com/", "") == "/"


def test_a_deleted_route_leaves_nothing_behind() -> None:
    table = RouteTable()
    table.add("/user/a/lab/", URL, {})
    table.add("/user/a/", URL, {})
    assert table.delete("/user/a/")
    assert found(table, "/user/a/") == ""
    assert found(table, "/user/a/lab/x") == "/user/a/lab/"
    assert table.delete("/user/a/") is None
    assert table.delete("/user/nobody/") is None
    assert table.delete("/user/a/lab/")
    assert table.entries() == []
    assert table._root.children == {}


def test_two_spellings_are_one_route() -> None:
    table = RouteTable()
    assert table.add("/user/a@b/", URL, {"n": 1}) is None
    old = table.add("/user/a%40b/", URL, {"n": 2})
    assert old
    assert old.data == {"n": 1}
    assert [entry.data for entry in table.entries()] == [{"n": 2}]
    assert table.get("/user/a@b/") is table.get("/user/%61%40b/")


@pytest.mark.parametrize(
    ("url", "host", "port", "prefix"),
    [
        ("http://127.0.0.1:8888", "127.0.0.1", 8888, b""),
        ("http://[::1]:8888/", "::1", 8888, b""),
        ("https://jupyter-ada", "jupyter-ada", 443, b""),
        ("http://x/base/path/", "x", 80, b"/base/path"),
    ],
)
def test_targets(url: str, host: str, port: int, prefix: bytes) -> None:
    target = parse_target(url)
    assert (target.host, target.port, target.prefix) == (host, port, prefix)
    assert target.tls == url.startswith("https")


@pytest.mark.parametrize("url", ["ftp://x", "http://", "http://x:99999", "x:80", "http://x:a"])
def test_what_is_no_target_is_refused(url: str) -> None:
    with pytest.raises(RouteError):
        RouteTable().add("/user/a/", url, {})


@pytest.mark.parametrize(
    ("host", "name"),
    [("A.b:80", "a.b"), ("a", "a"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]"), ("", "")],
)
def test_host_names(host: str, name: str) -> None:
    assert host_name(host.encode()) == name.encode()


def test_a_route_is_found_all_the_time_while_others_come_and_go() -> None:
    table = RouteTable()
    table.add("/user/a/", URL, {})
    done = threading.Event()
    failures = []

    def look() -> None:
        while not done.is_set():
            if found(table, "/user/a/x") != "/user/a/":
                failures.append(1)

    thread = threading.Thread(target=look)
    thread.start()
    for _ in range(300):
        for spec in ("/user/a/lab/", "/user/b/", "/", "/user/"):
            table.add(spec, URL, {})
        for spec in ("/user/", "/", "/user/a/lab/", "/user/b/"):
            table.delete(spec)
    done.set()
    thread.join()
    assert failures == []
