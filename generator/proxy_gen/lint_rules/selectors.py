"""Selectors select something, and the port names that objects use are names of ports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from proxy_gen.errors import Problem
from proxy_gen.lint import Subject, problem
from proxy_gen.objects import PodTemplate, matches, pod_templates
from proxy_gen.stream import Document

RULE = "selectors"
# Pods that no object of the chart makes: the hub starts them.
_SPAWNED = ("singleuser-server",)
_PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def check(subject: Subject) -> Iterator[Problem]:
    """Yield every selector without a pod and every port name that no container has."""
    templates = pod_templates(subject.documents)
    services = {one.name: one for one in subject.of_kind("Service")}
    for template in templates:
        yield from _workload(template)
        yield from _probes(template)
    for document in subject.documents:
        spec = document.data.get("spec") or {}
        if document.kind == "Service":
            yield from _service(document, spec, templates)
        elif document.kind == "PodDisruptionBudget":
            where = "spec.selector"
            yield from _selects(document, where, spec.get("selector"), templates)
        elif document.kind == "NetworkPolicy":
            yield from _network_policy(document, spec, templates)
        elif document.kind == "PodMonitor":
            yield from _pod_monitor(document, spec, templates)
        elif document.kind == "Ingress":
            yield from _ingress(document, spec, services, subject)


def _workload(template: PodTemplate) -> Iterator[Problem]:
    spec = template.document.data.get("spec") or {}
    selector = spec.get("selector")
    if selector and not matches(selector, template.labels):
        what = "it does not match the labels of its own pods"
        yield problem(template.document, "spec.selector", what, "make the labels equal", RULE)


def _probes(template: PodTemplate) -> Iterator[Problem]:
    for path, container in template.containers():
        names = [port.get("name") for port in container.get("ports") or [] if port.get("name")]
        for duplicate in sorted({name for name in names if names.count(name) > 1}):
            what = f"there are two ports named {duplicate!r}"
            yield problem(template.document, f"{path}.ports", what, "rename one", RULE)
        hooks = container.get("lifecycle") or {}
        probes = {name: container.get(name) for name in _PROBES}
        probes |= {f"lifecycle.{name}": hook for name, hook in hooks.items()}
        for name, probe in probes.items():
            for action in ("httpGet", "tcpSocket"):
                port = ((probe or {}).get(action) or {}).get("port")
                if isinstance(port, str) and port not in names:
                    yield problem(
                        template.document,
                        f"{path}.{name}.{action}.port",
                        f"the container has no port named {port!r}",
                        f"its ports are {_listed(names)}",
                        RULE,
                    )


def _service(
    document: Document, spec: Mapping[str, Any], templates: Sequence[PodTemplate]
) -> Iterator[Problem]:
    labels = spec.get("selector")
    if not labels or spec.get("type") == "ExternalName":
        return
    selector = {"matchLabels": labels}
    yield from _selects(document, "spec.selector", selector, templates)
    chosen = [one for one in templates if matches(selector, one.labels)]
    names = {name for one in chosen for name in one.port_names()}
    numbers = {number for one in chosen for number in one.port_numbers()}
    for index, port in enumerate(spec.get("ports") or []):
        target = port.get("targetPort", port.get("port"))
        where = f"spec.ports[{port.get('name', index)}].targetPort"
        if isinstance(target, str) and chosen and target not in names:
            what = f"its pods have no port named {target!r}"
            yield problem(document, where, what, f"they have {_listed(names)}", RULE)
        elif isinstance(target, int) and numbers and target not in numbers:
            what = f"its pods have no port {target}"
            known = _listed(str(number) for number in numbers)
            yield problem(document, where, what, f"they have {known}", RULE)


def _network_policy(
    document: Document, spec: Mapping[str, Any], templates: Sequence[PodTemplate]
) -> Iterator[Problem]:
    selector = spec.get("podSelector")
    yield from _selects(document, "spec.podSelector", selector, templates)
    named = [
        (f"spec.ingress[{number}].ports", port.get("port"))
        for number, rule in enumerate(spec.get("ingress") or [])
        for port in rule.get("ports") or []
    ]
    strings = [(where, name) for where, name in named if isinstance(name, str)]
    yield from _port_names(document, strings, selector, templates)


def _pod_monitor(
    document: Document, spec: Mapping[str, Any], templates: Sequence[PodTemplate]
) -> Iterator[Problem]:
    selector = spec.get("selector")
    yield from _selects(document, "spec.selector", selector, templates)
    named = [
        (f"spec.podMetricsEndpoints[{number}].port", endpoint.get("port"))
        for number, endpoint in enumerate(spec.get("podMetricsEndpoints") or [])
    ]
    yield from _port_names(document, named, selector, templates)


def _port_names(
    document: Document,
    named: Iterable[tuple[str, Any]],
    selector: Any,
    templates: Sequence[PodTemplate],
) -> Iterator[Problem]:
    """A problem for each name, by its place, that no port of the selected pods has."""
    chosen = [one for one in templates if matches(selector, one.labels)]
    names = {name for one in chosen for name in one.port_names()}
    for where, name in named:
        if chosen and name not in names:
            what = f"its pods have no port named {name!r}"
            yield problem(document, where, what, f"they have {_listed(names)}", RULE)


def _ingress(
    document: Document,
    spec: Mapping[str, Any],
    services: Mapping[str, Document],
    subject: Subject,
) -> Iterator[Problem]:
    backends = [("spec.defaultBackend", spec.get("defaultBackend") or {})]
    for rule in spec.get("rules") or []:
        for path in (rule.get("http") or {}).get("paths") or []:
            where = f"spec.rules[{rule.get('host', '*')}].paths[{path.get('path', '/')}]"
            backends.append((where, path.get("backend") or {}))
    for where, backend in backends:
        service = backend.get("service") or {}
        name = service.get("name")
        if not name:
            continue
        if name not in services:
            if name not in subject.texts_in_values:
                what = f"Service {name!r} does not exist"
                yield problem(document, where, what, f"there are {_listed(services)}", RULE)
            continue
        ports = services[name].data["spec"].get("ports") or []
        wanted = service.get("port") or {}
        known = {port.get("name") for port in ports} | {port.get("port") for port in ports}
        given = wanted.get("name", wanted.get("number"))
        if given not in known:
            what = f"Service {name!r} has no port {given!r}"
            listed = _listed(str(one) for one in known if one)
            yield problem(document, where, what, f"it has {listed}", RULE)


def _selects(
    document: Document,
    where: str,
    selector: Mapping[str, Any] | None,
    templates: Sequence[PodTemplate],
) -> Iterator[Problem]:
    wanted = (selector or {}).get("matchLabels") or {}
    if wanted.get("component") in _SPAWNED or wanted.get("app.kubernetes.io/component") in _SPAWNED:
        return
    if not any(matches(selector, one.labels) for one in templates):
        labels = ", ".join(f"{key}={value}" for key, value in wanted.items()) or "its expressions"
        cure = "make it equal to the labels of the pods that it is for"
        yield problem(document, where, f"no pod of the chart has {labels}", cure, RULE)


def _listed(names: Any) -> str:
    return ", ".join(sorted(str(name) for name in names)) or "none"
