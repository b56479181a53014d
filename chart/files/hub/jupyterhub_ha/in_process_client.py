"""A client's connection to the in-process proxy: one request after another."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from .errors import MessageError
from .in_process_exchange import Exchange
from .in_process_head import RequestHead, parse_request
from .in_process_rewrite import Peer, is_trusted, own_response, plain_page
from .in_process_upstream import close_once, keep_alive, reset_connection

if TYPE_CHECKING:
    from .in_process_service import Service

_TEXT = b"text/plain; charset=utf-8"
# After an answer to a request that was not read to its end, the rest is read for so long: to
# close at once could reset the connection before the client has read the answer.
_LINGER_SECONDS = 2.0


class ClientConnection(asyncio.Protocol):
    """Reads requests, finds their routes and hands them on; keeps the connection between them."""

    transport: asyncio.Transport
    peer: Peer

    def __init__(self, service: Service, *, tls: bool) -> None:
        self.service = service
        self.now = service.loop.time
        self.deadline = 0.0  # loop time at which an idle or slow client is cut off; 0: never
        self.exchange: Exchange | None = None
        self.writing_paused = False
        self._tls = tls
        self._buffer = b""
        self._searched = 0
        self._waiting = False  # for an error page
        self._lingering = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self.transport = cast(asyncio.Transport, transport)
        keep_alive(transport)
        name = transport.get_extra_info("peername")
        # A socket for both versions of IP writes IPv4 inside IPv6.
        address = str(name[0]).removeprefix("::ffff:") if isinstance(name, tuple) else ""
        trusted = is_trusted(address, self.service.options.trusted_networks)
        self.peer = Peer(address.encode(), self._tls, trusted)
        self.service.clients.add(self)
        self.deadline = self.now() + self.service.options.head_timeout

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self.service.left(self)
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.client_lost()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        exchange = self.exchange
        if exchange is not None and exchange.tunnel:
            exchange.to_server(data)
        elif exchange is not None and exchange.receiving:
            self._feed(exchange, data)
        elif self._lingering:
            pass
        else:
            self._buffer = self._buffer + data if self._buffer else data
            if exchange is None and not self._waiting:
                self._next()
            elif len(self._buffer) > self.service.options.max_head_bytes:
                self.pause_reading()  # the next requests wait until this one is answered

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        self.writing_paused = True
        if self.exchange is not None and self.exchange.upstream is not None:
            self.exchange.upstream.transport.pause_reading()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self.writing_paused = False
        if self.exchange is not None and self.exchange.upstream is not None:
            self.exchange.upstream.transport.resume_reading()

    def pause_reading(self) -> None:
        """Let the client wait."""
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on after pause_reading()."""
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def cut_off(self, *, reset: bool = False) -> None:
        """End the connection after what is written, or at once with `reset`.

        An answer that ends with its connection must end with a reset if it is not complete.
        """
        self.deadline = self.now() + self.service.options.keep_alive_timeout
        if reset:
            reset_connection(self.transport)
        else:
            close_once(self.transport)

    def take_buffer(self) -> bytes:
        """What the client sent after the present request."""
        data, self._buffer = self._buffer, b""
        return data

    # -- requests

    def _next(self) -> None:
        """Begin with the next request if its head is there."""
        if self.exchange is not None or self._waiting or self.transport.is_closing():
            return
        data = self._buffer
        if data.startswith(b"\r\n") and not self._searched:
            data = self._buffer = data[2:]  # RFC 9112 2.2
        end = data.find(b"\r\n\r\n", self._searched)
        limit = self.service.options.max_head_bytes
        try:
            if max(end, len(data) if end < 0 else 0) > limit:
                line_ended = b"\r\n" in data[:limit]
                raise MessageError(431 if line_ended else 414, "the request's head is too long")
            if end < 0:
                self._wait_for_more(data)
                return
            self._begin(parse_request(data[:end]), data[end + 4 :])
        except MessageError as error:
            self._refuse(error)

    def _wait_for_more(self, data: bytes) -> None:
        if data.count(b"\n") != data.count(b"\r\n"):
            raise MessageError(400, "a bare line feed")
        if data and not self._searched:
            self.deadline = self.now() + self.service.options.head_timeout
        self._searched = max(0, len(data) - 3)

    def _begin(self, request: RequestHead, rest: bytes) -> None:
        self.deadline = 0.0
        self._searched = 0
        if not self.peer.trusted and b"x-forwarded-proto" in request.taken:
            self.service.hint_at_trust(self.peer.address.decode())
        entry = self.service.table.find(request.host, request.path)
        if entry is None:
            self._buffer = b"" if request.has_body else rest
            self.show_error(404, request, unread=request.has_body)
            return
        self.exchange = exchange = Exchange(self, request, entry)
        self._buffer = b""
        self._buffer = exchange.start(rest)

    def _feed(self, exchange: Exchange, data: bytes) -> None:
        try:
            self._buffer = exchange.on_body(data)
        except MessageError as error:
            answered = exchange.answered
            self.exchange = None
            exchange.client_lost()
            if answered:
                close_once(self.transport)
            else:
                self._refuse(error)

    def exchange_done(self, *, close: bool, unread: bool) -> None:
        """The response is written; `unread`: the request has not been read to its end."""
        self.exchange = None
        if unread:
            self._linger()
        elif close:
            close_once(self.transport)
        else:
            self.deadline = self.now() + self.service.options.keep_alive_timeout
            self.resume_reading()
            if self._buffer:
                self.service.loop.call_soon(self._next)

    # -- answers of our own

    def _refuse(self, error: MessageError) -> None:
        """The message cannot be trusted, and neither can what follows it."""
        self.service.log.info("%d for %s: %s", error.status, self.peer.address.decode(), error)
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.client_lost()
        page = plain_page(error.status, str(error))
        self.transport.write(own_response(error.status, page, _TEXT, close=True))
        self._linger()

    def show_error(self, status: int, request: RequestHead, *, unread: bool) -> None:
        """Answer with an error page; it may take a moment to fetch it from the hub."""
        self.exchange = None
        self._waiting = True
        if unread:
            self._lingering = True
            self.resume_reading()
        self.service.show_page(self, status, request)

    def send_page(self, status: int, request: RequestHead, kind: bytes, body: bytes) -> None:
        """Answer with this page."""
        self._waiting = False
        if self.transport.is_closing():
            return
        close = self._lingering or not request.persistent or self.service.draining
        without_body = request.method == b"HEAD"
        self.transport.write(
            own_response(status, body, kind, close=close, without_body=without_body)
        )
        self.exchange_done(close=close, unread=self._lingering)

    def _linger(self) -> None:
        self._lingering = True
        self._buffer = b""
        self.deadline = self.now() + _LINGER_SECONDS
        self.resume_reading()
        if self.transport.is_closing():
            return
        if self.transport.can_write_eof():
            try:
                self.transport.write_eof()
            except OSError:  # the client has gone meanwhile
                self.transport.abort()
        else:
            self.service.loop.call_later(0.1, close_once, self.transport)
