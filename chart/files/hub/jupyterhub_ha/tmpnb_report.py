"""What operators see of the pool: counts, times and the last failure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import Any, Final

from . import tmpnb_metrics as metrics
from .tmpnb_pool import Phase, Server

_KEPT: Final = 500


class Report:
    """Counts since the hub has started, and the times of the last spawns."""

    def __init__(self) -> None:
        self.wanted = 0
        self.waiting = 0
        self.states: dict[str, int] = dict.fromkeys(metrics.STATES, 0)
        self.ended: Counter[str] = Counter(dict.fromkeys(metrics.REASONS, 0))
        self.claims = 0
        self.failures = 0
        self.last_failure = ""
        self._spawns: deque[float] = deque(maxlen=_KEPT)

    def saw(self, servers: Iterable[Server], spec: str, wanted: int, waiting: int) -> None:
        """Note how things are."""
        states = Counter(_state(server, spec) for server in servers)
        self.states = {state: states[state] for state in metrics.STATES}
        self.wanted, self.waiting = wanted, waiting
        for state, count in self.states.items():
            metrics.SERVERS.labels(state).set(count)
        metrics.WANTED.set(wanted)
        metrics.WAITING.set(waiting)

    def claimed(self, seconds: float) -> None:
        """A visitor got a server so long after asking for it."""
        self.claims += 1
        metrics.CLAIMS.inc()
        metrics.CLAIM_SECONDS.observe(seconds)

    def spawned(self, seconds: float) -> None:
        """A server became ready."""
        self._spawns.append(seconds)
        metrics.SPAWN_SECONDS.observe(seconds)

    def failed(self, reason: str) -> None:
        """A server could not be started."""
        self.failures += 1
        self.last_failure = reason
        metrics.FAILURES.inc()

    def end(self, reason: str) -> None:
        """A server was ended."""
        self.ended[reason] += 1
        metrics.ENDED.labels(reason).inc()

    def document(self, *, with_reasons: bool) -> dict[str, Any]:
        """All of it as JSON; reasons of failures may name what is not everybody's business."""
        document: dict[str, Any] = {
            "pool": {
                "wanted": self.wanted,
                **{state: self.states[state] for state in ("ready", "starting", "old")},
            },
            "claimed": self.states["claimed"],
            "ending": self.states["ending"],
            "waiting": self.waiting,
            "spawn_seconds": {
                "p50": percentile(self._spawns, 50),
                "p99": percentile(self._spawns, 99),
                "of": len(self._spawns),
            },
            "claims": self.claims,
            "ended": dict(self.ended),
            "failures": self.failures,
        }
        if with_reasons:
            document["last_failure"] = self.last_failure
        return document


def percentile(values: Sequence[float], percent: int) -> float | None:
    """The smallest value that so many of a hundred do not exceed; None without values."""
    if not values:
        return None
    place = -(-len(values) * percent // 100)
    return round(sorted(values)[max(place, 1) - 1], 3)


def _state(server: Server, spec: str) -> str:
    if server.phase in {Phase.ENDING, Phase.STOPPED} or server.dead:
        return "ending"
    if server.taken is not None:
        return "claimed"
    if server.phase is Phase.STARTING:
        return "starting"
    return "ready" if server.spec == spec else "old"
