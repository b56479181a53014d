"""The line of visitors who wait for a server, in the order in which they came. Pure: no I/O."""

from __future__ import annotations

from dataclasses import dataclass

# Who did not ask for so long is passed over; a hidden tab may ask once a minute only.
_PRESENT_SECONDS = 15.0
_PATIENCE_SECONDS = 90.0
# Nobody waits for so many, and whoever takes that many tickets is no visitor.
_LONGEST = 5000


@dataclass(frozen=True, slots=True)
class Place:
    """A visitor's place in the line, from 1, and how many wait in all."""

    place: int
    of: int
    go: bool
    """Whether a server is there for this visitor."""

    @property
    def again(self) -> float:
        """Seconds after which the visitor's page should ask again."""
        return min(1.0 + self.place / 10, 10.0)


class Line:
    """Visitors by their tickets; who does not ask any more loses the place after a time."""

    def __init__(
        self, present: float = _PRESENT_SECONDS, patience: float = _PATIENCE_SECONDS
    ) -> None:
        self._present = present
        self._patience = patience
        self._seen: dict[str, float] = {}

    def ask(self, ticket: str, servers: int, now: float) -> Place:
        """Take a place, or keep it; `servers` are there to be given now."""
        self._forget(now)
        if len(self._seen) >= _LONGEST and ticket not in self._seen:
            return Place(len(self._seen) + 1, len(self._seen) + 1, False)
        self._seen[ticket] = now  # a known ticket keeps its place in the dictionary
        before = 0
        for place, (other, seen) in enumerate(self._seen.items(), 1):
            if other == ticket:
                return Place(place, len(self._seen), before < servers)
            before += now - seen < self._present
        raise AssertionError("unreachable")  # pragma: no cover

    def leave(self, ticket: str) -> None:
        """Give up a place, if there is one."""
        self._seen.pop(ticket, None)

    def length(self, now: float) -> int:
        """How many wait."""
        self._forget(now)
        return len(self._seen)

    def _forget(self, now: float) -> None:
        late = [t for t, seen in self._seen.items() if now - seen >= self._patience]
        for ticket in late:
            del self._seen[ticket]
