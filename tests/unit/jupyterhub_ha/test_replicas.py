"""Whom the hub waits for."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from jupyterhub_ha import metrics
from jupyterhub_ha.errors import RouteError
from jupyterhub_ha.replica_http import NoAnswerError
from jupyterhub_ha.replicas import Replicas, Report


class Traefik:
    """One replica: the generation it serves, and how it answers."""

    def __init__(
        self,
        generation: int | None = 1,
        alive: bool = True,
        step: int = 0,
        status: int = 200,
    ) -> None:
        self.generation = generation
        self.alive = alive
        self.step = step
        self.status = status
        self.asked = 0

    def serve(self, generation: int) -> None:
        self.generation = generation

    def answer(self, path: str) -> tuple[int, bytes]:
        if not self.alive:
            raise NoAnswerError("refused")
        if self.status != 200:
            return self.status, b""
        if path == "/ping":
            return 200, b"OK"
        self.asked += 1
        if self.generation is None:
            return 404, b""
        self.generation += self.step
        headers = {"customResponseHeaders": {"generation": str(self.generation)}}
        return 200, json.dumps({"headers": headers}).encode()


class Network:
    """Replicas by address, and what was asked for last; stands in for ReplicaHttp."""

    def __init__(self) -> None:
        self.replicas: dict[str, Traefik] = {}
        self.user: tuple[str, str] = ("", "")
        self.seconds = 0.0
        self.path = ""

    def __call__(self, username: str, password: str) -> Network:
        self.user = (username, password)
        return self

    async def get(self, url: str, seconds: float) -> tuple[int, bytes]:
        await asyncio.sleep(0)
        parts = urlsplit(url)
        self.seconds, self.path = seconds, parts.path
        return self.replicas[parts.hostname or ""].answer(parts.path)

    async def stream(
        self, url: str, take: Callable[[bytes], object], seconds: float, _: float
    ) -> int:
        status, body = await self.get(url, seconds)
        take(body)
        return status

    def close(self) -> None:
        pass


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    network = Network()
    monkeypatch.setattr("jupyterhub_ha.replicas.ReplicaHttp", network)
    return network


def replicas_of(network: Network, timeout: float = 5, **replicas: Traefik) -> Replicas:
    network.replicas = {f"10.0.0.{i}": replica for i, replica in enumerate(replicas.values(), 1)}
    urls = [f"http://{address}:8080" for address in network.replicas]
    return Replicas(urls, "jupyterhub-generation", timeout=timeout)


ONE, TWO = "http://10.0.0.1:8080", "http://10.0.0.2:8080"


async def test_all_live_replicas_are_waited_for(network: Network) -> None:
    slow = Traefik(0, step=1)
    replicas = replicas_of(network, a=Traefik(9), b=slow)
    assert await replicas.wait_for(4) == Report(live=[ONE, TWO])
    assert slow.asked == 4
    assert replicas.seen


async def test_replicas_are_first_asked_after_a_share_of_the_usual_time(network: Network) -> None:
    """Questions in vain cost Traefik the time that it needs for the change."""
    replica = Traefik(0)
    replicas = replicas_of(network, a=replica)

    async def change(seconds: float) -> int:
        replica.asked = 0
        wanted = (replica.generation or 0) + 1
        asyncio.get_running_loop().call_later(seconds, replica.serve, wanted)
        assert await replicas.wait_for(wanted) == Report(live=[ONE])
        return replica.asked

    first = max([await change(0.2) for _ in range(3)])
    replicas._usual = 0.2
    assert await change(0.2) < first / 2
    for _ in range(10):
        await change(0)
    assert replicas._usual < 0.1


async def test_a_slow_change_does_not_hold_up_those_after_it(network: Network) -> None:
    replicas = replicas_of(network, 60, a=Traefik(9))
    replicas._usual = 1000.0
    await replicas.wait_for(1)
    assert replicas._usual < 10


async def test_no_wait_is_longer_than_the_timeout(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyterhub_ha.replicas._LONGEST_FIRST", 60.0)
    replicas = replicas_of(network, 0.01, a=Traefik(0))
    replicas._usual = 1000.0
    began = time.monotonic()
    assert await replicas.wait_for(1) == Report(lagging=[ONE])
    assert time.monotonic() - began < 20


async def test_a_dead_replica_is_skipped(network: Network) -> None:
    replicas = replicas_of(network, a=Traefik(), b=Traefik(alive=False))
    assert await replicas.wait_for(1) == Report(live=[ONE], skipped=[TWO])


async def test_a_late_replica_is_named_once_and_then_only_asked(
    network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    late = Traefik(None)
    replicas = replicas_of(network, 0.1, a=Traefik(1), b=late)
    with caplog.at_level(logging.INFO):
        assert await replicas.wait_for(1) == Report(live=[ONE], lagging=[TWO])
        asked = late.asked
        assert asked > 1
        assert await replicas.wait_for(1) == Report(live=[ONE], lagging=[TWO])
        assert late.asked == asked + 1
        late.generation = 1
        assert await replicas.wait_for(1) == Report(live=[ONE, TWO])
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "does not serve generation 1" in said[0]
    assert "has caught up" in said[1]


async def test_a_slow_change_is_told_with_the_replica_that_was_slow(
    network: Network, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyterhub_ha.replicas.SLOW", 0.1)
    slow = Traefik(0)
    replicas = replicas_of(network, a=Traefik(1), b=slow)
    asyncio.get_running_loop().call_later(0.15, slow.serve, 1)
    with caplog.at_level(logging.INFO):
        assert await replicas.wait_for(1) == Report(live=[ONE, TWO])
        monkeypatch.setattr("jupyterhub_ha.replicas.SLOW", 60.0)  # the other one is quick
        assert await replicas.wait_for(1) == Report(live=[ONE, TWO])
    named, whole = (record.getMessage() for record in caplog.records)
    assert re.match(rf"Traefik at {re.escape(TWO)} needed \d+\.\d", named)
    assert re.match(r"Generation 1 is live after \d+\.\d", whole)


async def test_when_all_are_late_they_are_waited_for(network: Network) -> None:
    late = Traefik(0)
    replicas = replicas_of(network, 0.05, a=late)
    assert await replicas.wait_for(3) == Report(lagging=[ONE])
    assert not replicas.seen
    late.step = 1
    replicas.timeout = 5
    assert await replicas.wait_for(3) == Report(live=[ONE])


async def test_a_replica_that_is_back_is_waited_for(network: Network) -> None:
    back = Traefik(alive=False)
    replicas = replicas_of(network, a=Traefik(9), b=back)
    assert (await replicas.wait_for(1)).skipped == [TWO]
    back.alive, back.generation, back.step = True, 0, 1
    assert await replicas.wait_for(5) == Report(live=[ONE, TWO])


async def test_waiting_is_bounded(network: Network) -> None:
    replicas = replicas_of(network, 0.1, a=Traefik(0), b=Traefik(0))
    start = time.monotonic()
    assert (await replicas.wait_for(1)).lagging == [ONE, TWO]
    assert time.monotonic() - start < 20


async def test_a_name_stands_for_all_its_addresses(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        if host == "gone":
            raise socket.gaierror("no such name")
        four = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", port))
        six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fd00::1", port, 0, 0))
        return [four, six, four]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    network.replicas = {"10.0.0.1": Traefik(), "fd00::1": Traefik()}
    replicas = Replicas(["http://proxy-replicas:8080", "http://gone:8080"], "m")
    assert await replicas.wait_for(1) == Report(live=[ONE, "http://[fd00::1]:8080"])


async def test_the_marker_is_asked_for_with_user_and_password(network: Network) -> None:
    network.replicas = {"10.0.0.1": Traefik()}
    replicas = Replicas([ONE], "jupyterhub-generation-b", username="hub", password="secret")
    await replicas.wait_for(1)
    assert network.path == "/api/http/middlewares/jupyterhub-generation-b@etcd"
    assert network.user == ("hub", "secret")


async def test_no_replicas_are_nobody_to_wait_for(network: Network) -> None:
    assert await Replicas([], "m").wait_for(1) == Report()


@pytest.mark.parametrize("url", ["https://x:8080", "x:8080", "http://", ""])
def test_bad_urls_are_refused(url: str) -> None:
    with pytest.raises(RouteError, match="replica URL"):
        Replicas([url], "m")


async def test_metrics_come_piece_by_piece(network: Network) -> None:
    replicas = replicas_of(network, one=Traefik())
    pieces: list[bytes] = []
    assert await replicas.read_metrics(ONE, pieces.append, 3)
    assert network.path == "/metrics"
    assert pieces
    assert network.seconds == 3


@pytest.mark.parametrize(
    ("replica", "warned"),
    [(Traefik(alive=False), False), (Traefik(status=503), False), (Traefik(status=401), True)],
)
async def test_a_replica_without_metrics_is_no_error(
    network: Network, caplog: pytest.LogCaptureFixture, replica: Traefik, warned: bool
) -> None:
    replicas = replicas_of(network, one=replica)
    assert not await replicas.read_metrics(ONE, bytes, 3)
    assert any(record.levelno == logging.WARNING for record in caplog.records) == warned


async def test_an_address_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: object, **__: object) -> None:
        raise AssertionError("looked up")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    urls = ["http://10.0.0.1:8080/", "http://[fd00::1]:8080", "http://127.0.0.1"]
    found = await Replicas(urls, "m").addresses()
    assert found == ["http://10.0.0.1:8080", "http://[fd00::1]:8080", "http://127.0.0.1:80"]


def shown() -> dict[str, float]:
    """The replicas and their generations in the metrics."""
    (family,) = metrics.REPLICA_GENERATION.collect()
    return {sample.labels["replica"]: sample.value for sample in family.samples}


async def test_metrics_tell_the_generation_of_each_replica_that_answers(network: Network) -> None:
    metrics.REPLICA_GENERATION.clear()  # of other tests
    late, dead = Traefik(3), Traefik(7)
    replicas = replicas_of(network, 0.0, a=Traefik(9), b=late, c=dead)
    await replicas.wait_for(7)
    assert shown() == {"10.0.0.1:8080": 9, "10.0.0.2:8080": 3, "10.0.0.3:8080": 7}
    late.generation, dead.alive = 8, False
    await replicas.marks()
    assert shown() == {"10.0.0.1:8080": 9, "10.0.0.2:8080": 8}
    replicas.close()
    assert shown() == {}
