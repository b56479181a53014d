"""Users who log in: from the login form until their own server answers through the proxy."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import aiohttp
import yaml
from tests.e2e.cluster.settings import ROOT
from tests.support.hub_session import HubSession, SessionError

from .clients import end

_VALUES = yaml.safe_load((ROOT / "tests/e2e/cluster/values/production.yaml").read_text())
PASSWORD: str = _VALUES["hub"]["config"]["DummyAuthenticator"]["password"]
"""Everybody's."""
_RELOAD = 1.0  # seconds until somebody who sees an error page asks again
_LONGEST_SPAWN = 60.0
_numbers: Iterator[int] = itertools.count(1)


@dataclass
class Logins:
    """How long each login took, in seconds, and what went wrong."""

    to_live: list[float] = field(default_factory=list)
    """From the request for the server to the first answer of the server through the proxy."""
    problems: list[str] = field(default_factory=list)


async def log_in(url: str, logins: Logins, seconds: float = 60, *, patient: bool = False) -> None:
    """One new user, with all that a login needs; what goes wrong is noted, not raised.

    Who is `patient` tries again after an error page, as people do while the hub is replaced.
    """
    name = f"load-login-{next(_numbers)}"
    reach = _after_error_pages if patient else _to_own_server
    try:
        async with asyncio.timeout(seconds):
            logins.to_live.append(await reach(url, name))
    except (SessionError, TimeoutError, ValueError) as error:
        logins.problems.append(f"{name}: {error!r}")


async def _after_error_pages(url: str, name: str) -> float:
    while True:
        try:
            return await _to_own_server(url, name)
        except (SessionError, ValueError):
            await asyncio.sleep(_RELOAD)


async def _to_own_server(url: str, name: str) -> float:
    session = HubSession(url, name, PASSWORD)
    await session.login()
    began = time.monotonic()
    await session.spawn(_LONGEST_SPAWN)
    await _until_own_server(session)
    return time.monotonic() - began


async def log_in_together(url: str, users: int, within: float) -> Logins:
    """So many users, evenly over so many seconds; each tries for up to two minutes."""
    logins = Logins()

    async def later(number: int) -> None:
        await asyncio.sleep(within * number / users)
        await log_in(url, logins, 120, patient=True)

    await asyncio.gather(*(later(number) for number in range(users)))
    return logins


class SteadyLogins:
    """One login after the other, with a pause; what was seen since the last look."""

    def __init__(self, url: str, pause: float = 3.0) -> None:
        self._url = url
        self._pause = pause
        self._task: asyncio.Task[None] | None = None
        self._seen = Logins()

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End."""
        if self._task:
            await end([self._task])

    def take(self) -> Logins:
        """What was seen; from now on counted anew."""
        seen, self._seen = self._seen, Logins()
        return seen

    async def _run(self) -> None:
        while True:
            await log_in(self._url, self._seen, seconds=20)
            await asyncio.sleep(self._pause)


async def _until_own_server(session: HubSession) -> None:
    url = f"{session.server_url}api/status"
    expected = {"path": f"/user/{session.username}/api/status", "size": 0}
    pause = 0.01
    while True:
        response = await session.fetch(url)
        if response.code == 200 and json.loads(response.body) == expected:
            return
        # Without a route it is the hub that answers: a hundred users may not keep it from working.
        await asyncio.sleep(pause)
        pause = min(2 * pause, _RELOAD)


async def make_users(url: str, token: str, names: Sequence[str], seconds: float = 300) -> None:
    """Users with running servers, made through the hub's API as a service would.

    A server that the hub stops again, since its proxy took no route in time, is started once more.
    TimeoutError if they do not all run in time.
    """
    headers = {"Authorization": f"token {token}"}
    limit = asyncio.Semaphore(8)

    async def make(session: aiohttp.ClientSession, name: str) -> None:
        user = f"{url}hub/api/users/{name}"
        async with limit:
            await _post(session, user, {201, 409})
            while not await _runs(session, user):
                # 400: it is being started or stopped.
                await _post(session, f"{user}/server", {201, 202, 400})
                await asyncio.sleep(_RELOAD)

    async with asyncio.timeout(seconds), aiohttp.ClientSession(headers=headers) as session:
        await asyncio.gather(*(make(session, name) for name in names))


async def _post(session: aiohttp.ClientSession, url: str, allowed: set[int]) -> None:
    async with session.post(url) as response:
        if response.status not in allowed:
            raise SessionError(f"POST {url}: {response.status}")


async def _runs(session: aiohttp.ClientSession, user: str) -> bool:
    async with session.get(user) as response:
        servers = (await response.json()).get("servers", {})
        return bool(servers.get("", {}).get("ready"))
