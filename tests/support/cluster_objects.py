"""A release's objects as `kubectl get -o json` prints them, small and made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Object = dict[str, Any]


def listed(*items: Object) -> Object:
    """A List."""
    return {"kind": "List", "apiVersion": "v1", "items": list(items)}


def workload(
    kind: str,
    name: str,
    component: str,
    *,
    replicas: int | None = 1,
    containers: Sequence[str] = ("c",),
    release: str = "hub",
    chart: str = "jupyterhub-ha-0.1.0",
) -> Object:
    """A Deployment or a StatefulSet."""
    labels = {"app": "jupyterhub", "component": component, "release": release}
    spec: Object = {"template": {"spec": {"containers": [{"name": one} for one in containers]}}}
    if replicas is not None:
        spec["replicas"] = replicas
    return {
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": "jhub",
            "labels": {**labels, "helm.sh/chart": chart},
        },
        "spec": spec,
    }


def pod(
    name: str,
    component: str,
    *,
    node: str = "worker-1",
    ready: bool = True,
    restarts: int = 0,
    state: Mapping[str, Any] | None = None,
    last_state: Mapping[str, Any] | None = None,
    container_ready: bool | None = None,
    started: bool = True,
    phase: str = "Running",
    release: str = "hub",
    health: str = "",
    conditions: Sequence[Object] = (),
) -> Object:
    """A Pod with one container, `main`."""
    probe = {"readinessProbe": {"httpGet": {"path": health, "port": "http"}}} if health else {}
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "jhub",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"app": "jupyterhub", "component": component, "release": release},
        },
        "spec": {"nodeName": node, "containers": [{"name": "main", **probe}]},
        "status": {
            "phase": phase,
            "conditions": [*conditions, {"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [
                {
                    "name": "main",
                    "ready": ready if container_ready is None else container_ready,
                    "started": started,
                    "restartCount": restarts,
                    "state": state or {"running": {"startedAt": "2026-01-01T00:00:10Z"}},
                    "lastState": last_state or {},
                }
            ],
        },
    }


def ended(reason: str, code: int, at: str) -> Object:
    """The state of a container that ended."""
    return {"terminated": {"reason": reason, "exitCode": code, "finishedAt": at, "message": "LOG"}}


def event(kind: str, name: str, reason: str, message: str, at: str, count: int = 1) -> Object:
    """A warning."""
    return {
        "kind": "Event",
        "type": "Warning",
        "involvedObject": {"kind": kind, "name": name, "namespace": "jhub"},
        "reason": reason,
        "message": message,
        "count": count,
        "lastTimestamp": at,
        "metadata": {"name": f"{name}.1", "creationTimestamp": "2026-01-01T00:00:00Z"},
    }


def marker(generation: int, store: str = "3f2a1b09") -> Object:
    """What Traefik's API shows of the middleware with the table's generation."""
    marks = {"generation": str(generation), "revision": "77", "store": store}
    return {
        "headers": {"customResponseHeaders": marks},
        "status": "enabled",
        "name": "jupyterhub-generation@etcd",
        "provider": "etcd",
        "type": "headers",
    }


def etcd_metrics(
    *,
    leads: bool = False,
    has_leader: bool = True,
    learner: bool = False,
    database: str = "1.2845056e+07",
    quota: str = "5.36870912e+08",
) -> str:
    """The lines of a member's page of metrics that matter, among others."""
    return f"""\
# HELP etcd_server_has_leader Whether or not a leader exists. 1 is existence, 0 is not.
# TYPE etcd_server_has_leader gauge
etcd_server_has_leader {int(has_leader)}
# TYPE etcd_server_is_leader gauge
etcd_server_is_leader {int(leads)}
# TYPE etcd_server_is_learner gauge
etcd_server_is_learner {int(learner)}
etcd_mvcc_db_total_size_in_bytes {database}
etcd_mvcc_db_total_size_in_use_in_bytes 1.1e+06
etcd_server_quota_backend_bytes {quota}
etcd_server_version{{server_version="3.6.5"}} 1
etcd_debugging_mvcc_keys_total 12
go_goroutines 95
"""
