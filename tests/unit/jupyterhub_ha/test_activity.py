"""From pages of metrics to the last activity."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pytest

from jupyterhub_ha.activity import Activity, PageReader, Reading

# As Traefik 3.7 writes it, without most of what else is on the page.
PAGE = """\
# HELP process_start_time_seconds Start time of the process since unix epoch in seconds.
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1.79524251599e+09
# TYPE traefik_open_connections gauge
traefik_open_connections{entrypoint="http",protocol="TCP"} 1
# TYPE traefik_service_request_duration_seconds histogram
traefik_service_request_duration_seconds_count{code="200",method="GET",protocol="http",service="a@etcd"} 7
# HELP traefik_service_requests_total How many HTTP requests processed on a service.
# TYPE traefik_service_requests_total counter
traefik_service_requests_total{code="0",method="GET",protocol="websocket",service="a@etcd"} 2
traefik_service_requests_total{code="200",method="GET",protocol="http",service="a@etcd"} 3
traefik_service_requests_total{code="201",method="POST",protocol="http",service="a@etcd"} 1e+01
traefik_service_requests_total{code="302",method="GET",protocol="http",service="a@etcd"} 100
traefik_service_requests_total{code="403",method="GET",protocol="http",service="b@etcd"} 100
traefik_service_requests_total{code="200",method="GET",protocol="http",service="hub@file"} 9
traefik_service_requests_total{agent="a \\"}\\" b",code="200",method="GET",protocol="http",service="c@etcd"} 4
# TYPE traefik_service_responses_bytes_total counter
traefik_service_responses_bytes_total{code="200",method="GET",protocol="http",service="a@etcd"} 20002
"""  # noqa: E501


@pytest.mark.parametrize("size", [1, 7, 100, 100_000])
def test_only_successful_requests_of_the_provider_are_read(size: int) -> None:
    page = PageReader("etcd")
    raw = PAGE.encode()
    for start in range(0, len(raw), size):
        page.feed(raw[start : start + size])
    reading = page.reading()
    assert reading.requests == {"a": 15.0, "c": 4.0}
    assert reading.started == 1795242515.99


def test_a_page_without_a_last_newline_is_read_to_its_end() -> None:
    page = PageReader("file")
    page.feed(b'traefik_service_requests_total{code="200",service="a@file"} 3')
    assert page.reading().requests == {"a": 3.0}


@pytest.mark.parametrize(
    "line",
    [
        b'traefik_service_requests_total{code="200",service="a@etcd"} None',
        b'traefik_service_requests_total{code="x",service="a@etcd"} 1',
        b'traefik_service_requests_total{service="a@etcd"} 1',
        b'traefik_service_requests_total{code="200"} 1',
        b'traefik_service_requests_total{code="200",service="a@etcd"',
        b"traefik_service_requests_total{} 1",
        b"traefik_service_requests_total 1",
        b"process_start_time_seconds",
        b"\xff\xfe\x00<html>",
    ],
)
def test_what_is_no_counter_is_passed_over(line: bytes) -> None:
    page = PageReader("etcd")
    page.feed(line + b"\n")
    assert page.reading() == Reading()


def test_a_page_without_counters_is_empty() -> None:
    assert PageReader("etcd").reading() == Reading()


Poll = tuple[float, Mapping[str, tuple[float, float]]]

# Polls of the hub: the time, and by replica its start and its count of the one service. Then the
# time of the last activity.
STORIES: dict[str, tuple[list[Poll], float | None]] = {
    "nothing is known of the time before the first poll": (
        [(100, {"x": (10, 5)})],
        None,
    ),
    "no traffic": ([(100, {"x": (10, 5)}), (200, {"x": (10, 5)})], None),
    "traffic": ([(100, {"x": (10, 5)}), (200, {"x": (10, 6)}), (300, {"x": (10, 6)})], 200),
    "traffic on one of two": (
        [(100, {"x": (10, 5), "y": (10, 1)}), (200, {"x": (10, 5), "y": (10, 2)})],
        200,
    ),
    "no traffic on two that are not equal": (
        [(100, {"x": (10, 5), "y": (10, 1)}), (200, {"y": (10, 1), "x": (10, 5)})],
        None,
    ),
    "a replica restarted, without traffic since": (
        [(100, {"x": (10, 5)}), (200, {"x": (150, 0)})],
        None,
    ),
    "a replica restarted, with less traffic since": (
        [(100, {"x": (10, 5)}), (200, {"x": (150, 2)}), (300, {"x": (150, 2)})],
        200,
    ),
    "a replica restarted, with as much traffic since": (
        [(100, {"x": (10, 5)}), (200, {"x": (150, 5)})],
        200,
    ),
    "a counter that went and came again": (
        [(100, {"x": (10, 5)}), (200, {"x": (10, 1)})],
        200,
    ),
    "a counter that went": ([(100, {"x": (10, 5)}), (200, {"x": (10, 0)})], None),
    "a new replica that was here before the first poll": (
        [(100, {"x": (10, 5)}), (200, {"x": (10, 5), "y": (50, 3)})],
        None,
    ),
    "a new replica": (
        [(100, {"x": (10, 5)}), (200, {"x": (10, 5), "y": (150, 3)})],
        200,
    ),
    "a new replica that was too busy to answer the first time": (
        [(100, {"x": (10, 5)}), (200, {"x": (10, 5)}), (300, {"x": (10, 5), "y": (150, 3)})],
        300,
    ),
    "a replica that did not answer once, without traffic": (
        [(100, {"x": (10, 5)}), (200, {}), (300, {"x": (10, 5)})],
        None,
    ),
    "a replica that did not answer once, with traffic": (
        [(100, {"x": (10, 5)}), (200, {}), (300, {"x": (10, 6)})],
        300,
    ),
    "a replica that went, and another that stayed": (
        [(100, {"x": (10, 5), "y": (10, 5)}), (200, {"y": (10, 5)}), (300, {"y": (10, 5)})],
        None,
    ),
    "no replica at all at first": (
        [(100, {}), (200, {"x": (10, 5)}), (300, {"x": (10, 5)})],
        None,
    ),
}


@pytest.mark.parametrize(("polls", "last"), STORIES.values(), ids=list(STORIES))
def test_the_last_activity(polls: list[Poll], last: float | None) -> None:
    activity = Activity()
    for now, replicas in polls:
        readings = {
            address: Reading(started, {"a": count} if count else {})
            for address, (started, count) in replicas.items()
        }
        activity.update(readings, ["a", "b"], now)
    assert seconds(activity, "a") == last
    assert seconds(activity, "b") is None


def seconds(activity: Activity, service: str) -> float | None:
    last = activity.last(service)
    if last is None:
        return None
    parsed = datetime.fromisoformat(last)
    assert last.endswith("+00:00")
    return parsed.timestamp()


def test_an_added_service_was_active_when_it_was_added() -> None:
    activity = Activity()
    activity.added("a", 100.5)
    assert activity.last("a") == "1970-01-01T00:01:40.500000+00:00"
    activity.update({"x": Reading(10, {})}, ["a"], 200)
    assert seconds(activity, "a") == 100.5


def test_all_that_a_service_counted_since_it_was_added_is_news() -> None:
    activity = Activity()
    activity.added("a", 100)
    activity.update({"x": Reading(10, {"a": 1, "b": 1})}, ["a", "b"], 200)
    assert (seconds(activity, "a"), seconds(activity, "b")) == (200, None)


def test_the_last_activity_never_goes_back() -> None:
    activity = Activity()
    activity.added("a", 300)
    activity.update({"x": Reading(10, {"a": 1})}, ["a"], 200)  # a clock that was set back
    assert seconds(activity, "a") == 300


def test_a_service_that_has_left_the_table_is_forgotten() -> None:
    activity = Activity()
    activity.added("a", 100)
    activity.update({}, [], 200)
    assert activity.last("a") is None


def test_a_replica_that_has_gone_is_forgotten_after_an_hour() -> None:
    activity = Activity()
    activity.update({"x": Reading(10, {"a": 5}), "y": Reading(10, {})}, ["a"], 100)
    activity.update({"y": Reading(10, {})}, ["a"], 100 + 4000)
    # Nothing says how much of it is new.
    activity.update({"x": Reading(10, {"a": 6})}, ["a"], 100 + 4001)
    assert activity.last("a") is None
