"""When the replicas' counters are read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection

import pytest

from jupyterhub_ha.activity_poll import ActivityPoll


class Replicas:
    """Two replicas; `counts` by address, None for one that does not answer."""

    def __init__(self) -> None:
        self.counts: dict[str, int | None] = {"http://10.0.0.1:8080": 1, "http://10.0.0.2:8080": 1}
        self.polls = 0
        self.pause = 0.0

    async def addresses(self) -> list[str]:
        self.polls += 1
        return list(self.counts)

    async def read_metrics(
        self, address: str, take: Callable[[bytes], object], seconds: float
    ) -> bool:
        await asyncio.sleep(self.pause)
        count = self.counts[address]
        take(f'traefik_service_requests_total{{code="200",service="a@etcd"}} {count}\n'.encode())
        return count is not None


def services() -> Collection[str]:
    return ["a"]


@pytest.fixture
def replicas() -> Replicas:
    return Replicas()


def poll_of(replicas: Replicas) -> ActivityPoll:
    return ActivityPoll(replicas, "etcd", clock=lambda: 86400.0)  # type: ignore[arg-type]


async def test_one_replica_that_does_not_answer_costs_nothing_but_its_counts(
    replicas: Replicas,
) -> None:
    poll = poll_of(replicas)
    began = time.monotonic()
    await poll.update(services)
    took = time.monotonic() - began  # no less than the poll's own measure
    assert poll.activity.last("a") is None
    replicas.counts = {"http://10.0.0.1:8080": None, "http://10.0.0.2:8080": 2}
    await asyncio.sleep(took + 0.01)
    await poll.update(services)
    assert poll.activity.last("a") == "1970-01-02T00:00:00+00:00"


async def test_who_asks_during_a_poll_waits_for_it(replicas: Replicas) -> None:
    replicas.pause = 0.05
    poll = poll_of(replicas)
    start = time.monotonic()
    await asyncio.gather(*(poll.update(services) for _ in range(5)))
    assert time.monotonic() - start >= 0.05
    assert replicas.polls == 1


async def test_polls_take_at_most_half_of_the_time(replicas: Replicas) -> None:
    replicas.pause = 0.5
    poll = poll_of(replicas)
    began = time.monotonic()
    await poll.update(services)
    took = time.monotonic() - began  # no less than the poll's own measure
    await poll.update(services)
    assert replicas.polls == 1
    await asyncio.sleep(took + 0.1)
    await poll.update(services)
    assert replicas.polls == 2


async def test_who_gives_up_does_not_end_the_poll_of_the_others(replicas: Replicas) -> None:
    replicas.pause = 0.1
    poll = poll_of(replicas)
    impatient = asyncio.create_task(poll.update(services))
    patient = asyncio.create_task(poll.update(services))
    await asyncio.sleep(0.02)
    impatient.cancel()
    await patient
    assert replicas.polls == 1


async def test_close_ends_a_poll(replicas: Replicas) -> None:
    replicas.pause = 60
    poll = poll_of(replicas)
    waiting = asyncio.create_task(poll.update(services))
    await asyncio.sleep(0.02)
    await asyncio.wait_for(poll.close(), 5)
    with pytest.raises(asyncio.CancelledError):
        await waiting
