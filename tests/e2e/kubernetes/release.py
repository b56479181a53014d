"""A release of the chart in the test cluster, with the users of the load."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import yaml
from tests.e2e.cluster.settings import ROOT

from .kube import Kube, KubeError, Object, until

_HERE = Path(__file__).parent
_FILES = (
    ROOT / "values-examples/production.yaml",
    ROOT / "tests/e2e/cluster/values/production.yaml",
    _HERE / "values/load.yaml",
)
TOKEN = str(
    yaml.safe_load((_HERE / "values/load.yaml").read_text())["hub"]["services"]["e2e"]["apiToken"]
)
USERS = [f"load-{number:03}" for number in range(200)]
DRAIN = 30.0
"""Seconds that load.yaml gives a replica from the order to stop until its last connection ends."""


class Release:
    """Installed, changed and looked at as an administrator does it; `values` is what is set.

    Each release needs a name of its own in the whole cluster, since PriorityClasses have it. With
    values `files` of its own it is without the users of the load.
    """

    def __init__(
        self,
        kube: Kube,
        name: str,
        values: dict[str, Any] | None = None,
        files: tuple[Path, ...] = (),
    ) -> None:
        self.kube = kube
        self.name = name
        self.chart = ROOT / "chart"
        self._files = files or _FILES
        self._has_load = not files
        load = {"hub": {"extraConfig": {"load": _spawner()}}} if self._has_load else {}
        self.values = merged(load, values or {})

    @property
    def is_etcd(self) -> bool:
        """Whether its proxy is Traefik with etcd, and not configurable-http-proxy."""
        return bool(self.values.get("proxy", {}).get("kind") != "chp")

    @property
    def url(self) -> str:
        """The public entry."""
        status = self.kube.get("service", "proxy-public")["status"]
        return f"http://{status['loadBalancer']['ingress'][0]['ip']}/"

    def all_values(self) -> dict[str, Any]:
        """What is set, and what the cluster needs, as one values file would have it."""
        found: dict[str, Any] = {}
        for file in self._files:
            found = merged(found, yaml.safe_load(file.read_text()))
        return merged(found, self.values)

    def prepare(self) -> None:
        """The namespace, which lets only restricted pods in, and the users' server of a load."""
        name = self.kube.namespace
        labels = {
            "pod-security.kubernetes.io/enforce": "restricted",
            "pod-security.kubernetes.io/warn": "restricted",
        }
        self.kube.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        )
        if self._has_load:
            self.kube.apply(*_users_server(_hub_image()))

    def upgrade(self, values: dict[str, Any] | None = None, *, wait: bool = True) -> None:
        """Install it, or change it to these values beside the former ones."""
        self.values = merged(self.values, values or {})
        files = [word for file in self._files for word in ("--values", str(file))]
        waiting = ["--wait", "--timeout=5m"] if wait else []
        self.kube.run(
            "helm",
            *("upgrade", "--install", self.name, str(self.chart)),
            *files,
            *waiting,
            *("--values", "-"),
            given=yaml.safe_dump(self.values),
        )

    def settle(self, seconds: int = 180) -> None:
        """Wait until all of it is as it should be, and the last replica that ended is gone."""
        workloads = ["deployment/hub", "deployment/proxy"]
        if self.is_etcd:
            workloads.append("statefulset/proxy-etcd")
        self.kube.rolled_out(*workloads, seconds=seconds)
        until("pods are still ending", lambda: not self._ending(), seconds)

    def _ending(self) -> list[Object]:
        pods = self.kube.get("pods", "-l", "app=jupyterhub")["items"]
        return [pod for pod in pods if "deletionTimestamp" in pod["metadata"]]

    def etcd_leader(self) -> str:
        """The name of the pod that leads etcd."""
        for pod in self.kube.pods("proxy-etcd"):
            name = str(pod["metadata"]["name"])
            # Not through the API server's proxy: the network policy does not let it in.
            try:
                with self.kube.forwarded(f"pod/{name}", 2381) as port:
                    metrics = urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read()
            except (KubeError, OSError):
                continue
            if b"\netcd_server_is_leader 1\n" in metrics:
                return name
        raise KubeError("no member of etcd leads")


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Values with others over them, as helm merges them; neither is changed."""
    result = copy.deepcopy(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else copy.deepcopy(value)
    return result


def chart_values() -> dict[str, Any]:
    """The chart's defaults."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "chart/values.yaml").read_text())
    return found


def _spawner() -> str:
    return (_HERE / "load/spawner.py").read_text()


def _hub_image() -> str:
    image = chart_values()["hub"]["image"]
    return f"{image['name']}:{image['tag']}"


def _users_server(image: str) -> list[Object]:
    labels = {"name": "load-server"}
    container = {
        "name": "server",
        "image": image,
        "command": ["python3", "/srv/load/users_server.py"],
        "env": [{"name": "PYTHONDONTWRITEBYTECODE", "value": "1"}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 8888}, "periodSeconds": 1},
        "volumeMounts": [{"name": "code", "mountPath": "/srv/load"}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    pod = {
        # Beside the hub, on the node that no test kills: its own end would look like the proxy's.
        "nodeSelector": {"kubernetes.io/hostname": "worker-1"},
        "automountServiceAccountToken": False,
        "containers": [container],
        "volumes": [{"name": "code", "configMap": {"name": "load-server"}}],
    }
    code = {"users_server.py": (_HERE / "load/users_server.py").read_text()}
    named = {"metadata": {"name": "load-server"}}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", **named, "data": code},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            **named,
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            **named,
            "spec": {"selector": labels, "ports": [{"port": 8888}]},
        },
    ]
