"""What happens to the cluster while users work; each one ends with all parts whole again."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.e2e.cluster import lifecycle, machine
from tests.e2e.cluster.settings import Cluster

from .kube import until
from .load.logins import Logins, log_in_together
from .release import Release, chart_values

DYING = "worker-3"
"""The node that is drained and dies; neither the hub nor the users' servers are there."""


@dataclass
class Scene:
    """Where faults happen. `logins` takes those of a fault that brings its own."""

    cluster: Cluster
    release: Release
    quorum_seconds: float
    url: str
    logins: Logins

    def kubectl(self, *words: str) -> str:
        """What kubectl printed, in the release's namespace."""
        return self.release.kube.kubectl(*words)

    def node_of(self, component: str) -> str:
        """A node with a pod of a component; the one that may die if it has one."""
        nodes = [str(pod["spec"]["nodeName"]) for pod in self.release.kube.pods(component)]
        return DYING if DYING in nodes else nodes[0]


@dataclass(frozen=True)
class Fault:
    """`run` makes it happen and returns when Kubernetes has done all that follows from it.

    `in_flight` says whether requests that were under way at the dying replica may fail; `gap`
    is for how many seconds new connections may, which is what Kubernetes takes to notice: until
    then one in so many of them still goes to the dead replica, a retry's as well;
    `logins` whether logins must go on. `allowed` says it for people.
    """

    name: str
    run: Callable[[Scene], None]
    allowed: str = "0 failed"
    in_flight: bool = False
    gap: float = 0.0
    logins: bool = True
    drains: bool = False
    """Whether websockets may be closed, but not before their replica's drain time ends."""
    rewrites: bool = True
    """Whether the routing table may be written to for other reasons than logins."""
    also: Callable[[Scene], Awaitable[None]] | None = None
    """Goes on meanwhile."""
    quick: bool = False
    """Whether it belongs to `make e2e-quick`."""


def at_rest(scene: Scene) -> None:
    """Nothing happens."""
    time.sleep(20)


def traefik_rolls(scene: Scene) -> None:
    """Another image and another configuration for all replicas."""
    scene.release.upgrade(
        {"proxy": {"traefik": {"image": {"tag": _next(scene)}, "logLevel": "WARN"}}}
    )


def proxy_changes(scene: Scene) -> None:
    """The same for configurable-http-proxy."""
    scene.release.upgrade({"proxy": {"chp": {"image": {"tag": _next(scene)}}}})


def pod_deleted(scene: Scene) -> None:
    """A proxy's pod is deleted."""
    scene.kubectl("delete", "pod", _pod(scene, "proxy"), "--wait=false")


def node_drained(scene: Scene) -> None:
    """A node with a proxy is drained, and comes back."""
    node = scene.node_of("proxy")
    scene.kubectl(
        "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=150s"
    )
    scene.kubectl("uncordon", node)


def proxy_killed(scene: Scene) -> None:
    """kill -9 of a proxy's process; the kubelet starts it again."""
    name = "traefik" if scene.release.is_etcd else "node"
    machine.inside(scene.cluster, scene.node_of("proxy"), "pkill", "-9", "-x", name)
    time.sleep(3)


def node_dies(scene: Scene) -> None:
    """Process 1 of a node is killed; the node comes back after Kubernetes has given it up."""
    node = scene.node_of("proxy")
    lifecycle.kill_node(scene.cluster, node)
    until(f"{node} is still Ready", lambda: "NotReady" in scene.kubectl("get", "node", node), 90)
    # The chart's nodeLostSeconds, and some to see that a replica elsewhere takes its place.
    time.sleep(20)
    lifecycle.start_node(scene.cluster, node)
    scene.kubectl("wait", "--for=condition=Ready", f"node/{node}", "--timeout=90s")


def leader_deleted(scene: Scene) -> None:
    """The pod of etcd's leader is deleted."""
    scene.kubectl("delete", "pod", scene.release.etcd_leader(), "--wait=false")


def member_lost(scene: Scene) -> None:
    """A member of etcd and its volume are gone for good; a new one takes its place."""
    scene.kubectl("delete", "pvc", "data-proxy-etcd-1", "--wait=false")
    scene.kubectl("delete", "pod", "proxy-etcd-1", "--wait=false")


def etcd_rolls(scene: Scene) -> None:
    """All members of etcd are replaced, one after another."""
    scene.kubectl("rollout", "restart", "statefulset/proxy-etcd")


def quorum_lost(scene: Scene) -> None:
    """Two of three members have no node to run on for a while."""
    workers = [node.name for node in scene.cluster.nodes if node.schedulable]
    scene.kubectl("cordon", *workers)
    try:
        scene.kubectl("delete", "pod", "proxy-etcd-1", "proxy-etcd-2", "--grace-period=1")
        time.sleep(scene.quorum_seconds)
    finally:
        scene.kubectl("uncordon", *workers)


