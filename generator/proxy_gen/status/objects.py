"""Reading what ``kubectl get -o json`` prints. Pure."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from proxy_gen import chart
from proxy_gen.errors import UsageError

from .facts import CHP, IN_PROCESS, TRAEFIK, Fault, Pod, Workload

COMPONENTS = ("hub", "proxy", "proxy-etcd", "proxy-etcd-setup", "proxy-certificates")
Object = Mapping[str, Any]

_WORKLOADS = ("Deployment", "StatefulSet")
_EPOCH = datetime.datetime.fromtimestamp(0, datetime.UTC)


def read(listed: Object) -> tuple[list[Workload], list[tuple[str, Pod]]]:
    """Read a List: its workloads, and its pods with the name of the release that each is of.

    Pods that have ended and are only kept for their log (of Jobs, or evicted) are read as well:
    they have no component, since they serve nobody, but may have faults.
    """
    items = listed.get("items") or []
    workloads = [_workload(item) for item in items if item.get("kind") in _WORKLOADS]
    pods = [(_labels(item).get("release", ""), pod(item)) for item in items if _is_pod(item)]
    return workloads, sorted(pods, key=lambda found: found[1].name)


def choose_release(workloads: Iterable[Workload], wanted: str | None) -> str:
    """Return the release that is meant: ``wanted``, or the only one there is.

    Of several the only one that this chart made is taken: another's may run beside it. Raises
    UsageError if there is none, or more than one.
    """
    ours: dict[str, bool] = {}
    for one in workloads:
        made = one.chart.startswith(f"{chart.NAME}-")
        ours[one.release] = ours.get(one.release, False) or made
    if wanted is not None:
        if wanted not in ours:
            raise UsageError(f"no release {wanted!r} here; {_there_are(ours)}")
        return wanted
    names = [name for name, made in ours.items() if made] or list(ours)
    if len(names) != 1:
        raise UsageError(_there_are(names))
    return names[0]


def _there_are(names: Iterable[str]) -> str:
    listed = ", ".join(sorted(names))
    if listed:
        return f"releases in this namespace: {listed}; name one with --release"
    return (
        "no hub and no proxy in this namespace; name another one with --namespace, or another "
        "cluster with --context (`kubectl get deployments -A -l component=hub` finds hubs)"
    )


def kind_of(workloads: Sequence[Workload]) -> str:
    """Return the kind of proxy that a release's workloads make."""
    for one in workloads:
        if one.component == "proxy":
            return CHP if "chp" in one.containers else TRAEFIK
    return IN_PROCESS


def _workload(item: Object) -> Workload:
    metadata, labels, spec = item["metadata"], _labels(item), item.get("spec") or {}
    template = (spec.get("template") or {}).get("spec") or {}
    wanted = spec.get("replicas")
    return Workload(
        item["kind"],
        metadata["name"],
        labels.get("component", ""),
        labels.get("release", ""),
        metadata.get("namespace", ""),
        1 if wanted is None else wanted,
        labels.get("helm.sh/chart") or labels.get("chart", ""),
        tuple(one.get("name", "") for one in template.get("containers") or []),
        tuple(_etcd_secrets(template.get("volumes") or [])),
        *_public_certificate(template),
    )


def _etcd_secrets(volumes: Iterable[Object]) -> Iterator[str]:
    """Name the Secret of the hub's volume ``etcd``, and that in Traefik's projected volume."""
    for volume in volumes:
        if volume.get("name") == "etcd" and "secret" in volume:
            yield volume["secret"]["secretName"]
        for source in (volume.get("projected") or {}).get("sources") or []:
            secret = source.get("secret") or {}
            if any(item.get("key") == "tls.crt" for item in secret.get("items") or []):
                yield secret["name"]


def _public_certificate(template: Object) -> tuple[str, str]:
    """Secret and key of the certificate that these pods publish; empty if they publish none."""
    for volume in template.get("volumes") or []:
        if volume.get("name") == "certificate" and "secret" in volume:
            items = volume["secret"].get("items") or []
            keys = [item["key"] for item in items if item.get("path") == "tls.crt"]
            return volume["secret"]["secretName"], (keys or ["tls.crt"])[0]
    for container in template.get("containers") or []:
        for word in container.get("args") or []:
            if word.startswith("--state-secret="):
                return word.partition("=")[2], "tls.crt"
    return "", "tls.crt"


def pod(item: Object) -> Pod:
    """Read one Pod."""
    metadata, status = item["metadata"], item.get("status") or {}
    done = status.get("phase") in ("Succeeded", "Failed")
    containers = _container_statuses(item)
    condition = _condition(item, "Ready")
    ready = condition.get("status") == "True"
    return Pod(
        metadata["name"],
        "" if done else _labels(item).get("component", ""),
        (item.get("spec") or {}).get("nodeName", ""),
        ready,
        sum(one.get("restartCount", 0) for one in containers),
        "deletionTimestamp" in metadata,
        "" if ready else _trouble(item),
        _health_path(item),
        tuple(_faults(item)),
    )


