"""How replicas are asked, over loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from jupyterhub_ha.replica_http import NoAnswerError, ReplicaHttp


class Server:
    """Answers with a status, and counts connections; a path of /slow is never answered."""

    def __init__(self) -> None:
        self.connections: set[object] = set()
        self.user: str | None = None
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.connections.add(request.transport)
        self.user = request.headers.get("Authorization")
        if request.path == "/slow":
            await asyncio.sleep(60)
        return web.Response(status=int(request.query.get("status", "200")), body=b"x" * 200_000)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    found = Server()
    app = web.Application()
    app.router.add_get("/{path:.*}", found.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


async def test_one_connection_serves_many_requests(server: Server) -> None:
    http = ReplicaHttp("hub", "secret")
    for status in (200, 404, 503):
        assert await http.get(f"{server.url}/?status={status}", 5) == (status, b"x" * 200_000)
    assert len(server.connections) == 1
    assert server.user == "Basic aHViOnNlY3JldA=="
    http.close()


async def test_without_a_user_no_password_is_sent(server: Server) -> None:
    http = ReplicaHttp()
    await http.get(server.url, 5)
    assert server.user is None
    http.close()


async def test_a_long_answer_comes_in_pieces(server: Server) -> None:
    http = ReplicaHttp()
    pieces: list[bytes] = []
    assert await http.stream(server.url, pieces.append, 5, 1) == 200
    assert len(pieces) > 1
    assert b"".join(pieces) == b"x" * 200_000
    http.close()


async def test_no_answer_in_time(server: Server) -> None:
    http = ReplicaHttp()
    with pytest.raises(NoAnswerError, match="/slow"):
        await http.get(f"{server.url}/slow", 0.05)
    http.close()


async def test_it_can_be_used_again_after_it_was_closed(server: Server) -> None:
    http = ReplicaHttp()
    await http.get(server.url, 5)
    http.close()
    assert (await http.get(server.url, 5))[0] == 200
    http.close()


async def test_nobody_listens(server: Server) -> None:
    http = ReplicaHttp()
    with pytest.raises(NoAnswerError, match=":1/"):
        await http.get("http://127.0.0.1:1/", 5)
    http.close()
