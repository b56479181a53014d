"""One request and its response on their way through the in-process proxy.

Bytes are passed on as they come: nothing holds a body. When one side is slower, the other side is
not read until it has caught up. After ``101 Switching Protocols`` both sides are a tunnel, whose
bytes are not looked at.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .errors import MessageError
from .in_process_body import (
    ChunkedDecoder,
    CloseDecoder,
    Decoder,
    LengthDecoder,
    chunk,
    last_chunk,
)
from .in_process_head import RequestHead, ResponseHead, parse_response
from .in_process_rewrite import interim_for_client, request_for_server, response_for_client
from .in_process_table import Entry

if TYPE_CHECKING:
    from .in_process_client import ClientConnection
    from .in_process_upstream import UpstreamConnection

# RFC 9110 9.2.2: asking again does no harm.
_IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"TRACE"))
_MAX_RESPONSE_HEAD = 262144


class Exchange:
    """A request that is being answered; `client.exchange_done` is called once, at its end."""

    __slots__ = (
        "_again",
        "_body",
        "_chunk",
        "_close",
        "_counts",
        "_decoder",
        "_ended",
        "_head",
        "_response",
        "_unsent",
        "answered",
        "client",
        "entry",
        "last_read",
        "request",
        "tunnel",
        "upstream",
    )

    def __init__(self, client: ClientConnection, request: RequestHead, entry: Entry) -> None:
        self.client = client
        self.request = request
        self.entry = entry
        self.upstream: UpstreamConnection | None = None
        self.tunnel = False
        self.answered = False  # whether the client has the head of a response
        self.last_read = 0.0
        self._ended = False
        self._decoder: Decoder | None = None
        if request.chunked:
            self._decoder = ChunkedDecoder()
        elif request.content_length:
            self._decoder = LengthDecoder(request.content_length)
        self._unsent = b""  # for the server, until there is a connection
        self._again = b""  # the whole request, while it may be sent once more
        self._head = b""  # an unfinished head of a response
        self._response: ResponseHead | None = None
        self._body: Decoder | None = None
        self._chunk = False
        self._close = False
        self._counts = False

    @property
    def receiving(self) -> bool:
        """Whether more of the request's body must come."""
        return self._decoder is not None

    def start(self, data: bytes) -> bytes:
        """Send the request on; `data` follows its head. Returns what belongs to the next one."""
        request, target = self.request, self.entry.target
        out = request_for_server(request, target, self.client.peer)
        repeatable = self._decoder is None and request.method in _IDEMPOTENT
        if self._decoder is not None:
            payload, data = self._decode(data)
            out += payload
        self.last_read = self.client.now()
        upstream = self.client.service.pool.take(target, repeatable=repeatable)
        if upstream is None:
            self._unsent = out
            if self._decoder is not None:
                self.client.pause_reading()
            self.client.service.pool.connect(target, self)
        else:
            self._again = out if repeatable else b""
            self._attach(upstream)
            upstream.transport.write(out)
        return data

    def _decode(self, data: bytes) -> tuple[bytes, bytes]:
        decoder = self._decoder
        if decoder is None:
            return b"", data
        payload = decoder.feed(data) if data else b""
        if self.request.chunked:
            payload = chunk(payload)
        if not decoder.done:
            return payload, b""
        self._decoder = None
        return payload + last_chunk() if self.request.chunked else payload, decoder.rest

    # -- from the client

    def on_body(self, data: bytes) -> bytes:
        """More of the request's body; returns what belongs to the next request."""
        payload, rest = self._decode(data)
        if self.upstream is not None:
            self.entry.last_activity = time.time()
            self.upstream.transport.write(payload)
        elif not self._ended:
            self._unsent += payload
            self.client.pause_reading()
        return rest

    def to_server(self, data: bytes) -> None:
        """Bytes of a tunnel."""
        if self.upstream is not None:
            self.entry.last_activity = time.time()
            self.upstream.transport.write(data)

    def client_lost(self) -> None:
        """The client has gone; so does the connection to the server."""
        self._ended = True
        if self.upstream is not None:
            if self.tunnel:
                self.upstream.leave()
            else:
                self.upstream.abort()
            self.upstream = None

    # -- from the server

    def _attach(self, upstream: UpstreamConnection) -> None:
        upstream.exchange = self
        self.upstream = upstream
        if self.client.writing_paused:
            upstream.transport.pause_reading()

    def connected(self, upstream: UpstreamConnection) -> None:
        """There is a connection to the server."""
        if upstream.transport.is_closing():
            self.fail(503, f"{self.entry.target.origin} closed the connection")
        elif self._ended:
            self.client.service.pool.give_back(upstream)
        else:
            self._attach(upstream)
            out, self._unsent = self._unsent, b""
            self.client.resume_reading()
            upstream.transport.write(out)

    def on_data(self, data: bytes) -> None:
        """Bytes from the server."""
        self.last_read = self.client.now()
        if self.tunnel:
            self.entry.last_activity = time.time()
            self.client.transport.write(data)
        elif self._body is not None:
            self._pass_on(b"", data)
        else:
            self._on_head(self._head + data if self._head else data)

    def _on_head(self, data: bytes) -> None:
        self._again = b""
        while (end := data.find(b"\r\n\r\n")) >= 0:
            try:
                response = parse_response(data[:end])
            except MessageError as error:
                self.fail(503, f"{self.entry.target.origin}: {error}")
                return
            data = data[end + 4 :]
            if response.status >= 200:
                self._begin(response, data)
                return
            if response.status == 101:
                self._switch(response, data)
                return
            if self.request.http_1_1:
                self.client.transport.write(interim_for_client(response))
        self._head = data
        if len(data) > _MAX_RESPONSE_HEAD:
            self.fail(503, f"{self.entry.target.origin}: the head of its answer is too long")

    def _switch(self, response: ResponseHead, data: bytes) -> None:
        if not self.request.websocket:
            self.fail(503, f"{self.entry.target.origin} changed the protocol unasked")
            return
        self.tunnel = self.answered = True
        self.entry.last_activity = time.time()
        self.client.transport.write(interim_for_client(response) + data)
        self.client.resume_reading()
        early = self.client.take_buffer()
        if early:
            self.to_server(early)

    def _begin(self, response: ResponseHead, data: bytes) -> None:
        request = self.request
        to_end = False
        if request.method == b"HEAD" or response.status in (204, 304):
            self._body = LengthDecoder(0)
        elif response.chunked:
            self._body = ChunkedDecoder()
        elif response.content_length >= 0:
            self._body = LengthDecoder(response.content_length)
        else:
            self._body, to_end = CloseDecoder(), True
        streamed = to_end or (response.chunked and not self._body.done)
        self._chunk = streamed and request.http_1_1
        self._close = (
            not request.persistent
            or self._decoder is not None
            or (streamed and not self._chunk)
            or self.client.service.draining
        )
        self._response = response
        self._counts = response.status < 300  # as configurable-http-proxy counts activity
        self.answered = True
        head = response_for_client(response, request, chunked=self._chunk, close=self._close)
        self._pass_on(head, data)

    def _pass_on(self, head: bytes, data: bytes) -> None:
        body = self._body
        assert body is not None  # noqa: S101 - for the type checker
        try:
            payload = body.feed(data) if data and not body.done else b""
        except MessageError as error:
            self.fail(503, f"{self.entry.target.origin}: {error}")
            return
        if self._chunk:
            payload = chunk(payload)
            if body.done:
                payload += last_chunk(body.trailers if self.request.wants_trailers else b"")
        if self._counts:
            self.entry.last_activity = time.time()
        if head or payload:
            self.client.transport.write(head + payload)
        if body.done:
            self._finish(left_over=bool(body.rest))

    def _finish(self, *, left_over: bool) -> None:
        upstream, self.upstream = self.upstream, None
        if upstream is not None:
            response = self._response
            if response and response.persistent and not self.receiving and not left_over:
                self.client.service.pool.give_back(upstream)
            else:
                upstream.abort()
        self._end(close=self._close)

    def _end(self, *, close: bool) -> None:
        if not self._ended:
            self._ended = True
            self.client.exchange_done(close=close, unread=self.receiving)

    def server_lost(self, error: Exception | None) -> None:
        """The server closed the connection, or it broke."""
        upstream, self.upstream = self.upstream, None
        if self.tunnel:
            self._ended = True
            self.client.cut_off()
        elif isinstance(self._body, CloseDecoder) and error is None:
            if self._chunk:
                self.client.transport.write(last_chunk())
            self._finish(left_over=False)
        elif self._again and upstream is not None and upstream.reused:
            # It was closed while the request was on its way: ask once more, on a new connection.
            self._unsent, self._again = self._again, b""
            self.client.service.pool.connect(self.entry.target, self)
        else:
            why = str(error) if error else "closed the connection"
            self.fail(503, f"{self.entry.target.origin}: {why}")

    def fail(self, status: int, why: str) -> None:
        """Tell the client that there is no answer, or cut an answer off that has begun."""
        upstream, self.upstream = self.upstream, None
        if upstream is not None:
            upstream.abort()
        if self._ended:
            return
        self._ended = True
        service = self.client.service
        path = self.request.path.decode("latin-1")
        service.log.warning("%d %s %s: %s", status, self.request.method.decode(), path, why)
        if self.answered:
            self.client.cut_off(reset=self._close and not self._chunk)
        else:
            self.client.show_error(status, self.request, unread=self.receiving)
