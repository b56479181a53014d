"""Keeps the pool: a task in the hub's process that starts and ends servers by the hub's API."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Final

from .errors import HubApiError
from .tmpnb_activity import last_requests
from .tmpnb_address import AddressLimit
from .tmpnb_desk import Desk
from .tmpnb_ends import ended
from .tmpnb_hub_api import Answer, HubApi
from .tmpnb_names import new_name
from .tmpnb_pool import Backoff, Needs, Phase, Rush, Server, plan
from .tmpnb_register import Register
from .tmpnb_report import Report
from .tmpnb_settings import Settings
from .tmpnb_size import Demand

_LOOK_SECONDS: Final = 2.0
_CHECK_SECONDS: Final = 10.0
_CHECK_PAUSE: Final = 0.05
_CHECK_TIMEOUT: Final = 5.0
_CLAIM_SECONDS: Final = 1.0
_POLL_SECONDS: Final = 0.1
_RETRY_SECONDS: Final = 5.0
# The hub knows that a spawn has failed a moment before it knows why.
_REASON_SECONDS: Final = 1.0
_ENDS_AT_ONCE: Final = 16
_CHECKS_AT_ONCE: Final = 16


class Keeper:
    """The pool of one hub. Nothing happens before `run`; `app` is JupyterHub's application."""

    def __init__(self, app: Any, settings: Settings, log: logging.Logger) -> None:
        self.settings = settings
        self.register = Register(app)
        self.report = Report()
        self.desk = Desk(
            self.register,
            AddressLimit(settings.claims_per_minute),
            lambda name: self._ask(name, _CLAIM_SECONDS),
            self._wake_up,
            self._doubt,
            self.report,
        )
        self.size: int | None = None
        """Given by an operator instead of the values' size, until the hub restarts."""
        self._app = app
        self._log = log
        self._backoff = Backoff()
        self._rush = Rush()
        self._demand = Demand(settings.sizes.demand_minutes)
        self._wake = asyncio.Event()
        self._api: HubApi | None = None
        self._launches: dict[str, str] = {}
        self._ends: dict[str, str] = {}
        self._doubted: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends_at_once = asyncio.Semaphore(_ENDS_AT_ONCE)
        self._since = 0.0
        self._seen: dict[str, float] = {}

    async def run(self) -> None:
        """Keep the pool until this is cancelled. To be called when the hub has started."""
        self._api = HubApi(self._app)
        self.register.load()
        self._demand = Demand(self.settings.sizes.demand_minutes, self.register.taken())
        self._since = time.time()
        self._spawn(self._repeat(self._check_pool, _CHECK_SECONDS))
        self._spawn(self._repeat(self._end_unused, min(self.settings.life.idle / 10, 30)))
        try:
            await self._keep()
        finally:
            for task in self._tasks:
                task.cancel()
            self._api.close()

    def resize(self, size: int | None) -> None:
        """Let so many servers wait from now on, or as many as the values say."""
        self.size = size
        self._wake.set()

    def recycle(self) -> int:
        """Replace all servers of the pool, one by one; returns how many."""
        count = self.register.make_old()
        self._wake.set()
        return count

    def document(self, *, with_reasons: bool) -> dict[str, Any]:
        """The report, as things are now; what it calls ready may be taken."""
        self._take_stock(time.time())
        return self.report.document(with_reasons=with_reasons)

    def _take_stock(self, now: float) -> None:
        servers, waiting = self._restock(), self.desk.line.length(now)
        self.report.saw(servers, self.settings.spec, self._wanted(now), waiting)

    # -- the pool

    async def _keep(self) -> None:
        while True:
            await self._try(self._look)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _LOOK_SECONDS)
            # Hundreds may come at once, and one look serves them all.
            await asyncio.sleep(_POLL_SECONDS)
            self._wake.clear()

    async def _repeat(self, work: Callable[[], Awaitable[None]], seconds: float) -> None:
        while True:
            await self._try(work)
            await asyncio.sleep(seconds)

    async def _try(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception:
            # The next time it may succeed, and nobody else would do this work.
            self._log.exception("Temporary notebooks: the pool is not looked after")

    async def _look(self) -> None:
        now = time.time()
        servers = self._servers()
        settings = self.settings
        wanted, waiting = self._wanted(now), self.desk.line.length(now)
        needs = Needs(
            # Nobody is served who came when the pool was drained.
            wanted=wanted + waiting if self.size != 0 else 0,
            limit=settings.server_limit,
            at_once=0 if self._may_wait(servers, waiting, now) else self._at_once(now),
            spec=settings.spec,
        )
        decided = plan(servers, needs)
        for server in servers:
            if server.name in decided.end:
                self._end(server, _why(server))
        for _ in range(decided.start):
            name = new_name()
            self._launches[name] = settings.spec
            self._spawn(self._launch(name, settings.spec))
        self._take_stock(now)

    def _at_once(self, now: float) -> int:
        return self._backoff.at_once(self.settings.concurrency, now)

    def _may_wait(self, servers: list[Server], waiting: int, now: float) -> bool:
        """Whether visitors come who all get a server of the pool, so that new ones can wait."""
        last_claim = max((s.taken for s in servers if s.taken), default=0.0)
        in_pool = any(s.usable and s.taken is None for s in servers)
        return self._rush.is_on(last_claim, now) and in_pool and not waiting

    def _restock(self) -> list[Server]:
        servers = self._servers()
        self.desk.stock(servers if self.size != 0 else [], self.settings.spec, self._doubted)
        return servers

    def _wanted(self, now: float) -> int:
        if self.size is not None:
            return self.size
        moment = datetime.fromtimestamp(now, UTC)
        return self.settings.sizes.wanted(self._demand.count(now), moment)

    def _servers(self) -> list[Server]:
        """Those of the register, and those that are on their way into it."""
        known = [
            Server(s.name, Phase.ENDING, s.spec, s.taken, s.dead) if s.name in self._ends else s
            for s in self.register.servers()
        ]
        names = {server.name for server in known}
        launching = self._launches.items()
        return known + [Server(n, Phase.STARTING, s) for n, s in launching if n not in names]

    def _wake_up(self) -> None:
        self._wake.set()

    # -- one server

    async def _launch(self, name: str, spec: str) -> None:
        api, began = self._api, time.time()
        assert api is not None  # noqa: S101 - for the type checker
        try:
            await api.create(name)
            self.register.launch(name, spec)
            await api.start(name)
            await self._until_started(name)
            self.register.launched(name)
            self._restock()
        except KeyError:
            pass  # the user was deleted meanwhile
        except Exception as error:
            reason = self._spawner_s_reason(name) or str(error)
            self.register.failed(name)
            if name not in self._ends:
                self._log.warning("A temporary server did not start: %s", reason)
                self.report.failed(reason)
                self._backoff.failed(began, time.time())
        else:
            self._backoff.succeeded()
            self.report.spawned(time.time() - began)
        finally:
            self._launches.pop(name, None)
            self._wake.set()

    async def _until_started(self, name: str) -> None:
        """Raises HubApiError when it did not start, KeyError when the user is gone."""
        # JupyterHub tells nobody when a server is ready; one that failed it stops first.
        while (spawner := self.register.user(name).spawner).pending:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_SECONDS)
        if not spawner.ready:
            await asyncio.sleep(_REASON_SECONDS)
            raise HubApiError("it stopped at once")

    def _spawner_s_reason(self, name: str) -> str:
        """Why a spawn failed; the hub's answer says no more than that it did."""
        try:
            error = getattr(self.register.user(name).spawner, "_failed", None)
        except KeyError:
            return ""
        return f"{type(error).__name__}: {error}"[:500] if error else ""

    def _end(self, server: Server, reason: str) -> None:
        if server.name not in self._ends:
            self._ends[server.name] = reason
            self._spawn(self._end_now(server.name, reason))

    async def _end_now(self, name: str, reason: str) -> None:
        """Stop the server, and only then delete the user: what does not stop must not be lost."""
        api = self._api
        assert api is not None  # noqa: S101 - for the type checker
        try:
            async with self._ends_at_once:
                while (server := self.register.server(name)) and server.phase is not Phase.STOPPED:
                    if server.phase is not Phase.ENDING:
                        await api.stop(name)
                    await asyncio.sleep(_POLL_SECONDS)
                if server:
                    await self._stop_again(name)
                await api.delete(name)
            self.register.forget(name)
            self.report.end(reason)
        except Exception as error:
            self._log.warning("A temporary server cannot be ended, trying again: %r", error)
            await asyncio.sleep(_RETRY_SECONDS)
        finally:
            self._ends.pop(name, None)
            self._doubted.discard(name)
            self._wake.set()

    async def _stop_again(self, name: str) -> None:
        """JupyterHub forgets a server also when stopping it failed; then it is asked once more."""
        spawner = self.register.user(name).spawner
        if await spawner.poll() is None:
            self._log.warning("The server of %s runs on, stopping it again", name)
            await spawner.stop()

    # -- what runs

    async def _ask(self, name: str, seconds: float) -> Answer:
        api = self._api
        try:
            server = self.register.user(name).spawner.server
        except KeyError:
            server = None
        return await api.answer(server.url, seconds) if api and server else Answer.GONE

    async def _check_pool(self) -> None:
        """Ask all that wait; one that fails twice is dead, and is given to nobody meanwhile."""
        pool = [s for s in self._servers() if s.taken is None and s.phase is Phase.READY]
        at_once = asyncio.Semaphore(_CHECKS_AT_ONCE)
        await asyncio.gather(*(self._check(server.name, at_once) for server in pool))
        # A large pool must not keep the hub from its work.
        await asyncio.sleep(len(pool) * _CHECK_PAUSE)

    async def _check(self, name: str, at_once: asyncio.Semaphore) -> None:
        async with at_once:
            answer = await self._ask(name, _CHECK_TIMEOUT)
        if answer is Answer.HERE:
            self._doubted.discard(name)
        elif name in self._doubted:
            self.register.condemn(name)
            self._wake.set()
        else:
            self._doubt(name)

    def _doubt(self, name: str) -> None:
        self._doubted.add(name)
        self._wake.set()

    async def _end_unused(self) -> None:
        routes = await self._app.proxy.get_all_routes()
        servers, now = self._servers(), time.time()
        known = last_requests(routes.values())
        # A proxy that was started anew, as one is while the hub stops, knows nothing of before.
        self._seen = {
            server.name: max(known.get(server.name, 0.0), self._seen.get(server.name, 0.0))
            for server in servers
        }
        reasons = ended(servers, self._seen, self._since, self.settings.life, now)
        for server in servers:
            if server.name in reasons:
                self._log.info("Ending %s: %s", server.name, reasons[server.name])
                self._end(server, reasons[server.name])

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _why(server: Server) -> str:
    if server.dead:
        return "dead"
    return "stopped" if server.phase is Phase.STOPPED else "surplus"
