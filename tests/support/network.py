"""What rendered network policies let through, as netpol-analyzer of np-guard evaluates them.

The pods are those that the objects' controllers would make, the users' as KubeSpawner makes them
from the very values that the hub gets, and some of other namespaces.
"""

from __future__ import annotations

import copy
import json
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import yaml
from kubernetes_asyncio.client import ApiClient
from kubespawner import KubeSpawner
from tests.support.chart import Manifest, Rendered
from tests.support.processes import TOOLS_BIN
from traitlets.config import Config

from jupyterhub_ha.configure_spawner import configure_spawner
from jupyterhub_ha.values import Mounts, Values
from proxy_gen.mounts import Objects, write_mounts

NAMESPACE = "hub"
ANY = "any"

# One address of each kind that rules tell apart; none is a pod's.
ADDRESSES = {
    "internet": IPv4Address("198.51.100.7"),
    "private": IPv4Address("10.9.8.7"),
    "metadata": IPv4Address("169.254.169.254"),
}
# Component label to peer.
_PEERS = {
    "hub": "hub",
    "proxy": "proxy",
    "proxy-certificates": "certificates",
    "proxy-etcd": "etcd",
    "proxy-etcd-setup": "setup",
    "hub-test": "test",
    "tmpnb-static": "static",
    "share": "share",
}
_OTHERS = {
    "dns": ("kube-system", {"k8s-app": "kube-dns"}),
    "other": ("elsewhere", {"app": "other"}),
    "prometheus": ("monitoring", {"app.kubernetes.io/name": "prometheus"}),
}

Flows = dict[tuple[str, str], set[str]]
"""Ports that are open from one peer to another, such as "TCP 8000", or "any" alone."""


def pods(rendered: Rendered) -> dict[str, list[Manifest]]:
    """By peer, the pods that controllers make of the objects; two where there may be several."""
    found: dict[str, list[Manifest]] = {}
    for made in rendered.objects:
        template = _template(made)
        if template is None:
            continue
        peer = _PEERS[template["metadata"]["labels"]["component"]]
        count = 2 if peer in ("proxy", "etcd", "static") else 1
        found[peer] = [
            _pod(f"{peer}-{number}", NAMESPACE, template["metadata"]["labels"], template["spec"])
            for number in range(count)
        ]
    return found


def _template(made: Manifest) -> Manifest | None:
    if made["kind"] == "Pod":
        return made
    if made["kind"] in ("Deployment", "StatefulSet", "Job"):
        template: Manifest = made["spec"]["template"]
        return template
    return None  # CronJobs make pods with the Job's labels


def _pod(name: str, namespace: str, labels: Mapping[str, str], spec: Manifest) -> Manifest:
    """As much of a pod as policies look at."""
    containers = [
        {"name": container["name"], "image": "x", "ports": container.get("ports", [])}
        for container in spec["containers"]
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
        "spec": {"containers": containers},
    }


async def user_pods(rendered: Rendered, folder: Path) -> list[Manifest]:
    """Two users' pods, as KubeSpawner sends them to the API server; `folder` is filled with mounts.

    Who calls it has kept KubeSpawner from opening its connection to a cluster.
    """
    write_mounts(Objects(rendered.objects), rendered.get("Deployment", "hub"), folder)
    config = Config()
    configure_spawner(config, Values.load(Mounts(folder / "usr/local/etc/jupyterhub")))
    # Its constructor opens a session to the API server, which is not wanted here.
    serializer = ApiClient.__new__(ApiClient)
    made = []
    for number in range(2):
        spawner = KubeSpawner(config=config, _mock=True)
        spawner.get_env = dict
        found = serializer.sanitize_for_serialization(await spawner.get_pod_manifest())
        labels = found["metadata"]["labels"]
        made.append(_pod(f"user-{number}", NAMESPACE, labels, found["spec"]))
    return made


