"""How many servers are to wait for visitors: always, at quiet hours, by recent demand. Pure."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_HOURS = re.compile(r"([01]?\d|2[0-3])-([01]?\d|2[0-4])")


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of the pool, as the values give them."""

    size: int
    quiet_size: int | None = None
    quiet_hours: Sequence[str] = ()
    timezone: str = "UTC"
    demand_minutes: float = 0
    smallest: int = 1

    def problems(self) -> list[str]:
        """What is wrong with them: place, reason and cure."""
        found = [
            f"quiet hours: {hours!r} is no pair of hours; write such as 22-6"
            for hours in self.quiet_hours
            if not _HOURS.fullmatch(hours)
        ]
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            found.append(
                f"timezone: {self.timezone!r} is not known here; write a name of the IANA "
                "database, such as Europe/Berlin, or UTC"
            )
        return found

    def wanted(self, taken: int, now: datetime) -> int:
        """Servers that are to wait, when so many were taken in the last `demand_minutes`."""
        size = self.size
        if self.quiet_size is not None and self._is_quiet(now):
            size = self.quiet_size
        if self.demand_minutes:
            size = min(size, max(taken, self.smallest))
        return size

    def _is_quiet(self, now: datetime) -> bool:
        hour = now.astimezone(ZoneInfo(self.timezone)).hour
        return any(_within(hour, hours) for hours in self.quiet_hours)


def _within(hour: int, hours: str) -> bool:
    found = _HOURS.fullmatch(hours)
    if not found:
        return False
    first, end = (int(text) for text in found.groups())
    return first <= hour < end if first < end else hour >= first or hour < end


class Demand:
    """When servers were taken, in the last minutes."""

    def __init__(self, minutes: float, taken: Iterable[float] = ()) -> None:
        self._seconds = minutes * 60
        self._taken = deque(sorted(taken))

    def note(self, now: float) -> None:
        """A server was taken."""
        self._taken.append(now)
        self.count(now)

    def count(self, now: float) -> int:
        """How many were taken in these minutes."""
        while self._taken and self._taken[0] <= now - self._seconds:
            self._taken.popleft()
        return len(self._taken)