def hub_deleted(scene: Scene) -> None:
    """The hub's pod is deleted."""
    scene.kubectl("delete", "pod", _pod(scene, "hub"), "--wait=false")


def hub_upgraded(scene: Scene) -> None:
    """The hub gets another image."""
    tag = _next(scene, "hub")
    scene.release.upgrade({"hub": {"image": {"tag": tag}}})


def rolled_back(scene: Scene) -> None:
    """helm rollback of that."""
    scene.release.kube.run("helm", "rollback", scene.release.name, "--wait", "--timeout=5m")
    scene.release.values["hub"].pop("image", None)


def passwords_change(scene: Scene) -> None:
    """The hub's password at etcd, and the one with which it asks the replicas."""
    new = secrets.token_urlsafe(24)
    scene.release.upgrade(
        {"proxy": {"etcd": {"auth": {"hubPassword": new}}, "traefik": {"api": {"password": new}}}}
    )


def everything_changes(scene: Scene) -> None:
    """helm upgrade of the proxy, etcd and the hub at once."""
    traefik = scene.release.values.get("proxy", {}).get("traefik", {})
    level = "INFO" if traefik.get("logLevel") == "WARN" else "WARN"
    scene.release.upgrade(
        {
            "hub": {"labels": {"changed": "yes"}, "image": {"tag": _next(scene, "hub")}},
            "proxy": {
                "traefik": {"logLevel": level, "replicas": 3, "image": {"tag": _first(scene)}},
                "etcd": {"labels": {"changed": "yes"}, "logLevel": "warn"},
            },
        }
    )


async def hundred_logins(scene: Scene) -> None:
    """100 users within 10 seconds, in the middle of what goes on."""
    await asyncio.sleep(4)
    found = await log_in_together(scene.url, 100, 10)
    scene.logins.to_live += found.to_live
    scene.logins.problems += found.problems


def _pod(scene: Scene, component: str) -> str:
    return str(scene.release.kube.pods(component)[0]["metadata"]["name"])


def _chart_tag(part: str) -> str:
    values: Any = chart_values()
    for key in part.split("."):
        values = values[key]
    return str(values["image"]["tag"])


def _first(scene: Scene) -> str:
    return _chart_tag("proxy.traefik")


def _next(scene: Scene, part: str = "") -> str:
    part = part or ("proxy.traefik" if scene.release.is_etcd else "proxy.chp")
    return f"{_chart_tag(part)}-next"


_NOTICED = "what was under way there may fail, and new connections until Kubernetes has noticed"
FAULTS = (
    Fault("at rest", at_rest, rewrites=False),
    Fault(
        "Traefik: rolling update, other image and configuration",
        traefik_rolls,
        drains=True,
        quick=True,
    ),
    Fault("a Traefik pod deleted", pod_deleted, drains=True),
    Fault("a node drained", node_drained, drains=True),
    Fault("kill -9 of a Traefik", proxy_killed, _NOTICED, in_flight=True, gap=8, logins=False),
    Fault(
        "a node's sudden death",
        node_dies,
        _NOTICED,
        in_flight=True,
        gap=45,
        logins=False,
    ),
    Fault("the pod of etcd's leader deleted", leader_deleted, quick=True),
    Fault("a member of etcd and its volume lost for good", member_lost),
    Fault("etcd: rolling update", etcd_rolls),
    Fault(
        "etcd: quorum lost and back", quorum_lost, "0 failed; logins fail meanwhile", logins=False
    ),
    Fault(
        "the hub's pod deleted",
        hub_deleted,
        "0 failed, 0 routes rewritten",
        logins=False,
        rewrites=False,
    ),
    Fault(
        "the hub upgraded",
        hub_upgraded,
        "0 failed, 0 routes rewritten",
        logins=False,
        rewrites=False,
    ),
    Fault(
        "helm rollback of that",
        rolled_back,
        "0 failed, 0 routes rewritten",
        logins=False,
        rewrites=False,
    ),
    Fault(
        "passwords of etcd and of Traefik's API changed",
        passwords_change,
        "0 failed, 0 routes rewritten",
        logins=False,
        drains=True,
        rewrites=False,
    ),
    Fault(
        "helm upgrade of everything, 100 logins within 10 s",
        everything_changes,
        "0 failed; all 100 served, some by trying again while the hub was replaced",
        drains=True,
        logins=False,
        also=hundred_logins,
        quick=True,
    ),
)
CHP_FAULTS = (
    Fault("at rest", at_rest),
    Fault("proxy: other image", proxy_changes, "shown for comparison"),
    Fault("the proxy's pod deleted", pod_deleted, "shown for comparison"),
    Fault("a node drained", node_drained, "shown for comparison"),
    Fault("kill -9 of the proxy", proxy_killed, "shown for comparison"),
)
