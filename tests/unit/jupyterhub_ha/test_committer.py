"""Group commit, against an etcd and replicas that are a few lines of Python."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping

import pytest

from jupyterhub_ha.committer import Committer, pack
from jupyterhub_ha.errors import (
    EtcdError,
    EtcdTimeoutError,
    EtcdUnavailableError,
    HubProxyError,
    StoreConflictError,
)
from jupyterhub_ha.etcd_store import EtcdStore
from jupyterhub_ha.etcd_wire import KeyValue, TxnResult
from jupyterhub_ha.replicas import Report
from jupyterhub_ha.routes import Route
from jupyterhub_ha.table import Delete, Layout, Put, Table


class Etcd:
    """Keys with revisions; `fail` holds errors for the next calls."""

    def __init__(self) -> None:
        self.pairs: dict[str, KeyValue] = {}
        self.revision = 1
        self.transactions = 0
        self.ranges = 0
        self.fail: list[EtcdError] = []
        self.forget_answers = 0
        self.interfere = False
        self.largest = 0

    def write(self, puts: Mapping[str, str], deletes: Iterable[str] = ()) -> None:
        self.revision += 1
        for key in deletes:
            self.pairs.pop(key, None)
        for key, value in puts.items():
            self.pairs[key] = KeyValue(key, value, self.revision)

    async def range(self, key: str, *, prefix: bool = False, **_: object):
        await asyncio.sleep(0)
        if self.fail:
            raise self.fail.pop(0)
        self.ranges += prefix
        found = [p for k, p in self.pairs.items() if (k.startswith(key) if prefix else k == key)]
        return found, self.revision

    async def txn(self, *, unchanged, puts, deletes, **_: object) -> TxnResult:
        await asyncio.sleep(0)
        if self.fail:
            raise self.fail.pop(0)
        deletes = list(deletes)
        self.largest = max(self.largest, len(puts) + len(deletes))
        if self.interfere:
            self.write(dict.fromkeys(unchanged, "7"))
        for key, revision in unchanged.items():
            if (self.pairs[key].revision if key in self.pairs else 0) != revision:
                return TxnResult(False, self.revision, [])
        self.transactions += 1
        self.write(puts, deletes)
        if self.forget_answers:
            self.forget_answers -= 1
            raise EtcdTimeoutError("lost")
        return TxnResult(True, self.revision, [])

    def forget_token(self) -> None:
        pass

    def close(self) -> None:
        pass


class Followers:
    """Replicas that follow when the gate is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()
        self.waited: list[int] = []
        self.seen = True

    async def wait_for(self, generation: int) -> Report:
        self.waited.append(generation)
        self.asked.set()
        await self.gate.wait()
        return Report(live=["one"])

    def close(self) -> None:
        pass


class Hub:
    def __init__(self, etcd: Etcd | None = None, max_txn_ops: int = 128) -> None:
        self.etcd = etcd or Etcd()
        self.followers = Followers()
        store = EtcdStore(self.etcd, Layout(), max_txn_ops=max_txn_ops)
        self.committer = Committer(Table(Layout()), store, self.followers, commit_timeout=5)

    async def add(self, *names: str, target: str = "http://x:1") -> list[Report]:
        add = [self.committer.submit(f"/user/{n}/", Route(f"/user/{n}/", target)) for n in names]
        return await asyncio.gather(*add)

    @property
    def stored(self) -> dict[str, str]:
        return {key: pair.value for key, pair in self.etcd.pairs.items()}


async def test_changes_at_once_are_one_transaction() -> None:
    hub = Hub(max_txn_ops=1000)
    reports = await hub.add(*(f"u{i}" for i in range(50)))
    assert all(report.live == ["one"] for report in reports)
    assert hub.etcd.transactions == 1
    assert len(hub.followers.waited) == 1
    assert sum(key.startswith("jupyterhub-ha/routes/") for key in hub.stored) == 50


async def test_while_replicas_follow_changes_collect_and_the_last_one_wins() -> None:
    hub = Hub()
    hub.followers.gate.clear()
    first = asyncio.create_task(hub.add("first"))
    await hub.followers.asked.wait()
    later = [asyncio.create_task(hub.add("a", target=f"http://x:{n}")) for n in (1, 2, 3)]
    gone = asyncio.create_task(hub.committer.submit("/user/b/", None))
    await asyncio.sleep(0.01)
    assert hub.etcd.transactions == 1
    hub.followers.gate.set()
    await asyncio.gather(first, *later, gone)
    assert hub.etcd.transactions == 2
    assert hub.committer.table.routes["/user/a/"].target == "http://x:3"


async def test_nothing_to_change_is_no_transaction() -> None:
    hub = Hub()
    await hub.add("a")
    assert await hub.add("a") == [Report()]
    assert hub.etcd.transactions == 1


async def test_large_batches_respect_the_server_s_limit() -> None:
    hub = Hub(max_txn_ops=16)
    await hub.add(*(f"u{i}" for i in range(40)))
    assert hub.etcd.largest <= 16
    assert hub.etcd.transactions > 10
    assert len(hub.followers.waited) == 1
    assert hub.committer.table.difference() == []


