"""Where a message's body ends (RFC 9112 6 and 7): bytes in, payload out. No I/O, no buffering.

A decoder is fed what arrives. `feed` returns the payload in it, and sets `done` and `rest` (what
belongs to the next message) when the body has ended. A chunked body is written anew by
``chunk``: chunk extensions go no further. Trailers of a response do, if the client wants them.
"""

from __future__ import annotations

import re
from typing import Protocol

from .errors import MessageError
from .in_process_head import read_trailer

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")
_MAX_LINE = 4096
_MAX_TRAILERS = 16384


class Decoder(Protocol):
    """What each kind of body can do; `rest` and `trailers` are only meaningful when `done`."""

    done: bool
    rest: bytes
    trailers: bytes

    def feed(self, data: bytes) -> bytes:
        """The payload in these bytes; MessageError when the framing is broken."""


class LengthDecoder:
    """A body with a Content-Length."""

    __slots__ = ("_left", "done", "rest", "trailers")

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0
        self.rest = self.trailers = b""

    def feed(self, data: bytes) -> bytes:
        """See Decoder."""
        size = len(data)
        if size < self._left:
            self._left -= size
            return data
        self.done = True
        if size > self._left:
            self.rest = data[self._left :]
            data = data[: self._left]
        self._left = 0
        return data


class CloseDecoder:
    """A response that ends with its connection."""

    __slots__ = ("done", "rest", "trailers")

    def __init__(self) -> None:
        self.done = False
        self.rest = self.trailers = b""

    def feed(self, data: bytes) -> bytes:
        """See Decoder."""
        return data


class ChunkedDecoder:
    """A body in chunks; sizes, line ends and trailers are checked as strictly as a head."""

    __slots__ = ("_left", "_line", "_seen", "done", "rest", "trailers")

    def __init__(self) -> None:
        self._left = 0  # bytes of the present chunk; -1: its line end is next; -2: in trailers
        self._line = b""  # an unfinished line
        self._seen = 0  # bytes of trailers
        self.done = False
        self.rest = self.trailers = b""

    def feed(self, data: bytes) -> bytes:
        """See Decoder."""
        if self._left > len(data):  # the common case of a large chunk
            self._left -= len(data)
            return data
        pieces: list[bytes] = []
        position = 0
        if self._line:
            data, self._line = self._line + data, b""
        while not self.done and position < len(data):
            if self._left > 0:
                piece = data[position : position + self._left]
                pieces.append(piece)
                position += len(piece)
                self._left -= len(piece)
                if not self._left:
                    self._left = -1
                continue
            end = data.find(b"\n", position, position + _MAX_LINE)
            if end < 0:
                self._keep(data[position:])
                break
            self._read_line(data[position : end + 1])
            position = end + 1
        if self.done:
            self.rest = data[position:]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _keep(self, line: bytes) -> None:
        if len(line) >= _MAX_LINE:
            raise MessageError(400, "a chunk's size line is too long")
        self._line = line

    def _read_line(self, line: bytes) -> None:
        if not line.endswith(b"\r\n"):
            raise MessageError(400, "a bare line feed in a chunked body")
        line = line[:-2]
        if self._left == -1:
            if line:
                raise MessageError(400, "a chunk is longer than it says")
            self._left = 0
        elif self._left == -2:
            self._seen += len(line) + 2
            if self._seen > _MAX_TRAILERS:
                raise MessageError(431, "too many trailers")
            self.done = not line
            if line:
                self.trailers += read_trailer(line)
        else:
            match = _SIZE.fullmatch(line)
            if match is None:
                raise MessageError(400, "a chunk's size is not a number")
            self._left = int(match[1], 16) or -2


def chunk(payload: bytes) -> bytes:
    """The payload as one chunk; nothing for no payload, which would end the body."""
    return b"%x\r\n%b\r\n" % (len(payload), payload) if payload else b""


def last_chunk(trailers: bytes = b"") -> bytes:
    """The end of a chunked body; each trailer has its line end."""
    return b"0\r\n%b\r\n" % trailers
