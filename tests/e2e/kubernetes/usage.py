"""Memory and CPU of a proxy tier, as the kubelets count them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .kube import Kube

COMPONENTS = ("proxy", "proxy-etcd")


@dataclass(frozen=True)
class Usage:
    """What all pods of a component took over a while."""

    proxy: str
    state: str
    """`idle` or `under load`."""
    component: str
    pods: int
    memory_mib: float
    """Working set, at the end."""
    millicores: float
    """Thousandths of one processor, on average."""


@dataclass(frozen=True)
class _Sample:
    pods: int
    memory: float
    """Bytes."""
    cpu: float
    """Seconds since the containers began."""
    time: float


async def usage(kube: Kube, proxy: str, state: str, seconds: float) -> list[Usage]:
    """What each component takes in the next seconds."""
    before = await asyncio.to_thread(_samples, kube)
    # The kubelet counts every 10 to 15 seconds, each pod at its own time.
    await asyncio.sleep(seconds)
    after = await asyncio.to_thread(_samples, kube)
    return [
        Usage(
            proxy,
            state,
            component,
            after[component].pods,
            round(after[component].memory / 2**20, 1),
            round(1000 * _rate(before[component], after[component]), 1),
        )
        for component in COMPONENTS
        if after[component].pods
    ]


def _rate(before: _Sample, after: _Sample) -> float:
    return (after.cpu - before.cpu) / max(1e-9, after.time - before.time)


def _samples(kube: Kube) -> dict[str, _Sample]:
    component_of = {
        pod["metadata"]["name"]: component
        for component in COMPONENTS
        for pod in kube.pods(component)
    }
    nodes = [node["metadata"]["name"] for node in kube.get("nodes")["items"]]
    found: list[tuple[str, dict[str, Any]]] = []
    for node in nodes:
        summary = json.loads(
            kube.kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary")
        )
        for pod in summary["pods"]:
            name, namespace = pod["podRef"]["name"], pod["podRef"]["namespace"]
            if namespace == kube.namespace and name in component_of:
                found.append((component_of[name], pod))
    return {name: _sum(pod for component, pod in found if component == name) for name in COMPONENTS}


def _sum(pods: Iterable[dict[str, Any]]) -> _Sample:
    containers = [container for pod in pods for container in pod["containers"]]
    times = [_seconds(container["cpu"]["time"]) for container in containers]
    return _Sample(
        len(containers),
        sum(container["memory"]["workingSetBytes"] for container in containers),
        sum(container["cpu"]["usageCoreNanoSeconds"] for container in containers) / 1e9,
        sum(times) / len(times) if times else 0.0,
    )


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
