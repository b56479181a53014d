"""Requests through a proxy's public port."""

from __future__ import annotations

from typing import Any

import aiohttp
from yarl import URL

# New connections each time: replicas share a port, and each request may meet another one.
TRIES = 6


async def browse(base: str, path: str, *, host: str = "", **options: Any) -> dict[str, Any]:
    """What the server behind `path` says; the same from every replica that is met.

    `path` is sent as it is written, with its percent-encoding. Raises AssertionError when
    replicas disagree.
    """
    answers = []
    headers = {"Host": host} if host else {}
    for _ in range(TRIES):
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(connector=connector) as session:
            method = options.get("method", "GET")
            async with session.request(
                method, URL(base + path, encoded=True), headers=headers, data=options.get("data")
            ) as response:
                found = await response.json() if response.status == 200 else {}
                answers.append({"status": response.status, **found})
        if method != "GET":
            break
    assert all(answer == answers[0] for answer in answers), answers
    return answers[0]


async def server_of(base: str, path: str, *, host: str = "") -> str:
    """The name of the echo server that answers, or the status if it is not 200."""
    answer = await browse(base, path, host=host)
    return str(answer.get("name", answer["status"]))
