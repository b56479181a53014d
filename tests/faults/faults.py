"""The faults, and what they may cost. Each one ends with the broken part whole again."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.faults.world import TOKEN_SECONDS, World
from tests.support.processes import paused

from jupyterhub_ha import metrics
from jupyterhub_ha.etcd_wire import KeyValue
from jupyterhub_ha.table import Layout


@dataclass(frozen=True)
class Fault:
    """`run` gets the world and for how many seconds something is broken.

    `may_fail` is how many requests of users may fail, and why; `may_refuse` whether changes of
    routes may be refused meanwhile, in time and with an error that says why.
    """

    name: str
    run: Callable[[World, float], Awaitable[None]]
    seconds: float
    short: float
    may_fail: int = 0
    why: str = ""
    may_refuse: bool = False


async def leader_killed(world: World, seconds: float) -> None:
    """etcd's leader is killed and comes back."""
    leader = await world.leader()
    leader.kill()
    await asyncio.sleep(seconds)
    leader.start()
    await asyncio.to_thread(world.system.etcd.wait)


async def quorum_lost(world: World, seconds: float) -> None:
    """Two of three members are killed and come back."""
    for member in world.system.etcd.members[:2]:
        member.kill()
    await asyncio.sleep(seconds)
    for member in world.system.etcd.members[:2]:
        member.start()
    await asyncio.to_thread(world.system.etcd.wait)


async def data_wiped(world: World, seconds: float) -> None:
    """All members lose their data; the set-up is repeated."""
    await asyncio.to_thread(world.system.etcd.wipe)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(world.system.set_up)


async def data_wiped_no_set_up(world: World, seconds: float) -> None:
    """All members lose their data, and nobody repeats the set-up for long."""
    await asyncio.to_thread(world.system.etcd.wipe)
    # Without users in etcd the hub must go on all the same.
    await world.until_right(30 + seconds)
    assert metrics.UNAUTHENTICATED._value.get() == 1, "not told that authentication is off"
    await asyncio.to_thread(world.system.set_up)
    await world.until_right(20)
    assert metrics.UNAUTHENTICATED._value.get() == 0, "not told that authentication is on"


async def data_wiped_unseen(world: World, seconds: float) -> None:
    """All data are lost while the replicas stand still that were told of a change just before.

    They ask for the table when they go on, and the new etcd answers; but their watches still wait
    for a revision of the lost one.
    """
    with paused(*world.system.replicas):
        await world.churn.stop()
        # Further than the new etcd gets by itself while the replicas are waited for.
        await asyncio.gather(*(world.root.put("elsewhere", str(i)) for i in range(1000)))
        await world.churn.once()
        await asyncio.to_thread(world.system.etcd.wipe)
        pairs: list[KeyValue] = []
        while not pairs:
            pairs, _ = await world.root.range(Layout().marker_key)
            await asyncio.sleep(0.1)
        await asyncio.sleep(seconds)
        world.churn.start()
    await world.until_right(30)
    await asyncio.to_thread(world.system.set_up)


async def keys_deleted(world: World, seconds: float) -> None:
    """Somebody deletes every key of the table."""
    await world.root.delete("traefik", prefix=True)
    await asyncio.sleep(seconds)
    await world.root.delete("jupyterhub-ha/", prefix=True)
    await asyncio.sleep(seconds)


async def keys_changed(world: World, seconds: float) -> None:
    """Somebody points a user's route elsewhere; it is repaired within a second."""
    pairs, _ = await world.root.range("traefik/http/services/", prefix=True)
    url = next(pair for pair in pairs if "stays-1" in pair.key)
    await world.churn.stop()
    start = time.monotonic()
    await world.root.put(url.key, "http://127.0.0.1:9")
    while (await world.root.range(url.key))[0][0].value != url.value:
        assert time.monotonic() - start < 10, "not repaired"
        await asyncio.sleep(0.02)
    world.churn.start()


