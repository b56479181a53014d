"""The clients: what browsers, kernels' pages and programs do, each without a pause.

A client behaves as a browser does. An idle connection that is closed under a request which may be
repeated is one of HTTP's own events (RFC 9112, 9.3.1): aiohttp sends the request once more over a
new connection, and nothing has failed. Whatever fails beyond that is counted, and tried again once
at once, which is counted, too.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Address
from typing import Any

import aiohttp

from .events import Log

_LONGEST = 15.0
"""Seconds; then a request has failed."""
_PAUSE_OF_END = 5.0
_BODY = 2**20
_PARTS = 8
_PROBLEMS = (aiohttp.ClientError, TimeoutError, OSError, ValueError)

Ask = Callable[[aiohttp.ClientSession, str], Awaitable[str]]
"""One request of one user; returns what is wrong, or nothing."""


class Load:
    """Clients that run from start to stop; `users` have a server each.

    Each client has one of `addresses`, as people have, over and over if there are fewer. With a
    single one, connections would soon come from a port that one to a dead replica came from, and
    for two minutes nodes send what comes from there to where they sent it before.
    """

    def __init__(
        self, url: str, users: Sequence[str], log: Log, addresses: Sequence[IPv4Address]
    ) -> None:
        self._url = url.rstrip("/")
        self._users = list(users)
        self._log = log
        self._addresses = itertools.cycle(str(address) for address in addresses)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin: requests on kept and on new connections, transfers, streams and websockets."""
        requests: list[tuple[str, int, float, bool, Ask]] = [
            ("keep-alive", 12, 0.2, True, self._get),
            ("new connection", 12, 0.3, False, self._get),
            ("upload", 3, 0.5, True, self._put),
            ("download", 3, 0.5, True, self._download),
        ]
        for kind, number, pause, keep, ask in requests:
            for _ in range(number):
                self._add(self._repeat(kind, pause, keep, ask))
        for _ in range(4):
            self._add(self._listen())
        for _ in range(12):
            self._add(self._talk())

    async def stop(self) -> None:
        """End all of them."""
        await end(self._tasks)

    def check(self) -> None:
        """Raise what ended a client, if one has ended."""
        for task in self._tasks:
            if task.done():
                task.result()

    def _add(self, work: Awaitable[None]) -> None:
        self._tasks.append(asyncio.ensure_future(work))

    def _connector(self, **options: Any) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(local_addr=(next(self._addresses), 0), **options)

    def _base(self) -> str:
        return f"{self._url}/user/{random.choice(self._users)}"

    async def _repeat(self, kind: str, pause: float, keep: bool, ask: Ask) -> None:
        connector = self._connector(limit=1, force_close=not keep)
        async with aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=_LONGEST)
        ) as session:
            await asyncio.sleep(pause * random.random())
            while True:
                await self._once(kind, session, ask)
                await asyncio.sleep(pause)

    async def _once(self, kind: str, session: aiohttp.ClientSession, ask: Ask) -> None:
        base, began = self._base(), self._log.now()
        if problem := await _problem(ask(session, base)):
            again = await _problem(ask(session, base))
            self._log.add(kind, began, problem, retry_failed=bool(again))
        else:
            self._log.add(kind, began)

    async def _get(self, session: aiohttp.ClientSession, base: str) -> str:
        async with session.get(f"{base}/api/status") as response:
            return await _wrong(response, f"{base}/api/status", 0)

    async def _put(self, session: aiohttp.ClientSession, base: str) -> str:
        async with session.put(f"{base}/files", data=_slow_body()) as response:
            return await _wrong(response, f"{base}/files", _BODY)

    async def _download(self, session: aiohttp.ClientSession, base: str) -> str:
        async with session.get(f"{base}/down/{_BODY}") as response:
            size = len(await response.read())
            return "" if (response.status, size) == (200, _BODY) else f"{response.status}, {size} B"

    async def _listen(self) -> None:
        """Server-sent events: each one an event of ours, the next number within time."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_LONGEST, sock_read=_LONGEST)
        async with aiohttp.ClientSession(connector=self._connector(), timeout=timeout) as session:
            while True:
                began, opened = self._log.now(), False
                try:
                    async with session.get(f"{self._base()}/events") as response:
                        response.raise_for_status()
                        for expected in itertools.count():
                            line = await response.content.readline()
                            if not line:
                                raise aiohttp.ServerDisconnectedError("the stream ended")
                            await response.content.readline()
                            if line != f"data: {expected}\n".encode():
                                raise ValueError(f"{line!r} instead of number {expected}")
                            self._log.add("events", began)
                            began, opened = self._log.now(), True
                except _PROBLEMS as error:
                    closed = opened and isinstance(error, aiohttp.ClientError)
                    self._log.add("events", began, repr(error), closed=closed)
                    if not closed:
                        await asyncio.sleep(0.2)

    async def _talk(self) -> None:
        """A websocket: numbers go, and must come back in order."""
        async with aiohttp.ClientSession(connector=self._connector()) as session:
            while True:
                began, opened = self._log.now(), False
                try:
                    async with asyncio.timeout(_LONGEST):
                        socket = await session.ws_connect(f"{self._base()}/channels")
                    try:
                        for number in itertools.count():
                            began = self._log.now()
                            await socket.send_str(str(number))
                            message = await socket.receive(timeout=_LONGEST)
                            if message.type != aiohttp.WSMsgType.TEXT:
                                raise aiohttp.ServerDisconnectedError(
                                    f"closed: {socket.close_code}"
                                )
                            if message.data != str(number):
                                raise ValueError(f"{message.data!r} instead of {number}")
                            self._log.add("websocket", began)
                            opened = True
                            await asyncio.sleep(0.2)
                    finally:
                        await socket.close()
                except _PROBLEMS as error:
                    closed = opened and isinstance(error, (aiohttp.ClientError, OSError))
                    closed = closed and not isinstance(error, TimeoutError)
                    self._log.add("websocket", began, repr(error), closed=closed)
                    if not closed:
                        await asyncio.sleep(0.2)


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks until all have ended: one whose time is up at that very moment takes the first
    attempt for its timeout, and goes on."""
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=_PAUSE_OF_END)


async def _problem(asking: Awaitable[str]) -> str:
    try:
        return await asking
    except _PROBLEMS as error:
        return repr(error)


async def _wrong(response: aiohttp.ClientResponse, url: str, size: int) -> str:
    if response.status != 200:
        return f"status {response.status}"
    answer = await response.json()
    right = {"path": response.url.path, "size": size}
    return "" if answer == right else f"{url}: {answer}"


async def _slow_body() -> AsyncIterator[bytes]:
    for _ in range(_PARTS):
        yield b"x" * (_BODY // _PARTS)
        await asyncio.sleep(0.1)
