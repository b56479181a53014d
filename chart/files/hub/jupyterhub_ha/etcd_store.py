"""A routing table in etcd."""

from __future__ import annotations

from collections.abc import Sequence

from . import metrics
from .etcd_client import EtcdClient
from .store import Snapshot
from .table import Layout, Operation, Put

_MAX_BYTES = 1_000_000  # below the server's default of 1.5 MiB (--max-request-bytes)


class EtcdStore:
    """The keys of one layout. `max_txn_ops` is the server's limit of operations (--max-txn-ops).

    Each transaction compares the revision of the generation's key, which every writer of this
    table changes.
    """

    name = "etcd"
    max_bytes = _MAX_BYTES

    def __init__(self, client: EtcdClient, layout: Layout, *, max_txn_ops: int = 128) -> None:
        self.client = client
        self.layout = layout
        self.max_operations = max_txn_ops - 1
        self._marker = 0  # revision of the generation's key, 0 if there is none
        self._seen = 0  # the store's revision at our last read or write

    async def read(self, *, timeout: float) -> Snapshot:
        """Everything under Traefik's root key and all records, of one revision."""
        layout = self.layout
        pairs, revision = await self.client.range(layout.http, prefix=True, timeout=timeout)
        records, _ = await self.client.range(
            layout.records, prefix=True, revision=revision, timeout=timeout
        )
        marker = next((pair for pair in pairs if pair.key == layout.marker_key), None)
        self._marker = marker.revision if marker else 0
        self._seen = revision
        generation = int(marker.value) if marker and marker.value.isdigit() else None
        return Snapshot({pair.key: pair.value for pair in (*pairs, *records)}, generation)

    async def write(
        self, operations: Sequence[Operation], generation: int, *, timeout: float
    ) -> bool:
        """One transaction; False if another writer's came before."""
        marker = self.layout.marker_key
        puts = {o.key: o.value for o in operations if isinstance(o, Put)}
        result = await self.client.txn(
            unchanged={marker: self._marker},
            puts={**puts, marker: str(generation)},
            deletes=[o.key for o in operations if not isinstance(o, Put)],
            timeout=timeout,
        )
        if result.succeeded:
            metrics.TRANSACTIONS.inc()
            self._marker = self._seen = result.revision
        return result.succeeded

    async def changed(self) -> bool:
        """Whether etcd's revision is another than after our last read or write."""
        _, revision = await self.client.range(self.layout.marker_key)
        return revision != self._seen

    def close(self) -> None:
        """Close the client's connections."""
        self.client.close()
