"""Browsers that ask every replica by HTTPS without a pause, and trust one authority only."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509

_PAUSE = 0.02


@dataclass
class Counts:
    """What was counted since the last look; `serials` are those that each port has shown."""

    requests: int = 0
    failures: list[str] = field(default_factory=list)
    serials: dict[int, list[str]] = field(default_factory=dict)

    def last(self) -> set[str]:
        """The serial numbers that the ports showed last."""
        return {shown[-1] for shown in self.serials.values()}


class _OneAddress(AbstractResolver):
    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=self._address,
                port=port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        pass


class Visitors:
    """An asynchronous context manager: three visitors for each port, while it is entered.

    One opens a connection for each request, as new visitors do, one keeps its own, and one looks
    at the certificate. `address` is where the host is.
    """

    def __init__(
        self, host: str, ports: list[int], trust: ssl.SSLContext, address: str = "127.0.0.1"
    ) -> None:
        self._address = address
        self._host = host
        self._ports = ports
        self._trust = trust
        self._tasks: list[asyncio.Task[None]] = []
        self.away: set[int] = set()
        """Ports to which a Service would send nobody."""
        self.counts = Counts()

    async def __aenter__(self) -> Visitors:
        for port in self._ports:
            self._tasks += [
                asyncio.create_task(self._browse(port, force_close=True)),
                asyncio.create_task(self._browse(port, force_close=False)),
                asyncio.create_task(self._visit(port, self._look)),
            ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def count_anew(self) -> Counts:
        """The counts so far; from now on others are counted."""
        counts, self.counts = self.counts, Counts()
        return counts

    async def _browse(self, port: int, *, force_close: bool) -> None:
        connector = aiohttp.TCPConnector(
            force_close=force_close,
            resolver=_OneAddress(self._address),
            ssl=self._trust,
            use_dns_cache=False,
        )
        timeout = aiohttp.ClientTimeout(total=20)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

            async def ask(port: int) -> None:
                async with session.get(f"https://{self._host}:{port}/") as answer:
                    await answer.read()
                    if answer.status != 200:
                        raise aiohttp.ClientError(f"status {answer.status}")

            await self._visit(port, ask)

    async def _visit(self, port: int, ask: Callable[[int], Awaitable[None]]) -> None:
        while True:
            if port not in self.away:
                counts = self.counts
                counts.requests += 1
                try:
                    await ask(port)
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    if port not in self.away:
                        counts.failures.append(f"{port}: {error!r}")
            await asyncio.sleep(_PAUSE)

    async def _look(self, port: int) -> None:
        counts = self.counts
        serial = await shown_serial(self._host, port, self._trust, self._address)
        shown = counts.serials.setdefault(port, [])
        if not shown or shown[-1] != serial:
            shown.append(serial)


async def shown_serial(
    host: str, port: int, trust: ssl.SSLContext, address: str = "127.0.0.1"
) -> str:
    """The serial number, in hexadecimal, of the certificate that is shown for `host`.

    OSError where the chain or the host is not right.
    """
    async with asyncio.timeout(20):
        _, writer = await asyncio.open_connection(address, port, ssl=trust, server_hostname=host)
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return f"{x509.load_der_x509_certificate(der).serial_number:x}"


async def trusted_serial(
    host: str, port: int, trust: ssl.SSLContext, address: str = "127.0.0.1"
) -> str:
    """The same; empty where there is no such certificate, or not yet."""
    try:
        return await shown_serial(host, port, trust, address)
    except OSError:
        return ""


async def until(check: Any, what: str, seconds: float = 60) -> Any:
    """Wait for an asynchronous check to return something; TimeoutError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := await check()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {what} in {seconds:.0f} s")
        await asyncio.sleep(0.1)
    return found
