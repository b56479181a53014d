"""Up, down, and what happens to a cluster in between."""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
import string
import time
from collections.abc import Iterator
from pathlib import Path

from . import daemons, machine, pki, store
from .machine import ClusterError
from .settings import BIN, Cluster, Node

_SWITCH = "switch"
_RECORD = "cluster.json"


class Progress:
    """One line per step, with the seconds since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, what: str) -> None:
        print(f"{time.monotonic() - self._started:6.1f} s  {what}", flush=True)


def up(cluster: Cluster) -> None:
    """Start a fresh cluster; one that is up is left alone. If it fails, nothing stays."""
    machine.check()
    with _only_one(cluster):
        if machine.node_pid(cluster, _SWITCH):
            print(f"already up: export KUBECONFIG={cluster.kubeconfig}")
            return
        _end(cluster)
        machine.check_addresses()
        try:
            _start(cluster, Progress())
        except BaseException:
            # Also for Ctrl-C; the logs stay.
            _end(cluster)
            raise
    print(f"export KUBECONFIG={cluster.kubeconfig}")


def down(cluster: Cluster) -> None:
    """End the cluster of this folder, whatever state it is in; images and logs stay."""
    if not cluster.folder.exists():
        return
    machine.check()
    with _only_one(cluster):
        _end(cluster)


def existing(folder: Path) -> Cluster:
    """The cluster that was started in a folder."""
    try:
        record = json.loads((folder / _RECORD).read_text())
    except (OSError, ValueError):
        return Cluster(folder=folder)
    return Cluster(workers=record["workers"], folder=folder)


def status(cluster: Cluster) -> str:
    """Each machine and its process 1, then what Kubernetes says about the nodes."""
    lines = []
    for name in [_SWITCH, *(node.name for node in cluster.nodes)]:
        pid = machine.node_pid(cluster, name)
        lines.append(f"{name}: {f'up, process {pid}' if pid else 'down'}")
    if machine.node_pid(cluster, cluster.control.name):
        with contextlib.suppress(ClusterError):
            lines.append(kubectl(cluster, "get", "nodes", "--request-timeout=5s").rstrip())
    return "\n".join(lines)


def load_images(cluster: Cluster, archive: Path) -> None:
    """Import an archive of images into every worker that is up."""
    for node in _up_workers(cluster):
        print(store.load(cluster, node.name, archive.resolve()), end="")


def kill_node(cluster: Cluster, name: str) -> None:
    """The sudden death of a node."""
    machine.kill_node(cluster, name)


def start_node(cluster: Cluster, name: str) -> None:
    """Start a worker that died; its local volumes are still there, its pods are not."""
    if machine.node_pid(cluster, name):
        raise ClusterError(f"{name} is up")
    _start_worker(cluster, cluster.node(name))
    machine.connect_node(cluster, name)


def kubectl(cluster: Cluster, *arguments: str, input_text: str | None = None) -> str:
    """Run kubectl as the cluster's administrator; ClusterError with its errors."""
    environment = {"KUBECONFIG": str(cluster.kubeconfig)}
    return machine.run(str(BIN / "kubectl"), *arguments, input_text=input_text, env=environment)


def _start(cluster: Cluster, say: Progress) -> None:
    for folder in (cluster.logs, cluster.gates, cluster.folder / "volumes"):
        folder.mkdir(parents=True, exist_ok=True)
    (cluster.folder / _RECORD).write_text(json.dumps({"workers": cluster.workers}))
    store.prepare(cluster)
    say("images are in the store")
    pki.write(cluster)
    machine.start_node(cluster, _SWITCH, daemons.switch(cluster))
    machine.connect(cluster)
    (cluster.gates / daemons.NETWORK).touch()
    machine.start_node(cluster, cluster.control.name, daemons.control(cluster))
    machine.connect_node(cluster, cluster.control.name)
    say("network and control plane started")
    for node in _workers(cluster):
        _start_worker(cluster, node)
        machine.connect_node(cluster, node.name)
    say(f"{cluster.workers} workers started")
    machine.wait(lambda: _answers(cluster), 120, "API server")
    (cluster.gates / daemons.API).touch()
    say("API server ready")
    text = (Path(__file__).parent / "manifests/system.yaml").read_text()
    objects = string.Template(text).substitute(dns_address=cluster.dns_address)
    kubectl(cluster, "apply", "-f", "-", input_text=objects)
    machine.wait(lambda: _registered(cluster), 60, "nodes")
    kubectl(cluster, "wait", "--for=condition=Ready", "node", "--all", "--timeout=90s")
    say("nodes Ready")
    kubectl(cluster, "-n", "kube-system", "rollout", "status", "deploy/coredns", "--timeout=90s")
    say("cluster DNS ready")


def _start_worker(cluster: Cluster, node: Node) -> None:
    folder = cluster.node_folder(node.name)
    (folder / "volumes").mkdir(parents=True, exist_ok=True)
    store.link(folder / "containerd")
    runtime = machine.find("runc") or "runc"
    machine.start_node(cluster, node.name, daemons.worker(cluster, node, runtime))


def _workers(cluster: Cluster) -> list[Node]:
    return [node for node in cluster.nodes if node.schedulable]


def _up_workers(cluster: Cluster) -> list[Node]:
    return [node for node in _workers(cluster) if machine.node_pid(cluster, node.name)]


def _answers(cluster: Cluster) -> bool:
    try:
        return kubectl(cluster, "get", "--raw=/readyz", "--request-timeout=2s") == "ok"
    except ClusterError:
        return False


def _registered(cluster: Cluster) -> bool:
    names = kubectl(cluster, "get", "nodes", "-o", "name").split()
    return len(names) == cluster.workers


def _end(cluster: Cluster) -> None:
    left = machine.end_everything(cluster)
    if left:
        raise ClusterError("these would not go: " + ", ".join(left))
    for name in ("nodes", "volumes", "gates", "pki"):
        shutil.rmtree(cluster.folder / name, ignore_errors=True)


@contextlib.contextmanager
def _only_one(cluster: Cluster) -> Iterator[None]:
    """Two commands for one cluster wait for each other."""
    cluster.folder.mkdir(exist_ok=True)
    with (cluster.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
