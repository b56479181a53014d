"""What the clients of the load have seen, one event for each request or message."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

LATE = 2.0
"""Seconds after which an answer is late."""

OK, FAILED, LATE_OUTCOME, CLOSED = "ok", "failed", "late", "closed"


@dataclass(frozen=True, slots=True)
class Event:
    """One request, message or end of a stream.

    `kind` is the client's kind, `outcome` one of ok, failed, late (answered, but after LATE) and
    closed (the other side ended a stream or a websocket); `ended` is in seconds of the log's clock.
    """

    kind: str
    ended: float
    took: float
    outcome: str
    detail: str = ""
    retry_failed: bool = False
    """The same request, sent once more at once, failed as well."""


@dataclass
class Log:
    """All events, in the order in which they ended."""

    events: list[Event] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def now(self) -> float:
        """Seconds since the log was opened."""
        return time.monotonic() - self.started

    def add(
        self,
        kind: str,
        began: float,
        problem: str = "",
        *,
        retry_failed: bool = False,
        closed: bool = False,
    ) -> None:
        """Note what began at `began` and ended now."""
        ended = self.now()
        outcome = OK
        if problem:
            outcome = CLOSED if closed else FAILED
        elif ended - began > LATE:
            outcome = LATE_OUTCOME
        event = Event(kind, ended, ended - began, outcome, problem, retry_failed)
        self.events.append(event)

    def between(self, begin: float, end: float) -> list[Event]:
        """Those that ended in a window."""
        return [event for event in self.events if begin <= event.ended < end]


@dataclass(frozen=True)
class Second:
    """One second of a window."""

    second: int
    requests: int
    failed: int
    late: int
    closed: int
    p99: float
    """Seconds; of what was answered."""


def by_second(events: Iterable[Event], begin: float, end: float) -> list[Second]:
    """Every second of a window, also those in which nothing happened."""
    buckets: list[list[Event]] = [[] for _ in range(max(1, round(end - begin)))]
    for event in events:
        if begin <= event.ended < end:
            buckets[min(len(buckets) - 1, int(event.ended - begin))].append(event)
    return [
        Second(
            number,
            len(bucket),
            count(bucket, FAILED),
            count(bucket, LATE_OUTCOME),
            count(bucket, CLOSED),
            share([event.took for event in bucket if event.outcome != FAILED], 0.99),
        )
        for number, bucket in enumerate(buckets)
    ]


def count(events: Iterable[Event], outcome: str) -> int:
    """How many ended so."""
    return sum(event.outcome == outcome for event in events)


def share(values: Sequence[float], part: float) -> float:
    """The value that `part` of the values do not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0
