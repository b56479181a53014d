"""The table of the proxies that are measured side by side."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.proxies import ChpSystem

from benchmarks.hub_peers import HubPeer, JtpPeer
from benchmarks.peer import Peer
from benchmarks.requirements import ONE_ROUTE, OURS
from benchmarks.system_peers import EtcdPeer, FilePeer, SystemPeer

ALL = ("chp", "in-process", "traefik-file", "traefik-etcd", "jupyterhub-traefik-proxy")
"""In the order of tables and plots."""
WITHOUT_JTP = ALL[:-1]
"""For measures with thousands of routes: each change of so many takes jupyterhub-traefik-proxy
seconds, so that it alone would take most of an hour."""


def peers_for(size: str) -> tuple[str, ...]:
    """Whom to measure; a quick run leaves out whom no ratio is required to.

    jupyterhub-traefik-proxy takes a minute to fill with 10,000 routes.
    """
    return WITHOUT_JTP if size == "quick" else ALL


def make_peer(name: str, folder: Path, replicas: int = 1) -> Peer:
    """A peer by its name, not started; `replicas` counts only for traefik-etcd."""
    folder.mkdir(parents=True)
    if name in (OURS, ONE_ROUTE):
        return EtcdPeer(folder, replicas, name)
    if name == "chp":
        return SystemPeer(name, ChpSystem(folder))
    if name == "jupyterhub-traefik-proxy":
        return JtpPeer(folder)
    if name == "traefik-file":
        return FilePeer(folder)
    system = "tests.support.in_process:InProcessSystem"
    return HubPeer(name, sys.executable, [f"--system={system}", f"--folder={folder}"])
