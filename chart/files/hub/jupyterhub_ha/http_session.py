"""Connections over HTTP that stay open between requests."""

from __future__ import annotations

import asyncio
import contextlib

import aiohttp

_closing: set[asyncio.Future[None]] = set()  # a task that nobody holds may be collected


class KeptSession:
    """An aiohttp session that is made when it is first asked for, without cookies and limits."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    def get(self) -> aiohttp.ClientSession:
        """The session; a new one after close()."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session

    def close(self) -> None:
        """Close all connections, soon; the next request opens new ones."""
        session, self._session = self._session, None
        if session is None or session.connector is None:
            return
        with contextlib.suppress(RuntimeError):  # the loop has gone, and its connections with it
            loop = asyncio.get_running_loop()
            closing = asyncio.ensure_future(session.connector.close(), loop=loop)
            _closing.add(closing)
            closing.add_done_callback(_closing.discard)
        session.detach()

    def __del__(self) -> None:
        self.close()
