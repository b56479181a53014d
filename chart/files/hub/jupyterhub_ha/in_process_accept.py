"""Accepts connections for the in-process proxy, and forgets none when it stops."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable

_AT_ONCE = 128  # between two looks at the connections that are there already
_RETRY_SECONDS = 1.0


class Acceptor:
    """Accepts at one listening socket until `stop`; make it in the running loop.

    asyncio.Server does not know a connection before its handshake is over, and closing one leaves
    it open; in Python 3.11 also those that it has just accepted (CPython, gh-109564). Their
    clients would wait for a proxy that is gone.
    """

    def __init__(
        self,
        listening: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None,
        log: logging.Logger,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listening = listening
        self._protocol = protocol
        self._tls = tls
        self._log = log
        self._arriving: set[asyncio.Task[None]] = set()
        self._retry: asyncio.TimerHandle | None = None
        self._listen()

    async def stop(self) -> None:
        """Accept no more, and cut off those whose handshake is not over. The socket stays open."""
        self._loop.remove_reader(self._listening)
        if self._retry is not None:
            self._retry.cancel()
        await asyncio.sleep(0)  # a task that is cancelled before it begins closes nothing
        for task in self._arriving:
            task.cancel()
        await asyncio.gather(*self._arriving, return_exceptions=True)

    def _listen(self) -> None:
        self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, _address = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # no descriptor left, for example
                self._log.warning("Cannot accept connections for a moment: %s", error)
                self._loop.remove_reader(self._listening)
                self._retry = self._loop.call_later(_RETRY_SECONDS, self._listen)
                return
            connection.setblocking(False)
            task = self._loop.create_task(self._arrive(connection))
            self._arriving.add(task)
            task.add_done_callback(self._arriving.discard)

    async def _arrive(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):  # a handshake that failed; it is closed
            await self._loop.connect_accepted_socket(self._protocol, connection, ssl=self._tls)
