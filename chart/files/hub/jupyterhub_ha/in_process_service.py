"""What all connections of the in-process proxy share, in the proxy's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from .in_process_client import ClientConnection
from .in_process_head import RequestHead
from .in_process_pages import ErrorPages
from .in_process_table import RouteTable
from .in_process_upstream import Pool, close_once

_SWEEP_SECONDS = 1.0
_IDLE_SERVERS = 30.0
_LAST_SECONDS, _LAST_LOOK_SECONDS = 1.0, 0.005  # for what has been cut off already


@dataclass(frozen=True, slots=True)
class Options:
    """Limits and times of the data path; seconds, and 0 for no limit where that makes sense."""

    trusted_networks: list[IPv4Network | IPv6Network]
    max_head_bytes: int = 65536
    keep_alive_timeout: float = 75.0
    head_timeout: float = 60.0
    connect_timeout: float = 10.0
    response_timeout: float = 0.0
    error_url: str = ""


class Service:
    """Clients, idle servers and error pages; make it in the running loop that it serves in."""

    def __init__(
        self,
        table: RouteTable,
        options: Options,
        log: logging.Logger,
        tls: Callable[[], ssl.SSLContext],
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.table = table
        self.options = options
        self.log = log
        self.clients: set[ClientConnection] = set()
        self.draining = False
        self._hinted = False
        self.pool = Pool(
            self.loop,
            connect_timeout=options.connect_timeout,
            idle_timeout=_IDLE_SERVERS,
            tls=tls,
        )
        self._gone = asyncio.Event()
        self._pages = ErrorPages(options.error_url, tls, log)
        self._tasks: set[asyncio.Task[None]] = set()

    def left(self, client: ClientConnection) -> None:
        """A client's connection is closed."""
        self.clients.discard(client)
        if self.draining and not self.clients:
            self._gone.set()

    def hint_at_trust(self, address: str) -> None:
        """Say once that a proxy in front is not believed, which is hard to guess otherwise."""
        if not self._hinted:
            self._hinted = True
            self.log.warning(
                "Dropped X-Forwarded-* headers of %s; if a proxy of yours runs there, set "
                "c.InProcessProxy.trusted_networks",
                address,
            )

    def show_page(self, client: ClientConnection, status: int, request: RequestHead) -> None:
        """Fetch an error page and give it to the client."""

        async def show() -> None:
            kind, body = await self._pages.page(status, request.target)
            client.send_page(status, request, kind, body)

        task = self.loop.create_task(show())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def sweep(self) -> None:
        """Cut off, again and again, what has waited for too long. Ends when it is cancelled.

        One look at all connections each second costs less than a timer for each request.
        """
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            now = self.loop.time()
            self.pool.sweep(now)
            for client in list(self.clients):
                self._check(client, now)

    def _check(self, client: ClientConnection, now: float) -> None:
        exchange = client.exchange
        patience = self.options.response_timeout
        if client.deadline and now > client.deadline:
            client.transport.abort()
        elif patience and exchange and not exchange.tunnel and now > exchange.last_read + patience:
            # The server's clock stands still while the client does not read or still sends.
            if client.writing_paused or exchange.receiving:
                exchange.last_read = now
            else:
                exchange.fail(504, f"no answer in {patience:g} s")

    async def drain(self, seconds: float) -> None:
        """Let requests end, at most for so long; then cut off what is left.

        Idle connections are closed at once. So are tunnels: they have no end to wait for.
        """
        self.draining = True
        if not self.clients:
            self._gone.set()
        for client in list(self.clients):
            exchange = client.exchange
            if exchange is None or exchange.tunnel:
                close_once(client.transport)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._gone.wait()
        for client in list(self.clients):
            client.cut_off(reset=True)
        for task in self._tasks:
            task.cancel()
        self.pool.close()
        self._pages.close()
        await self._all_closed()

    async def _all_closed(self) -> None:
        """Wait for the transports' last callbacks: a loop that ends before leaves sockets open."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS):
                await asyncio.gather(*self._tasks, return_exceptions=True)
                await self.pool.closed()
                while self.clients or self.pool.connections:  # noqa: ASYNC110  over in a moment
                    await asyncio.sleep(_LAST_LOOK_SECONDS)
