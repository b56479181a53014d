"""Replicas that wait for an etcd which was lost."""

from __future__ import annotations

import logging

import pytest

from jupyterhub_ha import etcd_revive
from jupyterhub_ha.etcd_revive import Revival

NEW = {"store": "new", "generation": "9", "revision": "3"}


class World:
    """An etcd at revision 5, and replicas that follow when it is beyond what they wait for."""

    def __init__(self, **waits_for: int) -> None:
        self.revision = 5
        self.announced: list[int] = []
        self.waits_for = waits_for
        self.told = {name: str(revision - 1) for name, revision in waits_for.items()}
        self.replicas = self
        self.store_id = "new"
        self.store_of_late = "old"
        self.ahead = 0
        self.generation = 9
        self.client = self

    async def put(self, key: str, value: str) -> int:
        assert key == etcd_revive.ADVANCE_KEY
        self.revision += 1
        return self.revision

    async def announce(self) -> None:
        self.announced.append(self.revision)
        self.revision += 1
        self.waits_for = {n: r for n, r in self.waits_for.items() if r > self.revision}

    async def marks(self) -> dict[str, dict[str, str]]:
        old = {"store": self.store_of_late, "generation": "8"}
        late = {n: {**old, "revision": self.told[n]} for n in self.waits_for}
        return {"healthy": NEW, **late}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etcd_revive, "_FOLLOW_SECONDS", 0.0)


def revival(world: World, log: str = "revive") -> Revival:
    return Revival(world, world, logging.getLogger(log))  # type: ignore[arg-type]


async def test_who_has_the_present_table_is_left_alone() -> None:
    world = World()
    assert await revival(world).waiting() == {}
    await revival(world).run()
    assert (world.revision, world.announced) == (5, [])


async def test_etcd_is_brought_to_what_the_last_replica_waits_for() -> None:
    world = World(a=40, b=900)
    await revival(world).run()
    assert world.waits_for == {}
    assert 900 <= world.revision < 950
    assert len(world.announced) == 1


async def test_more_is_written_when_a_replica_told_too_little() -> None:
    world = World(a=3000)
    world.told["a"] = "20"
    await revival(world).run()
    assert world.waits_for == {}
    assert len(world.announced) == 4


async def test_one_that_got_the_new_table_while_it_watches_for_the_lost_one_is_woken() -> None:
    world = World(a=900)
    world.store_of_late, world.ahead = "new", 800  # another hub wrote 100 times after ours
    await revival(world).run()
    assert world.waits_for == {}
    assert 900 <= world.revision < 1000


async def test_after_a_known_loss_replicas_are_woken_before_they_are_asked() -> None:
    world = World(a=700)
    world.told["a"], world.ahead = "0", 800  # it was told that there is no table
    await revival(world).run()
    assert world.waits_for == {}
    assert 800 < world.revision < 850
    assert len(world.announced) == 1


async def test_one_that_is_only_late_costs_nothing() -> None:
    world = World(a=900)
    world.store_of_late = "new"
    await revival(world).run()
    assert (world.revision, world.announced) == (5, [])


async def test_a_replica_that_is_out_of_reach_is_named_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(etcd_revive, "_MOST", 1000)
    world = World(far=2000, near=10)
    once = revival(world, "far")
    with caplog.at_level(logging.ERROR, "far"):
        await once.run()
        await once.run()
    assert [record.getMessage().startswith("Restart Traefik at far") for record in caplog.records]
    assert len(caplog.records) == 1
    assert world.waits_for == {"far": 2000}
    assert world.revision < 100


async def test_one_without_any_table_costs_little(caplog: pytest.LogCaptureFixture) -> None:
    world = World(a=10**9)
    world.told["a"] = "0"
    await revival(world).run()
    assert world.revision < 300


async def test_before_etcd_has_a_name_nobody_can_be_told_from_another() -> None:
    world = World(a=40)
    world.store_id = ""
    assert await revival(world).waiting() == {}
