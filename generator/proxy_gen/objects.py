"""Reading Kubernetes objects: pod templates, labels, selectors, ports. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .stream import Document

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod")


@dataclass(frozen=True)
class PodTemplate:
    """A pod as an object would make it: where it stands, its labels and its spec."""

    document: Document
    path: str
    labels: Mapping[str, str]
    spec: Mapping[str, Any]

    def containers(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield every container with its path, init containers first."""
        for group in ("initContainers", "containers"):
            for index, container in enumerate(self.spec.get(group) or []):
                yield f"{self.path}.{group}[{container.get('name', index)}]", container

    def port_names(self) -> set[str]:
        """The names of the containers' ports."""
        return {port["name"] for port in self._ports() if port.get("name")}

    def port_numbers(self) -> set[int]:
        """The numbers of the containers' ports."""
        return {int(port["containerPort"]) for port in self._ports() if "containerPort" in port}

    def _ports(self) -> Iterator[Mapping[str, Any]]:
        for _, container in self.containers():
            yield from container.get("ports") or []


def pod_templates(documents: Sequence[Document]) -> list[PodTemplate]:
    """Return the pod template of every workload."""
    return [template for one in documents if (template := _template(one)) is not None]


def matches(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Tell whether a label selector takes these labels; an empty one takes all.

    ``selector`` has ``matchLabels`` and ``matchExpressions``.
    Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
    """
    selector = selector or {}
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_expression(one, labels) for one in selector.get("matchExpressions") or [])


def _expression(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, operator = expression.get("key", ""), expression.get("operator", "")
    values = expression.get("values") or []
    if operator == "Exists":
        return key in labels
    if operator == "DoesNotExist":
        return key not in labels
    if operator == "In":
        return labels.get(key) in values
    return labels.get(key) not in values


def _template(document: Document) -> PodTemplate | None:
    if document.kind not in WORKLOADS:
        return None
    if document.kind == "Pod":
        labels = document.data["metadata"].get("labels") or {}
        return PodTemplate(document, "spec", labels, document.data.get("spec") or {})
    holder, path = document.data.get("spec") or {}, "spec"
    if document.kind == "CronJob":
        holder, path = holder["jobTemplate"]["spec"], "spec.jobTemplate.spec"
    template = holder.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    return PodTemplate(document, f"{path}.template.spec", labels, template.get("spec") or {})
