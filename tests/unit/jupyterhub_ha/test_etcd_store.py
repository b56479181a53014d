"""What the store makes of etcd's revisions: whose change it was, and whether data began anew."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from jupyterhub_ha.etcd_store import EtcdStore
from jupyterhub_ha.etcd_wire import Event, KeyValue, TxnResult
from jupyterhub_ha.table import Layout, Put

OWN = "traefik/http/services/abcdefghijkl_user-ada/loadbalancer/servers/0/url"
OTHER = "traefik/http/services/abcdefghijkl_b_user-ada/loadbalancer/servers/0/url"


class Etcd:
    """Keys with revisions."""

    def __init__(self) -> None:
        self.revision = 1
        self.pairs: dict[str, KeyValue] = {}
        self.forgotten = 0

    def forget_token(self) -> None:
        self.forgotten += 1

    def write(self, puts: Mapping[str, str]) -> int:
        self.revision += 1
        self.pairs |= {k: KeyValue(k, v, self.revision) for k, v in puts.items()}
        return self.revision

    async def range(self, key: str, *, prefix: bool = False, **_: object):
        found = [p for k, p in self.pairs.items() if (k.startswith(key) if prefix else k == key)]
        return found, self.revision

    async def txn(self, *, unchanged, puts, deletes, **_: object) -> TxnResult:
        if any(self.pairs.get(k, KeyValue(k, "", 0)).revision != r for k, r in unchanged.items()):
            return TxnResult(False, self.revision, [])
        return TxnResult(True, self.write(puts), [])


@pytest.fixture
def etcd() -> Etcd:
    return Etcd()


@pytest.fixture
async def store(etcd: Etcd) -> EtcdStore:
    store = EtcdStore(etcd, Layout())  # type: ignore[arg-type]
    await store.read(timeout=1)
    assert await store.write([Put(OWN, "http://a")], 1, timeout=1)
    return store


def event(key: str, revision: int) -> list[Event]:
    return [Event(key, "x", revision, False)]


async def test_the_data_get_a_name_once_and_a_revision_each_time(etcd, store) -> None:
    marks = Layout()
    first = etcd.pairs[marks.mark_key("store")]
    before = etcd.revision
    assert await store.write([], 2, timeout=1)
    assert etcd.pairs[marks.mark_key("store")] == first
    assert etcd.pairs[marks.mark_key("revision")].value == str(before)
    again = EtcdStore(etcd, marks)
    await again.read(timeout=1)
    assert again.store_id == store.store_id == first.value


async def test_what_we_wrote_or_read_is_not_foreign(etcd, store) -> None:
    assert not store.foreign(event(OWN, etcd.revision))
    assert store.foreign(event(OWN, etcd.revision + 1))
    etcd.write({OWN: "http://b"})
    assert store.foreign(event(OWN, etcd.revision))
    await store.read(timeout=1)
    assert not store.foreign(event(OWN, etcd.revision))


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (OWN, True),
        (OTHER, False),
        ("traefik/http/middlewares/jupyterhub-generation/headers/x", True),
        ("traefik/http/middlewares/jupyterhub-generation-b/headers/x", False),
        ("traefik/http/middlewares/mine/stripprefix/prefixes/0", False),
        ("jupyterhub-ha/routes/abcdefghijkl_user-ada", True),
    ],
)
async def test_only_what_may_be_ours_is_foreign(store, key: str, expected: bool) -> None:
    assert store.foreign(event(key, 99)) is expected


async def test_a_change_between_two_of_our_writes_is_noticed(etcd, store) -> None:
    assert not await store.changed()
    etcd.write({OWN: "http://b"})
    assert await store.write([], 2, timeout=1)
    assert await store.changed()
    await store.read(timeout=1)
    assert not await store.changed()


async def test_data_that_began_anew_are_noticed(etcd, store) -> None:
    etcd.write({"elsewhere": "1"})
    assert not await store.lost()
    etcd.pairs, etcd.revision = {}, 1
    assert await store.lost()
    await store.read(timeout=1)
    assert etcd.forgotten == 1


async def test_other_data_are_told_also_when_they_are_longer(etcd, store) -> None:
    etcd.pairs, etcd.revision = {}, 99
    assert await store.lost()


async def test_how_far_lost_data_were_is_known_until_etcd_has_come_there(etcd, store) -> None:
    etcd.revision = 50
    await store.read(timeout=1)
    assert store.ahead == 0
    etcd.revision, etcd.pairs = 1, {}
    await store.read(timeout=1)
    assert store.ahead == 50
    assert await store.write([Put(OWN, "http://a")], 3, timeout=1)
    started_later = EtcdStore(etcd, Layout())
    await started_later.read(timeout=1)
    assert started_later.ahead == 50
    etcd.revision = 50
    await store.read(timeout=1)
    assert store.ahead == 0
