"""A web server, a proxy and a hub, as one test sees them."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
from tests.support.edge_systems import EdgeSystem
from yarl import URL

from jupyterhub_ha_conformance.fixtures import Table
from jupyterhub_ha_conformance.raw import LIMIT, Connection, Message


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class World:
    """A web server with TLS, a proxy behind it, and a hub."""

    system: EdgeSystem
    table: Table
    base: str

    @property
    def context(self) -> ssl.SSLContext:
        """A client's."""
        return self.system.edge.context()

    async def route(self, url: str) -> None:
        """Add the route of a user's server at `user/ada/` below the base."""
        await self.table.route(url, f"{self.base}user/ada/")

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[Connection]:
        """A connection with TLS, for requests byte by byte."""
        port = self.system.edge.https_port
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=self.context, limit=LIMIT
        )
        try:
            yield Connection(reader, writer)
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def exchange(self, data: bytes, method: str = "GET") -> Message:
        """The answer to the bytes of a request."""
        async with self.connect() as connection:
            await connection.send(data)
            answer = await connection.response(method)
            assert answer
            return answer

    async def ask(self, url: str, method: str = "GET", **options: Any) -> Answer:
        """The answer to a request with a library; redirects are not followed."""
        connector = aiohttp.TCPConnector(force_close=True, ssl=self.context)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.request(
                method,
                URL(url, encoded=True),
                allow_redirects=False,
                **options,
            ) as response,
        ):
            return Answer(response.status, dict(response.headers), await response.read())