async def test_a_failed_commit_is_undone_and_told_to_all() -> None:
    hub = Hub()
    await hub.add("a")
    before = hub.stored
    hub.etcd.fail = [EtcdUnavailableError("away")]
    results = await asyncio.gather(
        hub.add("b"), hub.committer.submit("/user/a/", None), return_exceptions=True
    )
    assert [type(result) for result in results] == [EtcdUnavailableError] * 2
    assert set(hub.committer.table.routes) == {"/user/a/"}
    assert hub.stored == before
    await hub.add("c")
    assert set(hub.committer.table.routes) == {"/user/a/", "/user/c/"}


async def test_a_lost_answer_is_found_out_by_the_next_change() -> None:
    hub = Hub()
    await hub.add("a")
    hub.etcd.forget_answers = 1
    with pytest.raises(EtcdTimeoutError):
        await hub.add("b")
    await hub.add("c")
    # "b" was written, but who asked for it was told that it was not: it is taken out again.
    assert set(hub.committer.table.routes) == {"/user/a/", "/user/c/"}
    assert hub.committer.table.difference() == []


async def test_another_writer_is_noticed_and_loses_nothing() -> None:
    etcd = Etcd()
    one, two = Hub(etcd), Hub(etcd)
    await one.add("a")
    await two.add("b")
    await one.add("c")
    await two.add("d")
    assert set(two.committer.table.routes) == {f"/user/{n}/" for n in "abcd"}


async def test_a_writer_without_end_is_an_error() -> None:
    hub = Hub()
    hub.etcd.interfere = True
    with pytest.raises(StoreConflictError):
        await hub.add("a")


async def test_generations_never_go_back() -> None:
    hub = Hub()
    await hub.add("a")
    hub.etcd.write({}, deletes=list(hub.etcd.pairs))
    await hub.add("b")
    assert hub.followers.waited == sorted(hub.followers.waited)
    assert hub.followers.waited[0] < hub.followers.waited[1]
    assert sum(key.startswith("jupyterhub-ha/routes/") for key in hub.stored) == 2
    restarted = Hub()
    await restarted.add("a")
    assert restarted.followers.waited[0] > time.time() - 60


async def test_a_check_reads_only_what_somebody_changed() -> None:
    hub = Hub()
    await hub.add("a", "b")
    ranges = hub.etcd.ranges
    await hub.committer.check()
    assert hub.etcd.ranges == ranges
    url = next(key for key in hub.stored if key.endswith("url"))
    healthy = hub.stored[url]
    hub.etcd.write({url: "http://wrong:1"})
    await hub.committer.check()
    assert hub.etcd.ranges > ranges
    assert hub.stored[url] == healthy


async def test_adoption_waits_for_etcd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jupyterhub_ha.committer._PAUSE", 0.01)
    first = Hub()
    await first.add("a")
    hub = Hub(first.etcd)
    hub.etcd.fail = [EtcdUnavailableError("not yet"), EtcdTimeoutError("not yet")]
    await hub.committer.adopt(5)
    assert set(hub.committer.table.routes) == {"/user/a/"}
    assert hub.etcd.transactions == 1


async def test_adoption_gives_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jupyterhub_ha.committer._PAUSE", 0.01)
    hub = Hub()
    hub.etcd.fail = [EtcdUnavailableError("away")] * 10_000
    start = time.monotonic()
    with pytest.raises(EtcdUnavailableError):
        await hub.committer.adopt(0.1)
    assert time.monotonic() - start < 2


async def test_a_stopped_committer_lets_nobody_wait() -> None:
    hub = Hub()
    hub.followers.gate.clear()
    running = asyncio.create_task(hub.add("a"))
    await hub.followers.asked.wait()
    waiting = asyncio.create_task(hub.add("b"))
    await asyncio.sleep(0)
    await hub.committer.close()
    for task in (running, waiting):
        with pytest.raises(HubProxyError, match="stopped"):
            await task


def test_pack_keeps_groups_whole_and_in_order() -> None:
    groups = [[Put(f"k{i}a", "v"), Put(f"k{i}b", "v"), Delete(f"k{i}c")] for i in range(10)]
    chunks = list(pack(groups, 7, 10_000))
    assert [len(chunk) for chunk in chunks] == [6, 6, 6, 6, 6]
    assert [o for chunk in chunks for o in chunk] == [o for group in groups for o in group]
    by_size = list(pack([[Put("k", "v" * 400)] for _ in range(4)], 100, 1000))
    assert [len(chunk) for chunk in by_size] == [2, 2]
    assert list(pack([[Put("k", "v" * 4000)]], 100, 1000)) == [[Put("k", "v" * 4000)]]
    assert list(pack([], 10, 10)) == []


async def test_a_late_replica_is_told_of_and_a_skipped_one_is_not() -> None:
    hub, calls = Hub(), []
    hub.committer.on_lagging = lambda: calls.append(hub.committer.generation)
    report = Report(live=["one"], skipped=["two"])

    async def wait_for(_: int) -> Report:
        return report

    hub.followers.wait_for = wait_for
    await hub.add("ada")
    assert calls == []
    report = Report(live=["one"], lagging=["two"])
    await hub.add("bob")
    assert calls == [hub.committer.generation]
