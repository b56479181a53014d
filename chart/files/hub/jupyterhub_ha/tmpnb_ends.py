"""Which visitors' servers end, and why. Pure: no I/O.

Idle is a server to which the proxy has passed no successful request for a time. What the server
says of itself does not count: a kernel that computes or prints for nobody is idle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .tmpnb_pool import Phase, Server


@dataclass(frozen=True, slots=True)
class Life:
    """Seconds that visitors' servers live."""

    idle: float
    age: float = 0
    """0: as long as they are used."""


def ended(
    servers: Iterable[Server], seen: Mapping[str, float], since: float, life: Life, now: float
) -> dict[str, str]:
    """The names of visitors' servers whose time is over, each with `idle` or `age`.

    `seen` is when the proxy saw the last request for a server, as far as it knows; `since` is when
    we began to look: before that, all of them may have been in use.
    """
    found = {}
    for server in servers:
        if server.taken is None or server.phase is not Phase.READY:
            continue
        last = max(server.taken, since, seen.get(server.name, 0.0))
        if life.age and now - server.taken >= life.age:
            found[server.name] = "age"
        elif now - last >= life.idle:
            found[server.name] = "idle"
    return found
