"""Connections from the in-process proxy to the servers behind it, and which of them are idle."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, cast

from .in_process_table import Target

if TYPE_CHECKING:
    from .in_process_exchange import Exchange

# A server may close an idle connection at the very moment a request is written to it. What can be
# asked again is asked again; anything else gets only a connection that was in use just now.
_SURELY_OPEN = 1.0
_MAX_IDLE = 64


def keep_alive(transport: asyncio.BaseTransport) -> None:
    """Let the kernel find out when the other end of a quiet connection is gone."""
    connected = transport.get_extra_info("socket")
    if connected.family != socket.AF_UNIX:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def close_once(transport: asyncio.BaseTransport) -> None:
    """Close after what is written.

    After a second close() abort() does nothing in asyncio's TLS: the connection would stay until
    the other end says goodbye too.
    """
    if not transport.is_closing():
        transport.close()


def reset_connection(transport: asyncio.Transport) -> None:
    """Close at once with a TCP reset, which nobody takes for the end of what was sent."""
    connected = transport.get_extra_info("socket")
    if connected.family != socket.AF_UNIX and not transport.is_closing():
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _last_words(transport: asyncio.Transport) -> Iterator[bytes]:
    """What the server sent before it broke the connection.

    A server that refuses an upload answers and closes. If we are still writing then, the write
    fails first, and asyncio does not read the answer that has already come.
    """
    if transport.get_extra_info("sslcontext") is not None:
        return
    with contextlib.suppress(OSError):
        number = os.dup(transport.get_extra_info("socket").fileno())
        with socket.socket(fileno=number) as connected:
            connected.setblocking(False)
            while data := connected.recv(65536):
                yield data


class UpstreamConnection(asyncio.Protocol):
    """One connection to a server; it works for one exchange at a time, or is idle."""

    transport: asyncio.Transport

    def __init__(self, pool: Pool, target: Target) -> None:
        self.pool = pool
        self.origin = target.origin
        self.exchange: Exchange | None = None
        self.reused = False
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self.transport = cast(asyncio.Transport, transport)
        keep_alive(transport)
        self.pool.connections.add(self)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self.exchange is not None:
            self.exchange.on_data(data)
        else:  # an answer to no question: what else would it mix up?
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self.pool.forget(self)
        if self.exchange is not None and exc is not None:
            for data in _last_words(self.transport):
                self.exchange.on_data(data)
                if self.exchange is None:
                    break
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.server_lost(exc)

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        if self.exchange is not None:
            self.exchange.client.pause_reading()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        if self.exchange is not None:
            self.exchange.client.resume_reading()

    def leave(self) -> None:
        """Work for nobody any more; what was written is still sent, then it is closed."""
        self.exchange = None
        close_once(self.transport)

    def abort(self) -> None:
        """Close at once, so that the server notices even if it does not read."""
        self.exchange = None
        self.transport.abort()


class Pool:
    """Idle connections by origin, the last used first. Lives in the proxy's event loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        connect_timeout: float,
        idle_timeout: float,
        tls: Callable[[], ssl.SSLContext],
    ) -> None:
        self._loop = loop
        self._connect_timeout = connect_timeout
        self._idle_timeout = idle_timeout
        self._make_tls = tls
        self._tls: ssl.SSLContext | None = None
        self._idle: dict[str, list[UpstreamConnection]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections: set[UpstreamConnection] = set()

    def take(self, target: Target, *, repeatable: bool) -> UpstreamConnection | None:
        """An idle connection that a request may be written to at once."""
        idle = self._idle.get(target.origin)
        while idle:
            connection = idle.pop()
            if connection.transport.is_closing():
                continue
            if repeatable or self._loop.time() - connection.idle_since < _SURELY_OPEN:
                return connection
            idle.append(connection)
            return None
        return None

    def give_back(self, connection: UpstreamConnection) -> None:
        """Keep a connection for the next request to its origin."""
        connection.exchange = None
        if connection.transport.is_closing():
            return
        idle = self._idle.setdefault(connection.origin, [])
        if len(idle) >= _MAX_IDLE or connection.transport.get_write_buffer_size():
            close_once(connection.transport)
            return
        connection.reused = True
        connection.idle_since = self._loop.time()
        connection.transport.resume_reading()
        idle.append(connection)

    def forget(self, connection: UpstreamConnection) -> None:
        """A connection is gone."""
        self.connections.discard(connection)
        idle = self._idle.get(connection.origin)
        if idle is not None:
            if connection in idle:
                idle.remove(connection)
            if not idle:
                del self._idle[connection.origin]

    def drop(self, target: Target) -> None:
        """Close the idle connections to a server that has no route any more."""
        for connection in list(self._idle.get(target.origin, ())):
            close_once(connection.transport)

    def sweep(self, now: float) -> None:
        """Close what has been idle for too long."""
        for idle in list(self._idle.values()):
            for connection in list(idle):
                if now - connection.idle_since > self._idle_timeout:
                    close_once(connection.transport)

    def connect(self, target: Target, exchange: Exchange) -> None:
        """Open a connection; the exchange is told when it is there, or why it is not."""
        task = self._loop.create_task(self._connect(target, exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, target: Target, exchange: Exchange) -> None:
        try:
            # Traits have no "never": 0 means that the kernel decides.
            async with asyncio.timeout(self._connect_timeout or None):
                _, connection = await self._loop.create_connection(
                    lambda: UpstreamConnection(self, target),
                    target.host,
                    target.port,
                    ssl=self._context() if target.tls else None,
                )
        except TimeoutError:
            exchange.fail(503, f"no connection to {target.origin} in {self._connect_timeout} s")
        except (OSError, ssl.SSLError, UnicodeError) as error:
            exchange.fail(503, f"no connection to {target.origin}: {error}")
        else:
            exchange.connected(connection)

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = self._make_tls()
        return self._tls

    def close(self) -> None:
        """End everything, soon; see closed()."""
        for task in self._tasks:
            task.cancel()
        for connection in list(self.connections):
            connection.transport.abort()

    async def closed(self) -> None:
        """After close(): returns when no connection is being opened any more."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in list(self.connections):  # opened at the last moment
            connection.transport.abort()
