"""JupyterHub's proxy as several Traefik replicas that read one routing table from etcd."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from traitlets import Bool, Float, Integer, List, Unicode, default, validate

from .committer import Committer
from .etcd_client import EtcdClient
from .etcd_store import EtcdStore
from .etcd_watch import EtcdWatch
from .table import Layout
from .traefik import TraefikProxy


class TraefikEtcdProxy(TraefikProxy):
    """Routes for Traefik replicas in etcd; neither Traefik nor etcd is started by the hub.

    A change is done when it is in etcd and every live replica serves it.
    """

    provider = "etcd"

    should_start = Bool(
        False,
        config=True,
        help="""Leave this False: Traefik and etcd are run by Kubernetes or the host.""",
    )
    endpoints = List(
        Unicode(),
        ["http://127.0.0.1:2379"],
        config=True,
        help="""URLs of etcd's members. While one answers, the hub can write routes.""",
    )
    username = Unicode(config=True, help="""etcd user; empty when etcd does not ask for one.""")
    password = Unicode(
        config=True,
        help="""Password of the etcd user; JUPYTERHUB_HA_ETCD_PASSWORD is the default.""",
    )
    ca_file = Unicode(
        config=True,
        help="""PEM file of the authority behind etcd's certificates; the system's if empty.""",
    )
    cert_file = Unicode(
        config=True,
        help="""PEM file with the hub's client certificate. It must not have a CommonName: etcd's
        JSON gateway refuses those that have one.""",
    )
    key_file = Unicode(config=True, help="""PEM file with the private key of `cert_file`.""")
    root_key = Unicode(
        "traefik",
        config=True,
        help="""Traefik's `providers.etcd.rootKey`, without slashes around.""",
    )
    max_txn_ops = Integer(
        128,
        min=8,
        config=True,
        help="""etcd's limit of operations in one transaction (its option --max-txn-ops). A route
        needs five; a higher limit lets more logins share one transaction.""",
    )

    check_interval = Float(
        60.0,
        min=0.5,
        config=True,
        help="""Seconds between looks at etcd and the replicas, besides the watch that tells of
        changes at once.""",
    )

    @default("password")
    def _default_password(self) -> str:
        return os.environ.get("JUPYTERHUB_HA_ETCD_PASSWORD", "")

    @validate("root_key")
    def _validate_root_key(self, proposal: Any) -> str:
        return str(proposal.value).strip("/")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._store: EtcdStore | None = None
        self._watch: EtcdWatch | None = None

    async def stop(self) -> None:
        """Stop writing and watching. Routes stay, so that users keep working without the hub."""
        watch, self._watch = self._watch, None
        if watch is not None:
            await watch.stop()
        await super().stop()

    async def _adopt(self) -> Committer:
        committer = await super()._adopt()
        if self._store is not None:
            interval = self.check_interval
            self._watch = EtcdWatch(committer, self._store, interval=interval, log=self.log)
            self._watch.start()
        return committer

    def _layout(self) -> Layout:
        return replace(super()._layout(), root_key=self.root_key)

    def _make_store(self, layout: Layout) -> EtcdStore:
        client = EtcdClient(
            self.endpoints,
            username=self.username,
            password=self.password,
            ca_file=self.ca_file,
            cert_file=self.cert_file,
            key_file=self.key_file,
            timeout=self.commit_timeout,
            log=self.log,
        )
        self._store = EtcdStore(client, layout, max_txn_ops=self.max_txn_ops)
        return self._store
