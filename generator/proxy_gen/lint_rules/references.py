"""Every object that is named exists: ConfigMaps, Secrets and their keys, accounts, claims, roles.

What the user's own values name (an existing Secret, a volume's ConfigMap) is the user's own object
and may live outside the chart.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from proxy_gen.errors import Problem
from proxy_gen.lint import Subject, problem
from proxy_gen.objects import PodTemplate, pod_templates
from proxy_gen.stream import Document

RULE = "references"
_BUILT_IN = {
    ("ServiceAccount", "default"),
    ("PriorityClass", "system-cluster-critical"),
    ("PriorityClass", "system-node-critical"),
}
_MIB = 1024 * 1024


def check(subject: Subject) -> Iterator[Problem]:
    """Yield every reference that leads nowhere, and every name that is taken twice."""
    index = _Index(subject)
    yield from _duplicates(subject)
    for template in pod_templates(subject.documents):
        yield from _pod(template, index)
    for document in subject.documents:
        yield from _other(document, index)


@dataclass
class _Index:
    """The rendered objects by kind and name."""

    subject: Subject

    def __post_init__(self) -> None:
        self.objects = {(one.kind, one.name): one for one in self.subject.documents}

    def missing(
        self, at: Document, path: str, kind: str, name: Any, key: Any = None
    ) -> Iterator[Problem]:
        """Yield a problem where the object, or its key, is not there."""
        if not name or (kind, name) in _BUILT_IN:
            return
        found = self.objects.get((kind, name))
        if found is None:
            if name not in self.subject.texts_in_values:
                names = [known for known_kind, known in self.objects if known_kind == kind]
                yield problem(at, path, f"{kind} {name!r} does not exist", _near(name, names), RULE)
        elif key is not None and kind in ("ConfigMap", "Secret"):
            keys = [
                one
                for part in ("data", "stringData", "binaryData")
                for one in found.data.get(part) or {}
            ]
            if key not in keys:
                what = f"{kind} {name!r} has no key {key!r}"
                yield problem(at, path, what, _near(str(key), keys), RULE)


def _duplicates(subject: Subject) -> Iterator[Problem]:
    counts = Counter((one.kind, one.name, one.namespace) for one in subject.documents)
    for document in subject.documents:
        if counts[document.kind, document.name, document.namespace] > 1:
            what = f"{document.kind} {document.name!r} is there more than once"
            yield problem(document, "metadata.name", what, "rename one of them", RULE)
        if document.kind == "ConfigMap" and len(document.text.encode()) > _MIB:
            what = "it is larger than 1 MiB, the limit of a ConfigMap"
            yield problem(
                document, "data", what, "move large files into an image or a volume", RULE
            )


def _pod(template: PodTemplate, index: _Index) -> Iterator[Problem]:
    at, path, spec = template.document, template.path, template.spec
    account = spec.get("serviceAccountName")
    yield from index.missing(at, f"{path}.serviceAccountName", "ServiceAccount", account)
    priority = spec.get("priorityClassName")
    yield from index.missing(at, f"{path}.priorityClassName", "PriorityClass", priority)
    for number, secret in enumerate(spec.get("imagePullSecrets") or []):
        where = f"{path}.imagePullSecrets[{number}]"
        yield from index.missing(at, where, "Secret", secret.get("name"))
    volumes: dict[str, Mapping[str, Any]] = {}
    for volume in spec.get("volumes") or []:
        name = str(volume.get("name"))
        where = f"{path}.volumes[{name}]"
        if name in volumes:
            yield problem(at, where, "there are two volumes of this name", "rename one", RULE)
        volumes[name] = volume
        yield from _volume(volume, at, where, index)
    claims = at.data.get("spec", {}).get("volumeClaimTemplates") or []
    known = {*volumes, *(claim["metadata"]["name"] for claim in claims)}
    for where, container in template.containers():
        yield from _environment(container, at, where, index)
        for mount in container.get("volumeMounts") or []:
            yield from _mount(mount, known, volumes, at, where, index)


def _volume(
    volume: Mapping[str, Any], at: Document, where: str, index: _Index
) -> Iterator[Problem]:
    claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
    yield from index.missing(at, where, "PersistentVolumeClaim", claim)
    sources = [volume, *((volume.get("projected") or {}).get("sources") or [])]
    for source in sources:
        for kind, field, name_field in (
            ("ConfigMap", "configMap", "name"),
            ("Secret", "secret", "secretName"),
        ):
            given = source.get(field)
            if not given or given.get("optional"):
                continue
            name = given.get(name_field) or given.get("name")
            yield from index.missing(at, where, kind, name)
            for item in given.get("items") or []:
                if (kind, name) in index.objects:
                    yield from index.missing(at, where, kind, name, item.get("key"))


def _mount(
    mount: Mapping[str, Any],
    known: set[str],
    volumes: Mapping[str, Mapping[str, Any]],
    at: Document,
    where: str,
    index: _Index,
) -> Iterator[Problem]:
    name = str(mount.get("name"))
    where = f"{where}.volumeMounts[{mount.get('mountPath', name)}]"
    if name not in known:
        yield problem(at, where, f"there is no volume {name!r}", _near(name, sorted(known)), RULE)
        return
    volume, key = volumes.get(name, {}), mount.get("subPath")
    if not key or "/" in str(key):
        return
    for kind, field, name_field in (
        ("ConfigMap", "configMap", "name"),
        ("Secret", "secret", "secretName"),
    ):
        source = volume.get(field) or {}
        if source and not source.get("optional") and not source.get("items"):
            yield from index.missing(at, where, kind, source.get(name_field), key)


def _environment(
    container: Mapping[str, Any], at: Document, where: str, index: _Index
) -> Iterator[Problem]:
    for variable in container.get("env") or []:
        source = variable.get("valueFrom") or {}
        place = f"{where}.env[{variable.get('name')}]"
        for kind, field in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
            given = source.get(field) or {}
            if not given.get("optional"):
                yield from index.missing(at, place, kind, given.get("name"), given.get("key"))
    for number, source in enumerate(container.get("envFrom") or []):
        for kind, field in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
            given = source.get(field) or {}
            if not given.get("optional"):
                yield from index.missing(at, f"{where}.envFrom[{number}]", kind, given.get("name"))


def _other(document: Document, index: _Index) -> Iterator[Problem]:
    spec = document.data.get("spec") or {}
    if document.kind == "StatefulSet":
        name = spec.get("serviceName")
        yield from index.missing(document, "spec.serviceName", "Service", name)
    elif document.kind == "HorizontalPodAutoscaler":
        target = spec.get("scaleTargetRef") or {}
        yield from index.missing(
            document, "spec.scaleTargetRef", str(target.get("kind")), target.get("name")
        )
    elif document.kind == "PodMonitor":
        for number, endpoint in enumerate(spec.get("podMetricsEndpoints") or []):
            token = (endpoint.get("authorization") or {}).get("credentials") or {}
            where = f"spec.podMetricsEndpoints[{number}].authorization"
            yield from index.missing(document, where, "Secret", token.get("name"), token.get("key"))
    elif document.kind in ("RoleBinding", "ClusterRoleBinding"):
        role = document.data.get("roleRef") or {}
        yield from index.missing(document, "roleRef", str(role.get("kind")), role.get("name"))
        for number, subject in enumerate(document.data.get("subjects") or []):
            if subject.get("kind") == "ServiceAccount":
                where = f"subjects[{number}]"
                yield from index.missing(document, where, "ServiceAccount", subject.get("name"))


def _near(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"there are {', '.join(sorted(known)[:8])}" if known else "none of its kind is rendered"
