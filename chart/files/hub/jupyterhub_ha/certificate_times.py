"""When a certificate is renewed, and when a failed attempt is repeated. Pure: no I/O.

Times are Unix times, spans seconds.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Iterable

from .certificate import Facts

RENEW_AT = 2 / 3
"""Share of a certificate's lifetime after which it is renewed."""
SPREAD = 0.05
"""Share of the lifetime by which the moment of a renewal is brought forward at most."""
FIRST_PAUSE = 120.0
LONGEST_PAUSE = 6 * 3600.0
LIMITED_PAUSE = 3600.0
"""The least pause after an authority has said that there were too many requests."""

_LONGEST_LIMIT = 8 * 86400.0  # no authority's limits look further back than a week
_LIMITED = re.compile(r"rateLimited|too many (?:certificates|failed|new|requests)", re.IGNORECASE)
# Let's Encrypt: "... retry after 2026-01-31 04:05:06 UTC: see https://..."; RFC 3339 from others.
_RETRY_AT = re.compile(
    r"retry[ -]after[: ]+(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)?(?: UTC|Z)?", re.IGNORECASE
)
_RETRY_IN = re.compile(r"retry[ -]after[: ]+(\d+)(?:\s*s(?:econds)?)?\b(?!-)", re.IGNORECASE)


def stagger(hosts: Iterable[str]) -> float:
    """A number from 0 up to 1 that these hosts always have, and others rarely share."""
    digest = hashlib.sha256("\0".join(sorted(hosts)).encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


def renewal_time(certificate: Facts, hosts: Iterable[str], renew_at: float = RENEW_AT) -> float:
    """When to renew: after `renew_at` of the lifetime, or up to a twentieth of it sooner.

    Many hubs that were installed in one moment so do not all ask in one moment, and a restart does
    not change when a hub asks.
    """
    lifetime = certificate.not_after - certificate.not_before
    share = max(renew_at - SPREAD * stagger(hosts), 0.0)
    return certificate.not_before + lifetime * share


def retry_pause(
    failures: int,
    message: str,
    now: float,
    first: float = FIRST_PAUSE,
    longest: float = LONGEST_PAUSE,
) -> float:
    """How long to wait after so many failures in a row, the last of which said `message`.

    Twice as long each time, so that with the defaults five attempts are made in the first hour:
    Let's Encrypt refuses a host that failed five times in an hour. What the authority itself asks
    for wins.
    """
    pause = min(first * 2.0 ** min(failures - 1, 30), longest)
    if found := _RETRY_AT.search(message):
        at = datetime.datetime.fromisoformat(f"{found[1]}T{found[2]}+00:00").timestamp()
        return max(pause, min(at - now, _LONGEST_LIMIT))
    if found := _RETRY_IN.search(message):
        return max(pause, min(float(found[1]), _LONGEST_LIMIT))
    return max(pause, LIMITED_PAUSE) if _LIMITED.search(message) else pause