async def replica_paused(world: World, seconds: float) -> None:
    """A replica stands still and goes on; what was sent to it meanwhile is answered then."""
    with paused(world.system.replicas[0]):
        await asyncio.sleep(seconds)


async def replica_killed(world: World, seconds: float) -> None:
    """A replica is killed and comes back; nobody is sent to it before it has the table."""
    replica = world.system.replicas[0]
    replica.send_signal(signal.SIGKILL)
    # In the same step of the loop: how soon a busy machine collects it costs no user anything.
    world.load.out_of_service.add(replica.public_url)
    await asyncio.to_thread(replica.kill)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(replica.start)
    marks = {}
    while not marks.get("generation"):  # as the startup probe sees it
        marks = (await world.system.marks()).get(replica.url, {})
        await asyncio.sleep(0.1)
    world.load.out_of_service.discard(replica.public_url)


async def token_expired(world: World, seconds: float) -> None:
    """The hub's token expires, since nothing happens for longer than its life."""
    await world.churn.stop()
    await asyncio.sleep(TOKEN_SECONDS + seconds)
    start = time.monotonic()
    await world.churn.once()
    assert time.monotonic() - start < 10
    world.churn.start()


async def network_silent(world: World, seconds: float) -> None:
    """No byte passes between the hub and etcd; meanwhile etcd is changed and compacts."""
    await world.churn.stop()
    await world.churn.once()
    for relay in world.relays:
        relay.silent = True
    pairs, _ = await world.root.range("traefik/http/services/", prefix=True)
    key = next(pair.key for pair in pairs if "comes-and-goes" in pair.key)
    await world.root.delete(key)
    revision = await world.root.put("elsewhere", "1")
    await world.root.call("kv/compaction", {"revision": revision})
    world.churn.start()
    await asyncio.sleep(seconds)
    for relay in world.relays:
        relay.silent = False


async def no_space(world: World, seconds: float) -> None:
    """etcd raises the alarm NOSPACE, which somebody ends."""
    alarm = {"action": "ACTIVATE", "alarm": "NOSPACE"}
    await world.root.call("maintenance/alarm", alarm)
    await asyncio.sleep(seconds)
    await world.root.call("maintenance/alarm", {**alarm, "action": "DEACTIVATE"})


_DELETED = "a route that is deleted from etcd is gone from the replicas until it is repaired"
_TOLD_NOTHING = (
    "a replica whose question was on its way when the data were lost is told that there is no"
    " table, and sends users to the hub until the hub has written it and woken the replica"
)
FAULTS = [
    Fault("etcd: leader killed", leader_killed, 20, 2),
    Fault("etcd: quorum lost", quorum_lost, 60, 8, may_refuse=True),
    Fault("etcd: token expired", token_expired, 6, 1),
    Fault("etcd: keys changed", keys_changed, 0, 0, 30, _DELETED),
    Fault("etcd: keys deleted", keys_deleted, 3, 1, 200, _DELETED),
    Fault("etcd: no network to it, and compaction", network_silent, 60, 8, may_refuse=True),
    Fault("etcd: alarm NOSPACE", no_space, 10, 1, may_refuse=True),
    Fault(
        "etcd: data wiped, set-up repeated", data_wiped, 3, 1, 500, _TOLD_NOTHING, may_refuse=True
    ),
    Fault(
        "etcd: data wiped, no set-up",
        data_wiped_no_set_up,
        30,
        1,
        500,
        _TOLD_NOTHING,
        may_refuse=True,
    ),
    Fault(
        "etcd: data wiped, replicas paused",
        data_wiped_unseen,
        10,
        1,
        500,
        _TOLD_NOTHING,
        may_refuse=True,
    ),
    Fault("replica: paused", replica_paused, 60, 4),
    Fault(
        "replica: killed",
        replica_killed,
        20,
        1,
        8,
        "requests that were in it, or came before a Service could know",
    ),
]
