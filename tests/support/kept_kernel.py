"""A user whose kernel remembers: whoever finds that again finds a server that never ended."""

from __future__ import annotations

import asyncio
from urllib.parse import urljoin

from tests.support.hub_session import HubSession, close, execute


class Keeper:
    """A user of one hub; each proxy in front of it is one more address."""

    def __init__(self, name: str, password: str) -> None:
        self.name = name
        self.kernel = ""
        self._password = password

    def session(self, url: str) -> HubSession:
        """A new session at an address, not logged in."""
        return HubSession(url, self.name, self._password)

    async def begins_at(self, url: str, seconds: float = 90) -> None:
        """Log in, start a server, and leave something in a kernel's memory."""
        session = self.session(url)
        await session.login_when_ready()
        await session.start_server(seconds)
        self.kernel = await session.start_kernel()
        await self._execute(session, f"kept = {self.name!r}")

    async def finds_it_at(self, url: str) -> bool:
        """Log in there; whether the kernel is there, with its memory."""
        session = self.session(url)
        await session.login_when_ready()
        await session.enter_server()
        return await self._execute(session, "print(kept)") == f"{self.name}\n"

    async def failures_at(self, url: str, stop: asyncio.Event) -> list[int]:
        """Ask the server there all the time, without a login; the statuses that were not 200."""
        session, wrong, asked = self.session(url), [], 0
        address = urljoin(session.server_url, "api")
        while not stop.is_set() or not asked:
            code = (await session.fetch(address)).code
            asked += 1
            if code != 200:
                wrong.append(code)
            await asyncio.sleep(0.05)
        return wrong

    async def _execute(self, session: HubSession, code: str) -> str:
        channels = await session.open_channels(self.kernel)
        try:
            return await execute(channels, code)
        finally:
            await close(channels)
