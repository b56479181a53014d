"""HTTP to the replicas' internal entry point.

A new connection for each question would cost hub and replica more than the answer, and a change is
asked for until the last replica serves it: connections are kept.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

import aiohttp

from .http_session import KeptSession


class NoAnswerError(Exception):
    """No answer, or not in time; the message says why."""


class ReplicaHttp:
    """GET requests, with a user and a password if there is a user."""

    def __init__(self, username: str = "", password: str = "") -> None:
        # Packing would cost the replica more than it saves.
        self._headers = {"Accept-Encoding": "identity"}
        if username:
            user = base64.b64encode(f"{username}:{password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {user}"
        self._kept = KeptSession()

    async def get(self, url: str, seconds: float) -> tuple[int, bytes]:
        """Status and body of the answer; NoAnswerError after `seconds` at the latest."""
        body = bytearray()
        return await self.stream(url, body.extend, seconds, seconds), bytes(body)

    async def stream(
        self, url: str, take: Callable[[bytes], object], seconds: float, connect_seconds: float
    ) -> int:
        """Give the body to `take`, piece by piece; returns the status, NoAnswerError as `get`.

        `connect_seconds` are for opening a connection, if none is kept.
        """
        limits = aiohttp.ClientTimeout(total=seconds, sock_connect=min(seconds, connect_seconds))
        try:
            async with self._kept.get().get(
                url, headers=self._headers, timeout=limits, allow_redirects=False
            ) as response:
                async for piece in response.content.iter_any():
                    take(piece)
                return response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NoAnswerError(f"{url}: {error or type(error).__name__}") from error

    def close(self) -> None:
        """Close all connections, soon; the next request opens new ones."""
        self._kept.close()
