"""The command lines of the daemons, and what process 1 of a node is told. Nothing here acts."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import configs
from .settings import BALANCERS, BIN, DOMAIN, PODS, SERVICES, Cluster, Node

NETWORK = "network"
API = "api"
# How long until Kubernetes gives up a silent node, and then its pods. Its own defaults, 50 s and
# 300 s, would make the tests wait and show nothing else.
NODE_MONITOR_GRACE = 20
TOLERATION = 30

_ETCD = "http://127.0.0.1:2379"
_ETCD_PEER = "http://127.0.0.1:2380"
_MANIFESTS = Path(__file__).parent / "manifests"
# The default rates make the first minute of a cluster slow.
_API_RATE = ["--kube-api-qps=200", "--kube-api-burst=400"]


@dataclass(frozen=True)
class Daemon:
    """One program that process 1 starts, and starts again when it ends."""

    name: str
    command: list[str]
    # Starts only when this file is in the cluster's folder of gates.
    gate: str = NETWORK


@dataclass(frozen=True)
class NodeSpec:
    """All that process 1 of a node does, as plain data (it goes to it as JSON)."""

    hostname: str
    gates: str
    logs: str
    files: dict[str, str] = field(default_factory=dict)
    # (folder on this machine, folder in the node)
    binds: list[tuple[str, str]] = field(default_factory=list)
    daemons: list[Daemon] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The document that `node_init` reads."""
        return asdict(self)


def worker(cluster: Cluster, node: Node, runtime: str) -> NodeSpec:
    """A node that runs pods."""
    folder = cluster.node_folder(node.name)
    kubelet = [
        _program("kubelet"),
        "--config=/run/kubelet.yaml",
        f"--kubeconfig={cluster.pki}/{node.name}-kubelet.conf",
        f"--hostname-override={node.name}",
        f"--node-ip={node.address}",
        "--root-dir=/var/lib/kubelet",
    ]
    return NodeSpec(
        hostname=node.name,
        gates=str(cluster.gates),
        logs=str(cluster.logs),
        files=configs.node_files(cluster, node, runtime),
        binds=[
            (str(folder / "containerd"), "/var/lib/containerd"),
            (str(folder / "volumes"), "/var/lib/volumes/local"),
            (str(cluster.folder / "volumes"), "/var/lib/volumes/shared"),
        ],
        daemons=[
            _containerd(),
            Daemon("kubelet", kubelet, API),
            _kube_proxy(),
            Daemon("kube-router", _policies(cluster, node), API),
        ],
    )


def control(cluster: Cluster) -> NodeSpec:
    """The machine of the control plane. kube-proxy is there so that it reaches Services."""
    return NodeSpec(
        hostname=cluster.control.name,
        gates=str(cluster.gates),
        logs=str(cluster.logs),
        files={"/run/kube-proxy.yaml": configs.kube_proxy(cluster, cluster.control)},
        daemons=[
            Daemon("etcd", _etcd()),
            Daemon("kube-apiserver", _apiserver(cluster)),
            Daemon("kube-controller-manager", _controller_manager(cluster), API),
            Daemon("kube-scheduler", _scheduler(cluster), API),
            Daemon("local-path-provisioner", _provisioner(cluster), API),
            Daemon("balancer", _balancer(cluster), API),
            _kube_proxy(),
        ],
    )


def switch(cluster: Cluster) -> NodeSpec:
    """The network between the machines: a bridge in a namespace of its own."""
    return NodeSpec("switch", str(cluster.gates), str(cluster.logs))


def image_store(cluster: Cluster, store: Path, runtime: str) -> NodeSpec:
    """A lone containerd that images are imported into; the nodes get copies of its folder."""
    return NodeSpec(
        hostname="images",
        gates=str(cluster.gates),
        logs=str(cluster.logs),
        files={"/run/containerd.toml": configs.containerd(runtime)},
        binds=[(str(store), "/var/lib/containerd")],
        daemons=[_containerd()],
    )


def _program(name: str) -> str:
    return str(BIN / name)


