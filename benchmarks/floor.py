"""What Traefik itself takes for one more route: a transaction by hand, and no proxy object."""

from __future__ import annotations

from pathlib import Path

from benchmarks.hub import Routes
from benchmarks.peer import PeerError
from benchmarks.system_peers import MAX_TXN_OPS, EtcdPeer
from jupyterhub_ha.etcd_store import EtcdStore
from jupyterhub_ha.routes import Route, route_text
from jupyterhub_ha.table import Layout, Table

NAME = "traefik's floor"
_TIMEOUT = 60.0


class Floor(EtcdPeer):
    """The same etcd, table and replicas as traefik-etcd has.

    add() and delete() write the same keys in one transaction and return at once: when they are
    live is asked on the data path.
    """

    def __init__(self, folder: Path, replicas: int) -> None:
        super().__init__(folder, replicas, NAME)
        self._store: EtcdStore | None = None
        self._table = Table(Layout())
        self._generation = 0

    async def __aexit__(self, *details: object) -> None:
        self._forget()
        await super().__aexit__(*details)

    async def fill(self, routes: Routes) -> None:
        self._forget()
        await super().fill(routes)
        if self._proxy is not None:
            await self._let_go(self._proxy)
            self._proxy = None
        await self._open()

    def _forget(self) -> None:
        if self._store:
            self._store.close()
        self._store = None

    async def _open(self) -> None:
        layout = Layout()
        client = self.system.etcd_client("hub", timeout=_TIMEOUT)
        self._store = EtcdStore(client, layout, max_txn_ops=MAX_TXN_OPS)
        snapshot = await self._store.read(timeout=_TIMEOUT)
        self._table = Table(layout)
        self._table.load(snapshot.pairs)
        self._generation = snapshot.generation or 0

    async def add(self, routes: Routes) -> None:
        if self._store is None:
            await super().add(routes)
            return
        await self._change({spec: Route(spec, target, data) for spec, target, data in routes})

    async def delete(self, specs: list[str]) -> None:
        await self._change(dict.fromkeys(specs))

    async def _change(self, changes: dict[str, Route | None]) -> None:
        if self._store is None:
            raise PeerError("fill() comes first")
        self._table.apply({route_text(spec): route for spec, route in changes.items()})
        operations = [each for group in self._table.difference() for each in group]
        self._generation += 1
        if not await self._store.write(operations, self._generation, timeout=_TIMEOUT):
            raise PeerError("somebody else writes the floor's table")
        self._table.written(operations)
