"""When the proxy saw the last request for each temporary server. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any


def last_requests(routes: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """By user's name, from JupyterHub's routes; without those of which the proxy knows nothing."""
    found = {}
    for route in routes:
        data = route["data"]
        if data.get("user") and (text := data.get("last_activity")):
            moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            found[str(data["user"])] = moment.timestamp()
    return found