def flows(
    rendered: Rendered, users: list[Manifest], folder: Path, *, receivers_only: bool = False
) -> Flows:
    """What is open between all peers; pairs with nothing open are left out.

    With `receivers_only` no policy restricts what a pod sends: what the receiving side alone lets
    in. Raises ValueError where pods of one peer differ.
    """
    by_peer = {**pods(rendered), "user": users}
    for peer, (namespace, labels) in _OTHERS.items():
        container = {"name": "x", "ports": [{"containerPort": 53}]}
        by_peer[peer] = [_pod(peer, namespace, labels, {"containers": [container]})]
    policies = [copy.deepcopy(o) for o in rendered.objects if o["kind"] == "NetworkPolicy"]
    for policy in policies:
        policy["metadata"]["namespace"] = NAMESPACE
        if receivers_only:
            policy["spec"]["policyTypes"] = ["Ingress"]
            policy["spec"].pop("egress", None)
    names = {pod["metadata"]["namespace"] for made in by_peer.values() for pod in made}
    namespaces = [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
        }
        for name in sorted(names)
    ]
    everything = [*namespaces, *policies, *(pod for made in by_peer.values() for pod in made)]
    return _by_peer(_analyze(everything, folder), by_peer)


def _analyze(objects: Iterable[Manifest], folder: Path) -> list[dict[str, str]]:
    """Every open connection, as the program lists them: src, dst, conn."""
    folder.mkdir(parents=True)
    (folder / "objects.yaml").write_text(yaml.safe_dump_all(objects))
    command = [str(TOOLS_BIN / "netpol-analyzer"), "list", "--quiet", "--output=json"]
    done = subprocess.run(
        [*command, f"--dirpath={folder}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    # Its --fail would tell, but it fails without an error, too.
    if done.returncode or done.stderr:
        raise RuntimeError(f"netpol-analyzer: {done.stderr}")
    found: list[dict[str, str]] = json.loads(done.stdout)
    return found


def _by_peer(found: Iterable[Mapping[str, str]], by_peer: Mapping[str, list[Manifest]]) -> Flows:
    ends = {
        f"{pod['metadata']['namespace']}/{pod['metadata']['name']}[Pod]": peer
        for peer, made in by_peer.items()
        for pod in made
    }
    pairs: dict[tuple[str, str], dict[tuple[str, str], set[str]]] = defaultdict(dict)
    for one in found:
        ports = set(_ports(one["conn"]))
        for source in _peers(one["src"], ends):
            for target in _peers(one["dst"], ends):
                pairs[source, target][one["src"], one["dst"]] = ports
    result: Flows = {}
    for (source, target), by_pod in pairs.items():
        wanted = _count(source, by_peer) * _count(target, by_peer)
        if source == target:
            wanted = _count(source, by_peer) * (_count(source, by_peer) - 1)
        first = next(iter(by_pod.values()))
        if len(by_pod) != wanted or any(ports != first for ports in by_pod.values()):
            raise ValueError(f"pods of {source} and {target} differ: {by_pod}")
        result[source, target] = first
    return result


def _count(peer: str, by_peer: Mapping[str, list[Manifest]]) -> int:
    return len(by_peer.get(peer, "x"))


def _peers(end: str, ends: Mapping[str, str]) -> Iterator[str]:
    """The peers that an end of a connection stands for: a pod's, or those of some addresses."""
    if end in ends:
        yield ends[end]
        return
    ranges = [part.split("-") for part in end.split(",")]
    for peer, address in ADDRESSES.items():
        if any(IPv4Address(part[0]) <= address <= IPv4Address(part[-1]) for part in ranges):
            yield peer


def _ports(connection: str) -> Iterator[str]:
    """Ports of what the program writes as "TCP 53,8000-8001,UDP 53" or "All Connections"."""
    if connection == "All Connections":
        yield ANY
        return
    protocol = ""
    for part in connection.split(","):
        protocol, port = part.split() if " " in part else (protocol, part)
        first, _, last = port.partition("-")
        for number in range(int(first), int(last or first) + 1):
            yield f"{protocol} {number}"


def ports_of(row: Mapping[str, Any]) -> set[str]:
    """The ports of a row of the table, in the same form."""
    return {f"TCP {port}" if isinstance(port, int) else str(port) for port in row["ports"]}
