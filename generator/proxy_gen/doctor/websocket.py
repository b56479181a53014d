"""A websocket as far as a ping and its answer go (RFC 6455)."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import time
from collections.abc import Iterator, Mapping

from .web import Answer, NoAnswerError, Web, reason

_CLOSE, _PING, _PONG = 0x8, 0x9, 0xA


class RefusedError(Exception):
    """The answer was not 101; it is in ``answer``."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"HTTP {answer.status}")
        self.answer = answer


class Socket:
    """An open websocket; ``early`` are bytes that came with the head of the answer."""

    def __init__(self, sock: socket.socket, early: bytes) -> None:
        self._socket = sock
        self._read = bytearray(early)

    def ping(self, seconds: float) -> None:
        """Send a ping and wait for its pong; raises NoAnswerError if none comes in time."""
        word = os.urandom(8)
        try:
            self._send(_PING, word)
            self._wait(time.monotonic() + seconds, word)
        except OSError as error:
            raise NoAnswerError(reason(error)) from error

    def idle(self, seconds: float) -> float:
        """Wait so long without sending anything of one's own; returns how long it stayed open."""
        began = time.monotonic()
        try:
            self._wait(began + seconds, b"")
        except TimeoutError:
            return seconds
        except OSError:
            pass
        return time.monotonic() - began

    def _wait(self, deadline: float, word: bytes) -> None:
        while True:
            kind, payload = self._frame(deadline)
            if kind == _PONG and word and payload == word:
                return
            if kind == _PING:
                self._send(_PONG, payload)
            if kind == _CLOSE:
                raise ConnectionResetError

    def _frame(self, deadline: float) -> tuple[int, bytes]:
        """Take the next frame; what came of an incomplete one stays for the next time."""
        head, length = 2, 0
        while True:
            if len(self._read) >= 2:
                length = self._read[1] & 0x7F
                head = {126: 4, 127: 10}.get(length, 2)
                if head > 2 and len(self._read) >= head:
                    length = int.from_bytes(self._read[2:head], "big")
            if len(self._read) >= max(head + length, 2):
                break
            self._receive(deadline)
        kind, payload = self._read[0] & 0x0F, bytes(self._read[head : head + length])
        del self._read[: head + length]
        return kind, payload

    def _receive(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionResetError
        self._read += data

    def _send(self, kind: int, payload: bytes) -> None:
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        self._socket.sendall(bytes([0x80 | kind, 0x80 | len(payload)]) + mask + masked)


@contextlib.contextmanager
def connect(web: Web, path: str, headers: Mapping[str, str], seconds: float) -> Iterator[Socket]:
    """Open a websocket as a browser does; raises RefusedError or NoAnswerError."""
    asked = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Origin": web.site.origin,
        **headers,
    }
    with web.connect(seconds) as connection:
        connection.request("GET", path, headers=web.headers(asked))
        response = connection.getresponse()
        if response.status != 101:
            answered = tuple(response.getheaders())
            body = response.read(4096)
            raise RefusedError(Answer(response.status, answered, body, web.site.origin + path, 0))
        sock = connection.sock
        # The response calls itself read, and has a buffer of its own. With TLS an empty one is an
        # error here.
        early = b""
        sock.settimeout(0)
        with contextlib.suppress(OSError):
            early = bytes(response.fp.peek())
        yield Socket(sock, early)
