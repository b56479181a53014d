"""What the pool of temporary servers needs next: how many to start, which to end. Pure: no I/O.

A server's *spec* is a hash of all that decides how it is started. Servers of an old one stay in the
pool, behind the new ones, until those that replace them are ready: a new image that cannot be
started leaves visitors the old pool.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum


class Phase(Enum):
    """Where a server is in its life, as the hub sees it."""

    STARTING = "starting"
    READY = "ready"
    ENDING = "ending"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Server:
    """A temporary server; `taken` is the Unix time at which a visitor got it."""

    name: str
    phase: Phase
    spec: str
    taken: float | None = None
    dead: bool = False
    """Called running, but it does not answer."""

    @property
    def usable(self) -> bool:
        """Whether it runs and answers, as far as is known."""
        return self.phase is Phase.READY and not self.dead


@dataclass(frozen=True, slots=True)
class Needs:
    """What the pool is to be."""

    wanted: int
    """Servers that wait, with those of them that visitors in the line will get."""
    limit: int
    """Servers in all."""
    at_once: int
    """Servers that may be starting now; fewer than usual after failures."""
    spec: str


@dataclass(frozen=True, slots=True)
class Plan:
    """How many to start, and the names of those to end."""

    start: int = 0
    end: tuple[str, ...] = ()


def plan(servers: Collection[Server], needs: Needs) -> Plan:
    """What brings the servers nearest to the needs.

    Of visitors' servers only those end that have stopped or are dead: nobody can use them again.
    """
    pool = [server for server in servers if server.taken is None]
    useless = [s.name for s in servers if s.phase is Phase.STOPPED]
    useless += [s.name for s in servers if s.dead and s.phase is Phase.READY]
    fresh = [s for s in pool if s.usable and s.spec == needs.spec]
    starting = [s for s in pool if s.phase is Phase.STARTING]
    coming = [s for s in starting if s.spec == needs.spec]
    useless += [s.name for s in starting if s.spec != needs.spec]

    surplus = max(len(fresh) - needs.wanted, 0)
    useless += [s.name for s in fresh[:surplus]]
    old = [s for s in pool if s.usable and s.spec != needs.spec]
    kept = min(max(needs.wanted - len(fresh), 0), len(old))
    useless += [s.name for s in old[kept:]]

    missing = max(needs.wanted - len(fresh) - len(coming), 0)
    allowed = max(min(missing, needs.at_once - len(starting)), 0)
    room = needs.limit - len(servers)
    if room < allowed:
        # At the limit, an old one must go before a new one can come.
        going = sum(s.phase is Phase.ENDING for s in servers) + len(useless)
        useless += [s.name for s in old[:kept][: max(allowed - max(room, 0) - going, 0)]]
    return Plan(max(min(allowed, room), 0), tuple(useless))


def givable(servers: Iterable[Server], spec: str, doubted: Collection[str] = ()) -> list[str]:
    """The names of those that a visitor may get, the best first; `doubted` are not among them."""
    pool = [s for s in servers if s.taken is None and s.usable and s.name not in doubted]
    return [s.name for s in sorted(pool, key=lambda server: server.spec != spec)]


class Rush:
    """Whether visitors are coming together just now, so that new servers can wait for a moment.

    Starting servers takes processor time of the hub and of the nodes, which those who come need for
    their pages. A rush is over after `calm` seconds without a claim, and does not count any more
    after `longest` seconds: where visitors come all the time, the pool is filled all the time.
    """

    def __init__(self, calm: float = 1.0, longest: float = 4.0) -> None:
        self._calm = calm
        self._longest = longest
        self._began: float | None = None

    def is_on(self, last_claim: float, now: float) -> bool:
        """Whether there is one at this time."""
        if now - last_claim > self._calm:
            self._began = None
            return False
        if self._began is None:
            self._began = now
        return now - self._began <= self._longest


class Backoff:
    """How many servers may start after failures: none for a time, then one to try, then all.

    The time doubles with each failure, up to `longest`, and is drawn between half of it and all.
    """

    def __init__(self, shortest: float = 1.0, longest: float = 300.0) -> None:
        self._shortest = shortest
        self._longest = longest
        self._failures = 0
        self._failed = float("-inf")
        self._until = float("-inf")

    @property
    def failures(self) -> int:
        """How often the pool has failed in a row; servers that started together count once."""
        return self._failures

    def failed(self, started: float, now: float) -> None:
        """Note that a server failed which had begun to start at a time."""
        if started < self._failed:
            return  # nobody knew then
        self._failed = now
        exponent = min(self._failures, 30)  # a float ends somewhere
        pause = min(self._shortest * 2**exponent, self._longest)
        self._failures += 1
        self._until = now + pause * random.uniform(0.5, 1)  # noqa: S311 - no secret

    def succeeded(self) -> None:
        """Note that a server has started."""
        self._failures = 0
        self._until = float("-inf")

    def at_once(self, usual: int, now: float) -> int:
        """How many servers may be starting at this time."""
        if now < self._until:
            return 0
        return min(usual, 1) if self._failures else usual
