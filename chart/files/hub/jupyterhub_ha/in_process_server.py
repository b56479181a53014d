"""The in-process proxy's thread: an event loop of its own beside the hub's."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from .in_process_accept import Acceptor
from .in_process_client import ClientConnection
from .in_process_service import Options, Service
from .in_process_sockets import Listener, ServerTls, close_listeners
from .in_process_table import RouteTable, Target

_CERTIFICATE_SECONDS = 30.0


class ProxyServer:
    """Serves a routing table on open sockets, in a thread of its own.

    Every method is called from the hub's thread. The sockets are closed when `stop` begins.
    """

    def __init__(
        self,
        table: RouteTable,
        listeners: list[Listener],
        options: Options,
        log: logging.Logger,
        *,
        server_tls: ServerTls | None,
        client_tls: Callable[[], ssl.SSLContext],
    ) -> None:
        self._table = table
        self._listeners = listeners
        self._options = options
        self._log = log
        self._server_tls = server_tls
        self._client_tls = client_tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="in-process-proxy", daemon=True)
        self._service: Service | None = None
        self._acceptors: list[Acceptor] = []
        self._background: list[asyncio.Task[None]] = []
        self._opened = False

    async def start(self) -> None:
        """Start the thread; connections still wait in the kernel until `open`."""
        self._thread.start()
        await self._there(self._begin())

    async def open(self) -> None:
        """Begin to accept connections; once is enough."""
        if not self._opened:
            self._opened = True
            await self._there(self._accept())

    async def stop(self, seconds: float) -> None:
        """Accept no more, let requests end for at most so long, and end the thread."""
        try:
            await self._there(self._end(seconds))
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            await asyncio.to_thread(self._thread.join)

    def drop(self, target: Target) -> None:
        """Close idle connections to a server."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: so are they
            self._loop.call_soon_threadsafe(self._drop, target)

    # -- in the proxy's thread

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    async def _there(self, work: Coroutine[Any, Any, None]) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _begin(self) -> None:
        self._service = Service(self._table, self._options, self._log, self._client_tls)
        self._background.append(self._loop.create_task(self._service.sweep()))
        if self._server_tls is not None:
            self._background.append(self._loop.create_task(self._renew(self._server_tls)))

    async def _accept(self) -> None:
        service = self._service
        if service is None:
            return
        for listener in self._listeners:
            tls = listener.tls
            self._acceptors.append(
                Acceptor(
                    listener.socket,
                    partial(ClientConnection, service, tls=tls),
                    self._server_tls.context if tls and self._server_tls else None,
                    self._log,
                )
            )

    async def _renew(self, tls: ServerTls) -> None:
        while True:
            await asyncio.sleep(_CERTIFICATE_SECONDS)
            try:
                if tls.renew():
                    self._log.info("The proxy's certificate was read again")
            except (OSError, ssl.SSLError) as error:
                self._log.warning("Cannot read the proxy's new certificate: %s", error)

    def _drop(self, target: Target) -> None:
        if self._service is not None:
            self._service.pool.drop(target)

    async def _end(self, seconds: float) -> None:
        for acceptor in self._acceptors:
            await acceptor.stop()
        close_listeners(self._listeners)  # from now on connections are refused
        for task in self._background:
            task.cancel()
        if self._service is not None:
            await self._service.drain(seconds)
