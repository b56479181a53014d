"""A TCP relay that can fall silent, as a network does that drops packets."""

from __future__ import annotations

import asyncio
import contextlib
from urllib.parse import urlsplit


class Relay:
    """Passes connections on to the host and port of a URL; an asynchronous context manager.

    While `silent`, connections are accepted and kept, and no byte passes.
    """

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""

    async def __aenter__(self) -> Relay:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"{self._target.scheme}://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def silent(self) -> bool:
        """Whether nothing passes."""
        return not self._flowing.is_set()

    @silent.setter
    def silent(self, value: bool) -> None:
        if value:
            self._flowing.clear()
        else:
            self._flowing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._tasks.add(task)
        other: asyncio.StreamWriter | None = None
        try:
            await self._flowing.wait()
            there, other = await asyncio.open_connection(self._target.hostname, self._target.port)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass(reader, other))
                both.create_task(self._pass(there, writer))
        except* (OSError, asyncio.CancelledError):
            pass  # the callback of asyncio's server cannot take it
        finally:
            self._tasks.discard(task)
            for each in (writer, other):
                if each is not None:
                    each.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()
