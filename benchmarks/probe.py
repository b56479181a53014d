"""When does a replica serve a route? Asked on the data path, as a browser would."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

_FIRST_PAUSE = 0.002
_PAUSE_SHARE = 0.03
"""The longer it takes, the longer the pauses: asking must not slow down what is waited for."""
SERVED, GONE = 200, 404
"""Users' servers answer the one, the hub behind the proxies the other."""


class Probe:
    """A kept connection to one replica; `address` is its host:port."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def status(self, path: str) -> int:
        """The status of a GET."""
        if self._streams is None:
            host, port = self._address.split(":")
            self._streams = await asyncio.open_connection(host, int(port))
        reader, writer = self._streams
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {self._address}\r\n\r\n".encode())
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = head.partition("content-length:")[2].split("\r\n")[0]
            await reader.readexactly(int(length))
        except (OSError, EOFError, ValueError):
            self.close()
            raise
        return int(head.split()[1])

    def close(self) -> None:
        """Give the connection back."""
        if self._streams:
            self._streams[1].close()
        self._streams = None


async def wait_for(
    addresses: Sequence[str], path: str, status: int = SERVED, timeout: float = 60
) -> None:
    """Until every replica answers `path` with `status`; TimeoutError names one that does not."""
    await asyncio.gather(*(_wait(address, path, status, timeout) for address in addresses))


async def _wait(address: str, path: str, status: int, timeout: float) -> None:
    probe = Probe(address)
    began = time.monotonic()
    try:
        while True:
            seen: int | str
            try:
                seen = await asyncio.wait_for(probe.status(path), 10)
            except (OSError, EOFError, ValueError, TimeoutError) as error:
                seen = repr(error)
            if seen == status:
                return
            waited = time.monotonic() - began
            if waited > timeout:
                raise TimeoutError(f"{address} answers {path} with {seen}, not {status}")
            await asyncio.sleep(max(_FIRST_PAUSE, _PAUSE_SHARE * waited))
    finally:
        probe.close()


async def count_status(addresses: Sequence[str], paths: Sequence[str], status: int) -> int:
    """How many of these answers have that status, each path asked of each replica once."""
    found = 0
    for address in addresses:
        probe = Probe(address)
        try:
            for path in paths:
                found += await probe.status(path) == status
        finally:
            probe.close()
    return found