def _containerd() -> Daemon:
    return Daemon("containerd", [_program("containerd"), "--config=/run/containerd.toml"])


def _kube_proxy() -> Daemon:
    return Daemon("kube-proxy", [_program("kube-proxy"), "--config=/run/kube-proxy.yaml"], API)


def _policies(cluster: Cluster, node: Node) -> list[str]:
    kubeconfig = f"{cluster.pki}/kube-router.conf"
    return [_program("kube-router"), kubeconfig, node.name, str(SERVICES), str(BALANCERS)]


def _etcd() -> list[str]:
    return [
        _program("etcd"),
        "--name=control",
        "--data-dir=/var/lib/etcd",
        f"--listen-client-urls={_ETCD}",
        f"--advertise-client-urls={_ETCD}",
        f"--listen-peer-urls={_ETCD_PEER}",
        f"--initial-advertise-peer-urls={_ETCD_PEER}",
        f"--initial-cluster=control={_ETCD_PEER}",
        # Its disk is memory, and nobody keeps it.
        "--unsafe-no-fsync",
    ]


def _apiserver(cluster: Cluster) -> list[str]:
    pki = cluster.pki
    address = cluster.control.address
    return [
        _program("kube-apiserver"),
        f"--etcd-servers={_ETCD}",
        f"--advertise-address={address}",
        f"--bind-address={address}",
        "--secure-port=6443",
        f"--service-cluster-ip-range={SERVICES}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--client-ca-file={pki}/ca.crt",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--service-account-key-file={pki}/accounts.pub",
        f"--service-account-signing-key-file={pki}/accounts.key",
        f"--service-account-issuer=https://kubernetes.default.svc.{DOMAIN}",
        f"--kubelet-client-certificate={pki}/apiserver-kubelet.crt",
        f"--kubelet-client-key={pki}/apiserver-kubelet.key",
        f"--kubelet-certificate-authority={pki}/ca.crt",
        "--kubelet-preferred-address-types=InternalIP",
        f"--requestheader-client-ca-file={pki}/ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={pki}/front-proxy.crt",
        f"--proxy-client-key-file={pki}/front-proxy.key",
        f"--default-not-ready-toleration-seconds={TOLERATION}",
        f"--default-unreachable-toleration-seconds={TOLERATION}",
        "--profiling=false",
    ]


def _controller_manager(cluster: Cluster) -> list[str]:
    pki = cluster.pki
    return [
        _program("kube-controller-manager"),
        *_as_client(cluster, "controller-manager"),
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={pki}/accounts.key",
        f"--root-ca-file={pki}/ca.crt",
        f"--cluster-signing-cert-file={pki}/ca.crt",
        f"--cluster-signing-key-file={pki}/ca.key",
        # The nodes' ranges are fixed, since their routes are.
        "--allocate-node-cidrs=false",
        f"--cluster-cidr={PODS}",
        f"--service-cluster-ip-range={SERVICES}",
        f"--node-monitor-grace-period={NODE_MONITOR_GRACE}s",
    ]


def _scheduler(cluster: Cluster) -> list[str]:
    return [_program("kube-scheduler"), *_as_client(cluster, "scheduler")]


def _as_client(cluster: Cluster, name: str) -> list[str]:
    kubeconfig = f"{cluster.pki}/{name}.conf"
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        *_API_RATE,
    ]


def _balancer(cluster: Cluster) -> list[str]:
    return [sys.executable, "-m", "tests.e2e.cluster.balancer", cluster.api, str(cluster.pki)]


def _provisioner(cluster: Cluster) -> list[str]:
    return [
        _program("local-path-provisioner"),
        "start",
        f"--kubeconfig={cluster.kubeconfig}",
        f"--config={_MANIFESTS}/volumes.json",
        f"--helper-pod-file={_MANIFESTS}/volume-helper.yaml",
        "--helper-image=cluster.test/debian:1",
        "--namespace=kube-system",
        "--provisioner-name=cluster.test/volumes",
        "--service-account-name=volumes",
        "--configmap-name=volumes",
    ]
