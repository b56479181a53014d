"""A routing table in etcd."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence

from . import metrics
from .etcd_client import EtcdClient
from .etcd_wire import Event, KeyValue
from .store import Snapshot
from .table import Layout, Operation, Put

_MAX_BYTES = 1_000_000  # below the server's default of 1.5 MiB (--max-request-bytes)
_OWN = 10_000  # own revisions that are remembered; a watch is never so far behind
_LOOK_SECONDS = 5.0  # changes wait meanwhile
_MARKS = 3  # operations that each transaction has besides the routes'


class EtcdStore:
    """The keys of one layout. `max_txn_ops` is the server's limit of operations (--max-txn-ops).

    Each transaction compares the revision of the generation's key, which every writer of this
    table changes. Beside the generation stand two more marks, which replicas show as well:

    - `store`: a random name that the data got when they began, so that a replica which still has
      the table of an etcd that was lost can be told from one that is only late;
    - `revision`: etcd's revision when the transaction was sent, or that of lost data if
      it is higher. Such a replica waits for a revision above this one (see etcd_revive).
    """

    name = "etcd"
    max_bytes = _MAX_BYTES
    read_seconds = 5.0

    def __init__(self, client: EtcdClient, layout: Layout, *, max_txn_ops: int = 128) -> None:
        self.client = client
        self.layout = layout
        self.max_operations = max_txn_ops - _MARKS
        self.store_id = ""  # empty before the first read
        self.read_revision = 0  # all that is of this revision or older has been read
        self._marker = 0  # revision of the generation's key, 0 if there is none
        self._seen = 0  # the store's revision at our last read or write
        self._lost = 0  # the highest revision of data that were lost
        self._others = False  # whether somebody wrote between two of our writes
        self._own: dict[int, None] = {}  # revisions of our last writes, oldest first

    @property
    def ahead(self) -> int:
        """Highest known revision of lost data, if etcd has not come so far yet; else 0."""
        return self._lost if self._lost > self._seen else 0

    async def read(self, *, timeout: float) -> Snapshot:
        """Everything under Traefik's root key and all records, of one revision."""
        layout = self.layout
        pairs, revision = await self.client.range(layout.http, prefix=True, timeout=timeout)
        records, _ = await self.client.range(
            layout.records, prefix=True, revision=revision, timeout=timeout
        )
        found = {pair.key: pair for pair in (*pairs, *records)}
        marker, store = found.get(layout.marker_key), found.get(layout.mark_key("store"))
        self._marker = marker.revision if marker else 0
        self.store_id = store.value if store else ""
        known = max(self._seen, _number(found.get(layout.mark_key("revision"))) or 0)
        if revision < known:  # also seen by a hub that was started after the loss
            self._lost = max(self._lost, known)
        if revision < self._seen:
            self.client.forget_token()  # these are other data, with other users or none
        self._seen = self.read_revision = revision
        self._others = False
        return Snapshot({key: pair.value for key, pair in found.items()}, _number(marker))

    async def write(
        self, operations: Sequence[Operation], generation: int, *, timeout: float
    ) -> bool:
        """One transaction; False if another writer's came before."""
        layout = self.layout
        store_id = self.store_id or secrets.token_hex(4)
        marks = {
            layout.marker_key: str(generation),
            layout.mark_key("revision"): str(max(self._seen, self._lost)),
            **({} if self.store_id else {layout.mark_key("store"): store_id}),
        }
        result = await self.client.txn(
            unchanged={layout.marker_key: self._marker},
            puts={**{o.key: o.value for o in operations if isinstance(o, Put)}, **marks},
            deletes=[o.key for o in operations if not isinstance(o, Put)],
            timeout=timeout,
        )
        if result.succeeded:
            metrics.TRANSACTIONS.inc()
            self._others |= result.revision != self._seen + 1
            self._marker = self._seen = result.revision
            self._own[result.revision] = None
            if len(self._own) > _OWN:
                del self._own[next(iter(self._own))]
            self.store_id = store_id
        return result.succeeded

    async def changed(self) -> bool:
        """Whether etcd has a revision, after our last read, that is not one of our writes."""
        _, revision = await self.client.range(self.layout.marker_key)
        return self._others or revision != self._seen

    async def lost(self) -> bool:
        """Whether these are not the data that we read and wrote: they began anew, or went back.

        Ask only while nothing is written.
        """
        pairs, revision = await self.client.range(self.layout.marker_key, timeout=_LOOK_SECONDS)
        marker = pairs[0].revision if pairs else 0
        return revision < self._seen or marker != self._marker

    def foreign(self, events: Iterable[Event]) -> bool:
        """Whether one of these changes is of a key that may be this table's, and not by us."""
        return any(
            event.revision > self.read_revision
            and event.revision not in self._own
            and self.layout.may_own(event.key)
            for event in events
        )

    def close(self) -> None:
        """Close the client's connections."""
        self.client.close()


def _number(pair: KeyValue | None) -> int | None:
    return int(pair.value) if pair and pair.value.isdigit() else None
