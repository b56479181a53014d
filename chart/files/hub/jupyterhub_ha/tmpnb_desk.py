"""Gives servers to visitors: each to one, in the order in which they came."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Final

from .tmpnb_address import AddressLimit
from .tmpnb_hub_api import Answer
from .tmpnb_line import Line, Place
from .tmpnb_pool import Server, givable
from .tmpnb_register import Register
from .tmpnb_report import Report

# A visitor does not wait for the whole pool to be tried when a node has gone.
_TRIES: Final = 4


@dataclass(frozen=True, slots=True)
class Claim:
    """The name of the user whose server a visitor has got."""

    name: str


@dataclass(frozen=True, slots=True)
class Wait:
    """No server yet: a place in the line, or the seconds until this address may have one more."""

    place: Place | None = None
    seconds: float = 0.0

    @property
    def again(self) -> float:
        """Seconds after which to ask again."""
        return self.place.again if self.place else self.seconds


class Desk:
    """Where visitors get their servers.

    `ask` says what a server answers, by its user's name; `changed` is told of every claim and of
    everybody who waits, `doubt` of a server that did not answer in time.
    """

    def __init__(
        self,
        register: Register,
        limit: AddressLimit,
        ask: Callable[[str], Awaitable[Answer]],
        changed: Callable[[], None],
        doubt: Callable[[str], None],
        report: Report,
    ) -> None:
        self.line = Line()
        self._register = register
        self._limit = limit
        self._ask = ask
        self._changed = changed
        self._doubt = doubt
        self._report = report
        self._offer: list[str] = []
        self._running: dict[str, asyncio.Future[Claim | Wait]] = {}

    def stock(self, servers: Collection[Server], spec: str, doubted: Collection[str]) -> None:
        """What may be given away from now on."""
        self._offer = givable(servers, spec, doubted)

    async def claim(self, ticket: str, address: str) -> Claim | Wait:
        """A server for the visitor with this ticket; the same one when it is asked for again.

        A new one has answered just now. Raises what the database raises; then nothing is given.
        """
        running = self._running.get(ticket)
        if running is None:
            # Two tabs of one browser wait for one answer: a server that is given back because it
            # was late must not have been shown to anybody.
            running = asyncio.ensure_future(self._claim(ticket, address))
            self._running[ticket] = running
            running.add_done_callback(lambda _: self._running.pop(ticket, None))
        return await asyncio.shield(running)

    async def _claim(self, ticket: str, address: str) -> Claim | Wait:
        if before := self._register.of_ticket(ticket):
            return Claim(before.name)
        began = time.monotonic()
        for _ in range(_TRIES):
            outcome = self._take(ticket, address)
            if isinstance(outcome, Wait):
                self._changed()
                return outcome
            answer = await self._ask(outcome.name)
            if answer is Answer.HERE:
                self._report.claimed(time.monotonic() - began)
                self._changed()
                return outcome
            self._take_back(outcome.name, answer)
            self._limit.gave_back(address)
        return Wait(self.line.ask(ticket, 0, time.time()))

    def _take_back(self, name: str, answer: Answer) -> None:
        if answer is Answer.LATE and self._register.give_back(name):
            self._doubt(name)
        else:
            self._register.condemn(name)
            self._changed()

    def place(self, ticket: str) -> Place:
        """The place in the line of a visitor who waits, and goes on to wait."""
        return self.line.ask(ticket, len(self._offer), time.time())

    def _take(self, ticket: str, address: str) -> Claim | Wait:
        # Without a pause from here to the commit in take(): so nobody else gets the same one.
        now = time.time()
        if seconds := self._limit.wait(address, now):
            return Wait(seconds=seconds)
        self._drop_useless()
        place = self.line.ask(ticket, len(self._offer), now)
        if not place.go:
            return Wait(place)
        name = self._offer.pop(0)
        self._register.take(name, ticket, now)
        self._limit.took(address, now)
        self.line.leave(ticket)
        return Claim(name)

    def _drop_useless(self) -> None:
        """Look at the next one again: it may have ended since the offer was made."""
        while self._offer:
            server = self._register.server(self._offer[0])
            if server and server.usable and server.taken is None:
                return
            self._offer.pop(0)
