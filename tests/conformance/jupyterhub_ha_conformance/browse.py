"""Requests through a proxy's public URL."""

from __future__ import annotations

from typing import Any

import aiohttp
from yarl import URL

# New connections each time: replicas share a port, and each request may meet another one.
TRIES = 6


async def browse(
    base: str, path: str, *, host: str = "", tries: int = TRIES, **options: Any
) -> dict[str, Any]:
    """What the server behind `path` says, with its `status`; the same from every replica met.

    `path` is sent as it is written, with its percent-encoding. Raises AssertionError when
    replicas disagree.
    """
    answers = []
    headers = {"Host": host} if host else {}
    method = options.get("method", "GET")
    for _ in range(tries if method == "GET" else 1):
        connector = aiohttp.TCPConnector(force_close=True)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.request(
                method, URL(base + path, encoded=True), headers=headers, data=options.get("data")
            ) as response,
        ):
            found = await response.json() if response.status == 200 else {}
            answers.append({"status": response.status, **found})
    assert all(answer == answers[0] for answer in answers), answers
    return answers[0]


async def server_of(base: str, path: str, *, host: str = "", tries: int = TRIES) -> str:
    """The name of the echo server that answers, or the status if it is not 200."""
    answer = await browse(base, path, host=host, tries=tries)
    return str(answer.get("name", answer["status"]))
