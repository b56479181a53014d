"""Redirects and paths."""

from __future__ import annotations

import json
from urllib.parse import urljoin

import pytest
from tests.support.edge_world import World

from jupyterhub_ha_conformance.fixtures import EchoStarter
from jupyterhub_ha_conformance.raw import Recorder, request

pytestmark = pytest.mark.asyncio

_KEPT = (301, 308)
"""Statuses of a redirect for good."""


async def test_http_to_https(any_world: World) -> None:
    edge = any_world.system.edge
    for path in ("", "user/a%2Fb//c?next=%2Fd&e"):
        answer = await any_world.ask(edge.http_url + any_world.base + path)
        assert answer.status in _KEPT
        assert answer.headers["Location"] == edge.https_url + any_world.base + path


async def test_the_slash_at_the_end(sub_path: World) -> None:
    edge = sub_path.system.edge
    for query in ("", "?a=b%2F&c"):
        place, steps = f"{edge.http_url}/jupyter{query}", 0
        # From http:// it may be two steps: to https://, and to the slash.
        while not place.startswith(f"{edge.https_url}/jupyter/"):
            answer = await sub_path.ask(place)
            assert answer.status in _KEPT
            place, steps = urljoin(place, answer.headers["Location"]), steps + 1
            assert steps <= 2
        assert place == f"{edge.https_url}/jupyter/{query}"
        answer = await sub_path.ask(f"{edge.https_url}/jupyter{query}")
        assert answer.status in _KEPT
        assert urljoin(edge.https_url, answer.headers["Location"]) == place


async def test_other_paths_are_not_ours(sub_path: World) -> None:
    edge = sub_path.system.edge
    answer = await sub_path.ask(f"{edge.https_url}/jupyter/hub/")
    assert (answer.status, json.loads(answer.body)["name"]) == (200, "hub")
    for path in ("/", "/other", "/jupyterx/", "/hub/"):
        for start in (edge.https_url, edge.http_url):
            answer = await sub_path.ask(start + path)
            assert "Location" not in answer.headers
            assert b'"hub"' not in answer.body


async def test_a_server_below_the_base(any_world: World, backend: EchoStarter) -> None:
    """Requests of each method reach the right server, with the name that the client asked for"""
    await any_world.route((await backend("ada")).url)
    url = any_world.system.edge.https_url + any_world.base
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
        answer = await any_world.ask(
            f"{url}user/ada/x", method=method, headers={"Host": "hub.example.com"}, data=b"12345"
        )
        found = json.loads(answer.body)
        assert found == {
            "name": "ada",
            "path": f"{any_world.base}user/ada/x",
            "host": "hub.example.com",
            "method": method,
            "size": 5,
        }


@pytest.mark.parametrize(
    "path",
    ["a%2Fb", "a%20b//c///d", "%C3%BC%25", "x;y=z,w", "a%5Cb?q=%2F%20+&r=//", "a%3Fb%23c", "(@:!)"],
)
async def test_paths_arrive_unchanged(any_world: World, path: str) -> None:
    async with Recorder() as server:
        await any_world.route(server.url)
        target = f"{any_world.base}user/ada/{path}"
        answer = await any_world.exchange(request(target, "Connection: close"))
        assert (answer.status, server.last.target) == (200, target)


async def test_redirects_of_the_hub_are_left_alone(any_world: World) -> None:
    """A Location that the hub sends arrives as it is"""
    for place in (f"{any_world.base}hub/login?next=%2F", "https://elsewhere.example.com/x"):
        head = f"HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n"
        async with Recorder(head.encode()) as server:
            await any_world.route(server.url)
            target = f"{any_world.base}user/ada/x"
            answer = await any_world.exchange(request(target, "Connection: close"))
            assert answer.get("Location") == place