def _trouble(item: Object) -> str:
    status = item.get("status") or {}
    for one in _container_statuses(item):
        waiting = (one.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            return f"container {one['name']}: {_said(waiting)}"
    scheduled = _condition(item, "PodScheduled")
    if scheduled.get("status") == "False":
        return f"no node takes it: {_said(scheduled)}"
    for one in _container_statuses(item):
        ended = (one.get("state") or {}).get("terminated") or {}
        if ended.get("exitCode"):
            return f"container {one['name']}: {_ended(ended)}"
    serving = status.get("containerStatuses") or []
    if status.get("phase") != "Running" or not serving:
        return f"it is still {str(status.get('phase', 'Pending')).lower()}"
    if all(one.get("ready") for one in serving):
        return "its node does not answer"
    if not all(one.get("started") for one in serving):
        return "it has not started yet (its startup probe fails)"
    return "its readiness probe fails"


def _faults(item: Object) -> Iterator[Fault]:
    name = item["metadata"]["name"]
    for one in _container_statuses(item):
        for state in (one.get("lastState") or {}, one.get("state") or {}):
            ended = state.get("terminated")
            if ended and ended.get("exitCode"):
                where = f"pod {name}, container {one['name']}"
                times = max(1, one.get("restartCount", 0))
                yield Fault(_ended(ended), where, moment(ended.get("finishedAt")), times)
    status = item.get("status") or {}
    if status.get("phase") == "Failed" and status.get("reason"):
        yield Fault(_said(status), f"pod {name}", _last_change(item))


def last_event(events: Iterable[Object], pods: Iterable[Pod], workloads: Iterable[Workload]) -> (
    Fault | None
):  # fmt: skip
    """Return the latest warning about these pods, their workloads, or earlier pods of those."""
    names = {one.name for one in pods}
    of_workloads = list(workloads)
    faults = [_event(one) for one in events if _concerns(one, names, of_workloads)]
    return max(faults, key=lambda fault: fault.when, default=None)


def _concerns(event: Object, pods: set[str], workloads: Iterable[Workload]) -> bool:
    concerned = event.get("involvedObject") or {}
    kind, name = concerned.get("kind"), concerned.get("name", "")
    if event.get("type") != "Warning":
        return False
    if kind == "Pod" and name in pods:
        return True
    # A pod that is gone, and a ReplicaSet, have no labels here, only names that begin alike.
    earlier = {"Pod": r"-([a-z0-9]+-[a-z0-9]{5}|\d+)", "ReplicaSet": r"-[a-z0-9]{8,10}"}
    return any(
        (kind == one.kind and name == one.name)
        or (kind in earlier and re.fullmatch(re.escape(one.name) + earlier[kind], name) is not None)
        for one in workloads
    )


def _event(event: Object) -> Fault:
    concerned, series = event["involvedObject"], event.get("series") or {}
    times = series.get("count") or event.get("count") or 1
    stamps = (
        series.get("lastObservedTime"),
        event.get("lastTimestamp"),
        event.get("eventTime"),
        (event.get("metadata") or {}).get("creationTimestamp"),
    )
    where = f"{str(concerned['kind']).lower()} {concerned['name']}"
    return Fault(_said(event), where, moment(next(filter(None, stamps), None)), times)


def moment(text: str | None) -> datetime.datetime:
    """Read Kubernetes' time, such as ``2026-01-31T12:00:00Z``; without one, 1970."""
    return datetime.datetime.fromisoformat(text) if text else _EPOCH


def _ended(terminated: Object) -> str:
    # Its message may be the end of the log, which is not ours to show.
    return f"{terminated.get('reason') or 'Error'} (exit code {terminated['exitCode']})"


def _said(thing: Object) -> str:
    return ": ".join(str(thing[key]) for key in ("reason", "message") if thing.get(key))


def _condition(item: Object, kind: str) -> Object:
    conditions = (item.get("status") or {}).get("conditions") or []
    found: Object = next((one for one in conditions if one.get("type") == kind), {})
    return found


def _last_change(item: Object) -> datetime.datetime:
    conditions = (item.get("status") or {}).get("conditions") or []
    stamps = [one.get("lastTransitionTime") for one in conditions]
    return max(map(moment, [item["metadata"].get("creationTimestamp"), *stamps]))


def _container_statuses(item: Object) -> list[Object]:
    status = item.get("status") or {}
    return [
        *(status.get("initContainerStatuses") or []),
        *(status.get("containerStatuses") or []),
    ]


def _health_path(item: Object) -> str:
    for container in (item.get("spec") or {}).get("containers") or []:
        asked = (container.get("readinessProbe") or {}).get("httpGet") or {}
        if asked.get("path"):
            return str(asked["path"])
    return ""


def _labels(item: Object) -> Mapping[str, str]:
    return item["metadata"].get("labels") or {}


def _is_pod(item: Object) -> bool:
    return item.get("kind") == "Pod"
