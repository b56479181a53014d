"""The configuration files of a node's daemons, as text. Nothing here acts."""

from __future__ import annotations

import json
from typing import Any

import tomlkit
import yaml

from .settings import DOMAIN, PODS, Cluster, Node

CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
PAUSE_IMAGE = "cluster.test/pause:1"
_CNI_FOLDER = "/run/cni/net.d"
_CNI_PROGRAMS = "/usr/lib/cni"


def containerd(runtime: str) -> str:
    """containerd's configuration, version 3; `runtime` is the path of runc."""
    images = {"snapshotter": "overlayfs", "pinned_images": {"sandbox": PAUSE_IMAGE}}
    options = {"BinaryName": runtime, "SystemdCgroup": False}
    runc = {"runtime_type": "io.containerd.runc.v2", "options": options}
    cri: dict[str, Any] = {
        # A machine that may not lower a process's OOM score fails to start pods without this.
        "restrict_oom_score_adj": True,
        "enable_unprivileged_ports": True,
        "enable_unprivileged_icmp": True,
        "containerd": {"default_runtime_name": "runc", "runtimes": {"runc": runc}},
        "cni": {"bin_dirs": [_CNI_PROGRAMS], "conf_dir": _CNI_FOLDER},
    }
    document = {
        "version": 3,
        "root": "/var/lib/containerd",
        "state": "/run/containerd",
        "disabled_plugins": ["io.containerd.nri.v1.nri", "io.containerd.internal.v1.tracing"],
        "grpc": {"address": CONTAINERD_SOCKET},
        "plugins": {"io.containerd.cri.v1.images": images, "io.containerd.cri.v1.runtime": cri},
    }
    return tomlkit.dumps(document)


def pod_network(node: Node) -> str:
    """The CNI list: a bridge for the node's pods. The nodes' routes do the rest, without NAT."""
    ipam = {
        "type": "host-local",
        "dataDir": "/run/cni/addresses",
        "ranges": [[{"subnet": str(node.pods)}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {
        "type": "bridge",
        "bridge": "pods",
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": ipam,
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge, ports]})


def kubelet(cluster: Cluster, node: Node) -> str:
    """KubeletConfiguration of one node."""
    document = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": str(node.address),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{cluster.pki}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{cluster.pki}/{node.name}-server.crt",
        "tlsPrivateKeyFile": f"{cluster.pki}/{node.name}-server.key",
        "clusterDomain": DOMAIN,
        "clusterDNS": [str(cluster.dns_address)],
        # Empty: nothing outside is to be asked.
        "resolvConf": "/run/resolv.conf",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": "/",
        "failCgroupV1": False,
        # Of one pod, as a public service would have it.
        "podPidsLimit": 512,
        "failSwapOn": False,
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "volumePluginDir": "/var/lib/kubelet/plugins/volume",
        "podLogsDir": "/var/log/pods",
        "serializeImagePulls": False,
        # Images come from an archive: one that is collected could not be pulled again.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {
            "memory.available": "200Mi",
            "nodefs.available": "2%",
            "imagefs.available": "2%",
        },
        "nodeStatusUpdateFrequency": "5s",
        "kubeAPIQPS": 100,
        "kubeAPIBurst": 200,
        "registryPullQPS": 0,
        "eventRecordQPS": 0,
    }
    return yaml.safe_dump(document, sort_keys=False)


def kube_proxy(cluster: Cluster, node: Node) -> str:
    """KubeProxyConfiguration of one node, with nftables."""
    document = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "bindAddress": "0.0.0.0",  # noqa: S104 - in a network of its own
        "clusterCIDR": str(PODS),
        "clientConnection": {"kubeconfig": f"{cluster.pki}/kube-proxy.conf"},
        # The limits of connection tracking belong to the whole machine: left alone.
        "conntrack": {"maxPerCore": 0, "tcpCloseWaitTimeout": "0s", "tcpEstablishedTimeout": "0s"},
        "hostnameOverride": node.name,
    }
    return yaml.safe_dump(document, sort_keys=False)


def node_files(cluster: Cluster, node: Node, runtime: str) -> dict[str, str]:
    """Path in the node -> text, for a node that runs pods."""
    return {
        "/run/containerd.toml": containerd(runtime),
        f"{_CNI_FOLDER}/10-pods.conflist": pod_network(node),
        "/run/kubelet.yaml": kubelet(cluster, node),
        "/run/kube-proxy.yaml": kube_proxy(cluster, node),
        "/run/resolv.conf": "",
    }
