from __future__ import annotations

import datetime

import pytest

from jupyterhub_ha.certificate import Facts
from jupyterhub_ha.certificate_times import (
    FIRST_PAUSE,
    LIMITED_PAUSE,
    LONGEST_PAUSE,
    SPREAD,
    renewal_time,
    retry_pause,
    stagger,
)

DAY = 86400.0
NOW = datetime.datetime(2026, 1, 31, 3, 0, tzinfo=datetime.UTC).timestamp()


def certificate(days: float) -> Facts:
    return Facts("1", NOW, NOW + days * DAY, ("hub.example.org",))


@pytest.mark.parametrize("days", [90, 47, 6])
def test_renewed_at_two_thirds_or_a_little_sooner(days: float) -> None:
    for number in range(200):
        at = renewal_time(certificate(days), [f"hub{number}.example.org"])
        assert NOW + days * DAY * (2 / 3 - SPREAD) <= at <= NOW + days * DAY * 2 / 3


def test_the_same_hosts_always_have_the_same_moment() -> None:
    hosts = ["a.example.org", "b.example.org"]
    assert renewal_time(certificate(90), hosts) == renewal_time(certificate(90), hosts[::-1])


def test_different_hosts_are_spread() -> None:
    shares = sorted(stagger([f"hub{number}.example.org"]) for number in range(1000))
    assert shares[0] < 0.01
    assert shares[-1] > 0.99
    assert 0.45 < shares[500] < 0.55


def test_another_share_of_the_lifetime() -> None:
    at = renewal_time(certificate(90), ["hub.example.org"], renew_at=0.0)
    assert at == NOW


def test_pauses_double_up_to_the_longest() -> None:
    pauses = [retry_pause(failures, "connection refused", NOW) for failures in range(1, 12)]
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE
    assert retry_pause(10**6, "", NOW) == LONGEST_PAUSE


def test_no_more_than_five_attempts_in_the_first_hour() -> None:
    at, attempts = 0.0, 1
    while (at := at + retry_pause(attempts, "", NOW)) <= 3600:
        attempts += 1
    assert attempts == 5


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        (
            "urn:ietf:params:acme:error:rateLimited :: too many certificates (5) already issued "
            "for this exact set of identifiers in the last 168h0m0s, retry after "
            "2026-01-31 09:00:05 UTC: see https://letsencrypt.org/docs/rate-limits/",
            6 * 3600 + 5,
        ),
        ("rateLimited :: retry after 2026-01-31T04:30:00Z", 5400),
        ("rateLimited :: Retry-After: 7200", 7200),
        ("urn:ietf:params:acme:error:rateLimited :: slow down", LIMITED_PAUSE),
        # Nobody is kept waiting for a month by a text that was misread, or by a clock.
        ("rateLimited :: retry after 2027-01-31 03:00:00 UTC", 8 * DAY),
        # A time that has passed asks for nothing.
        ("retry after 2026-01-30 03:00:00 UTC", FIRST_PAUSE),
    ],
)
def test_what_the_authority_asks_for_wins(message: str, seconds: float) -> None:
    assert retry_pause(1, message, NOW) == pytest.approx(seconds)


def test_an_own_pause_that_is_longer_stays() -> None:
    assert retry_pause(8, "rateLimited :: retry after 2026-01-31 03:00:10 UTC", NOW) > 10000
