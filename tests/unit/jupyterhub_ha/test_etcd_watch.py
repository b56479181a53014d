"""The watch: what it repairs, and how it goes on after whatever ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from jupyterhub_ha import etcd_watch
from jupyterhub_ha.errors import EtcdAuthError, EtcdCompactedError, EtcdUnavailableError
from jupyterhub_ha.etcd_watch import EtcdWatch
from jupyterhub_ha.etcd_wire import Changes, Event
from jupyterhub_ha.table import Layout

OPEN = Changes(10, [])


def change(revision: int) -> Changes:
    return Changes(revision, [Event("key", "value", revision, False)])


class World:
    """Stands in for client, store, replicas and committer. `script` has one list a stream."""

    def __init__(self, *script: list[Changes | Exception]) -> None:
        self.script = [*script]
        self.opened: list[int] = []
        self.repairs = 0
        self.moved = 0
        self.layout = Layout()
        self.read_revision = 9
        self.store_id = ""
        self.ahead = self.generation = 0
        self.own: set[int] = set()
        self.is_lost = False
        self.client = self.replicas = self
        self.done = asyncio.Event()

    async def watch(self, *prefixes: str, revision: int, timeout: float):
        assert prefixes == self.layout.watched
        self.opened.append(revision)
        if not self.script:
            self.done.set()
            await asyncio.sleep(60)
        for item in self.script.pop(0):
            if isinstance(item, Exception):
                raise item
            yield item

    def next_endpoint(self) -> None:
        self.moved += 1

    def foreign(self, events: list[Event]) -> bool:
        return any(event.revision not in self.own for event in events)

    async def lost(self) -> bool:
        lost, self.is_lost = self.is_lost, False
        return lost

    async def repair(self, needed: Callable | None = None) -> None:
        if needed is None or await needed():
            self.repairs += 1
            self.read_revision = 3 if self.is_new else 20

    is_new = False


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_GATHER_SECONDS", "_FIRST_PAUSE", "_LONGEST_PAUSE"):
        monkeypatch.setattr(etcd_watch, name, 0.0)


async def run(world: World) -> World:
    watch = EtcdWatch(world, world)  # type: ignore[arg-type]
    watch.start()
    async with asyncio.timeout(5):
        await world.done.wait()
    await watch.stop()
    return world


async def test_a_foreign_change_is_repaired_and_not_seen_again() -> None:
    world = await run(World([OPEN, change(11)]))
    assert world.repairs == 1
    assert world.opened == [10, 21]


async def test_our_own_change_costs_nothing() -> None:
    world = World([OPEN, change(11), change(12)])
    world.own = {11, 12}
    await run(world)
    assert world.repairs == 0
    assert world.opened == [10, 13]


async def test_after_a_compaction_all_is_read() -> None:
    world = await run(World([EtcdCompactedError("gone")]))
    assert world.repairs == 1
    assert world.opened == [10, 21]


@pytest.mark.parametrize(
    ("error", "moved"), [(EtcdUnavailableError("gone"), 2), (EtcdAuthError("who?"), 0)]
)
async def test_a_broken_watch_goes_on_where_it_was(error: Exception, moved: int) -> None:
    own = World([OPEN, change(11), error], [error])
    own.own = {11}
    world = await run(own)
    assert world.opened == [10, 12, 12]
    assert world.moved == moved


async def test_data_that_began_anew_are_watched_from_their_beginning() -> None:
    world = World([OPEN, change(50)])
    world.is_lost = world.is_new = True
    await run(world)
    assert world.repairs == 1
    assert world.opened == [10, 4]


async def test_a_mistake_of_ours_does_not_end_it() -> None:
    world = await run(World([ValueError("a mistake")]))
    assert world.opened == [10, 10]


async def test_a_replica_that_is_late_is_looked_after_before_the_next_look() -> None:
    world, asked = World(), asyncio.Event()
    world.store_id = "these data"

    async def marks() -> dict[str, dict[str, str]]:
        asked.set()
        return {"one": {"store": "these data"}}

    world.marks = marks
    watch = EtcdWatch(world, world)  # type: ignore[arg-type]
    watch.start()
    async with asyncio.timeout(5):
        await world.done.wait()
        assert not asked.is_set()
        world.on_lagging()
        await asked.wait()
    await watch.stop()
    assert world.on_lagging is None
