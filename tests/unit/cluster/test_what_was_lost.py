"""What the end-to-end tests count, and when they call it a loss. Needs no cluster."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.e2e.kubernetes import page, report, visits
from tests.e2e.kubernetes.faults import Fault
from tests.e2e.kubernetes.load.events import CLOSED, FAILED, OK, Event, Log, by_second, share
from tests.e2e.kubernetes.load.logins import Logins
from tests.e2e.kubernetes.measure import Measured, Row, wrong
from tests.e2e.kubernetes.release import merged
from tests.e2e.kubernetes.usage import Usage

ROW = Row(
    *("traefik-etcd", "a node drained", 30.0, 1000, 0, 0, 0.0, 0, 0.3, 4),
    *(10, 0, 0.4, 0.9, None, "0 failed"),
)


def fault(**what: object) -> Fault:
    return Fault("it", lambda scene: None, **what)  # type: ignore[arg-type]


def ended(at: float, outcome: str = OK, took: float = 0.1) -> Event:
    return Event("keep-alive", at, took, outcome, "" if outcome == OK else "why")


def test_an_event_is_late_failed_or_closed() -> None:
    log = Log()
    log.started -= 10
    log.add("a", log.now())
    log.add("b", log.now() - 3)
    log.add("c", log.now(), "refused", retry_failed=True)
    log.add("d", log.now(), "gone", closed=True)
    assert [event.outcome for event in log.events] == ["ok", "late", "failed", "closed"]
    assert [event.retry_failed for event in log.events] == [False, False, True, False]


def test_every_second_is_there_also_the_empty_ones() -> None:
    events = [ended(5.1), ended(5.9, FAILED, 9.0), ended(7.5, took=0.4), ended(8.0)]
    found = by_second(events, 5.0, 8.0)
    assert [(s.second, s.requests, s.failed, s.p99) for s in found] == [
        (0, 2, 1, 0.1),
        (1, 0, 0, 0.0),
        (2, 1, 0, 0.4),
    ]


@pytest.mark.parametrize(
    ("values", "part", "expected"),
    [([], 0.5, 0.0), ([1.0], 0.99, 1.0), ([3.0, 1.0, 2.0], 0.5, 2.0), ([1.0, 2.0], 0.99, 2.0)],
)
def test_share(values: list[float], part: float, expected: float) -> None:
    assert share(values, part) == expected


@pytest.mark.parametrize(
    ("what", "events", "logins", "rewritten", "expected"),
    [
        ({}, [ended(101)], Logins(), None, []),
        ({}, [ended(101, FAILED)], Logins(), None, ["1 failed, the first: why"]),
        ({"in_flight": True, "gap": 5}, [ended(101, FAILED)], Logins(), None, []),
        (
            {"in_flight": True, "gap": 5},
            [ended(106, FAILED)],
            Logins(),
            None,
            ["1 that began after 5 s failed"],
        ),
        ({}, [ended(101, CLOSED)], Logins(), None, ["1 websockets or streams closed"]),
        ({"drains": True}, [ended(131, CLOSED)], Logins(), None, []),
        (
            {"drains": True},
            [ended(103, CLOSED)],
            Logins(),
            None,
            ["a websocket was closed after 3.0 s, before the drain's end"],
        ),
        ({}, [], Logins([], ["x: refused"]), None, ["1 logins failed: x: refused"]),
        ({"logins": False}, [], Logins([], ["x: refused"]), None, []),
        ({}, [], Logins([9.0], []), None, ["a route was live after 9.0 s"]),
        ({"rewrites": False}, [], Logins(), 0, []),
        ({"rewrites": False}, [], Logins(), 3, ["3 routes were written anew"]),
    ],
)
def test_what_is_allowed(
    what: dict[str, object],
    events: list[Event],
    logins: Logins,
    rewritten: int | None,
    expected: list[str],
) -> None:
    assert wrong(fault(**what), events, 100.0, logins, rewritten) == expected


def test_values_are_merged_as_helm_does_and_stay_as_they_were() -> None:
    base = {"a": {"b": 1, "c": [1, 2]}}
    assert merged(base, {"a": {"c": [3]}, "d": None}) == {"a": {"b": 1, "c": [3]}, "d": None}
    assert base == {"a": {"b": 1, "c": [1, 2]}}


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    chp = replace(ROW, proxy="chp", failed=7, rewritten=3, problem="a, b")
    seconds = by_second([ended(0.5), ended(1.5, FAILED)], 0, 2)
    measured = [Measured(ROW, seconds, []), Measured(chp, seconds, [])]
    usages = [Usage("chp", "idle", "proxy", 1, 64.5, 3.0)]
    report.write(measured, usages, tmp_path)
    assert report.read(tmp_path) == measured
    assert report.read_usage(tmp_path) == usages
    assert (tmp_path / "all-faults.svg").exists()


def test_the_page_has_a_table_for_each_proxy() -> None:
    measured = [Measured(ROW, [], []), Measured(replace(ROW, proxy="chp", failed=1234), [], [])]
    before = "text\n\n<!-- figures -->\n\nold\n\n<!-- end -->\nmore\n"
    found = page.filled(before, measured)
    assert found.startswith("text\n\n<!-- figures -->\n\n### traefik-etcd\n")
    assert "| a node drained | 0 failed | 30.0 | 1,000 | 1,234 | 0 |" in found
    assert "old" not in found
    assert found.endswith("<!-- end -->\nmore\n")
    assert page.filled(found, measured) == found


def test_the_table_says_what_was_lost_and_whether_that_is_allowed() -> None:
    text = report.table([ROW, replace(ROW, fault="kill -9", failed=3, problem="3 failed")])
    lines = {re.split("  +", line)[2]: line for line in text.splitlines() if " 1000 " in line}
    assert lines.keys() == {"a node drained", "kill -9"}
    assert "yes" in lines["a node drained"]
    assert "NO" in lines["kill -9"]
    assert max(map(len, text.splitlines())) <= 240


def test_how_long_visitors_waited_is_read_as_it_was_written(tmp_path: Path) -> None:
    lines = [visits.Wait("a, b", "waited for the visitor", 20, 0.25, 0.5, 0.75)]
    assert visits.read(tmp_path) == []
    visits.write(lines, tmp_path)
    assert visits.read(tmp_path) == lines
    found = page.with_visits("text\n<!-- figures -->\nold\n<!-- end -->\nmore\n", lines)
    assert "| a, b | waited for the visitor | 20 | 0.25 | 0.50 | 0.75 |" in found
    assert "old" not in found
