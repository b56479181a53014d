"""How many servers wait."""

from datetime import UTC, datetime

import pytest

from jupyterhub_ha.tmpnb_size import Demand, Sizes


@pytest.mark.parametrize(
    ("hours", "timezone", "utc", "quiet"),
    [
        (["22-6"], "UTC", 21, False),
        (["22-6"], "UTC", 22, True),
        (["22-6"], "UTC", 5, True),
        (["22-6"], "UTC", 6, False),
        (["0-24"], "UTC", 12, True),
        (["8-10", "12-14"], "UTC", 13, True),
        (["8-10", "12-14"], "UTC", 11, False),
        (["22-6"], "Europe/Berlin", 21, True),  # 22 in winter
        ([], "UTC", 3, False),
    ],
)
def test_quiet_hours(hours, timezone, utc, quiet):
    sizes = Sizes(10, 2, hours, timezone)
    now = datetime(2026, 1, 15, utc, 30, tzinfo=UTC)
    assert sizes.wanted(0, now) == (2 if quiet else 10)


@pytest.mark.parametrize(("taken", "wanted"), [(0, 2), (2, 2), (5, 5), (50, 10)])
def test_demand(taken, wanted):
    sizes = Sizes(10, demand_minutes=15, smallest=2)
    assert sizes.wanted(taken, datetime.now(UTC)) == wanted


def test_problems_are_told_together():
    problems = Sizes(10, 2, ["22-25", "10-12", "noon"], "Mars/Olympus").problems()
    assert [text.partition(" is ")[0] for text in problems] == [
        "quiet hours: '22-25'",
        "quiet hours: 'noon'",
        "timezone: 'Mars/Olympus'",
    ]
    assert Sizes(10, 2, ["22-6", "0-24"], "Europe/Berlin").problems() == []


def test_what_was_taken_is_forgotten():
    demand = Demand(1, [0.0, 30.0])
    demand.note(50.0)
    assert demand.count(59.0) == 3
    assert demand.count(60.0) == 2
    assert demand.count(1000.0) == 0
