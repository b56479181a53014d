"""References between objects: each kind of dangling name is found, and nothing else."""

import copy

import pytest

from proxy_gen import stream, yaml_text
from proxy_gen.lint import Subject
from proxy_gen.lint_rules import references, selectors
from proxy_gen.values import Values

GOOD = yaml_text.load("""
- kind: ConfigMap
  metadata: {name: conf}
  data: {a.toml: x, b.toml: y}
- kind: Secret
  metadata: {name: sec}
  data: {password: eA==}
- kind: ServiceAccount
  metadata: {name: acc}
- kind: PersistentVolumeClaim
  metadata: {name: claim}
- kind: PriorityClass
  metadata: {name: prio}
- kind: Deployment
  metadata: {name: app}
  spec:
    selector: {matchLabels: {app: x}}
    template:
      metadata: {labels: {app: x, more: y}}
      spec:
        serviceAccountName: acc
        priorityClassName: prio
        imagePullSecrets: [{name: sec}]
        volumes:
        - {name: conf, configMap: {name: conf, items: [{key: a.toml, path: a}]}}
        - {name: whole, configMap: {name: conf}}
        - {name: sec, secret: {secretName: sec}}
        - {name: data, persistentVolumeClaim: {claimName: claim}}
        - {name: both, projected: {sources: [{secret: {name: sec}}]}}
        containers:
        - name: c
          ports: [{name: http, containerPort: 80}]
          env:
          - {name: P, valueFrom: {secretKeyRef: {name: sec, key: password}}}
          - {name: O, valueFrom: {secretKeyRef: {name: no, key: no, optional: true}}}
          envFrom: [{configMapRef: {name: conf}}]
          volumeMounts:
          - {name: conf, mountPath: /conf}
          - {name: whole, mountPath: /b.toml, subPath: b.toml}
          livenessProbe: {httpGet: {port: http}}
- kind: StatefulSet
  metadata: {name: set}
  spec:
    serviceName: svc
    selector: {matchLabels: {app: z}}
    volumeClaimTemplates: [{metadata: {name: data}}]
    template:
      metadata: {labels: {app: z}}
      spec:
        containers: [{name: c, volumeMounts: [{name: data, mountPath: /d}]}]
- kind: Service
  metadata: {name: svc}
  spec: {selector: {app: x}, ports: [{name: http, port: 80, targetPort: http}]}
- kind: PodDisruptionBudget
  metadata: {name: pdb}
  spec: {selector: {matchLabels: {app: x}}}
- kind: NetworkPolicy
  metadata: {name: np}
  spec: {podSelector: {matchLabels: {app: x}}, ingress: [{ports: [{port: http}]}]}
- kind: NetworkPolicy
  metadata: {name: users}
  spec: {podSelector: {matchLabels: {component: singleuser-server}}}
- kind: HorizontalPodAutoscaler
  metadata: {name: hpa}
  spec: {scaleTargetRef: {kind: Deployment, name: app}}
- kind: Role
  metadata: {name: role}
- kind: RoleBinding
  metadata: {name: rb}
  roleRef: {kind: Role, name: role}
  subjects: [{kind: ServiceAccount, name: acc}]
- kind: PodMonitor
  metadata: {name: pm}
  spec:
    selector: {matchLabels: {app: x}}
    podMetricsEndpoints:
    - {port: http, authorization: {credentials: {name: sec, key: password}}}
- kind: Ingress
  metadata: {name: ing}
  spec:
    rules:
    - host: h
      http: {paths: [{path: /, backend: {service: {name: svc, port: {name: http}}}}]}
""")


def check(rule, objects, values=None):
    documents = stream.split("---\n".join(yaml_text.dump(one) for one in objects))
    return sorted(rule.check(Subject(documents, Values(values or {}), "")))


def changed(kind, path, value, name=None):
    """Return the good objects with one place changed."""
    objects = copy.deepcopy(GOOD)
    (node,) = [
        one for one in objects if one["kind"] == kind and name in (None, one["metadata"]["name"])
    ]
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return objects


POD = ("spec", "template", "spec")
ENDPOINT = ("spec", "podMetricsEndpoints", 0)
CONTAINER = (*POD, "containers", 0)


def test_good_objects_have_no_problem():
    assert check(references, GOOD) == []
    assert check(selectors, GOOD) == []


@pytest.mark.parametrize(
    ("kind", "path", "value", "what"),
    [
        ("Deployment", (*POD, "serviceAccountName"), "acd", "ServiceAccount 'acd'"),
        ("Deployment", (*POD, "priorityClassName"), "x", "PriorityClass 'x'"),
        ("Deployment", (*POD, "imagePullSecrets", 0, "name"), "x", "Secret 'x'"),
        ("Deployment", (*POD, "volumes", 0, "configMap", "name"), "x", "ConfigMap 'x'"),
        ("Deployment", (*POD, "volumes", 0, "configMap", "items", 0, "key"), "x", "no key 'x'"),
        ("Deployment", (*POD, "volumes", 2, "secret", "secretName"), "x", "Secret 'x'"),
        (
            "Deployment",
            (*POD, "volumes", 3, "persistentVolumeClaim", "claimName"),
            "x",
            "PersistentVolumeClaim 'x'",
        ),
        (
            "Deployment",
            (*POD, "volumes", 4, "projected", "sources", 0, "secret", "name"),
            "x",
            "Secret 'x'",
        ),
        ("Deployment", (*POD, "volumes", 1, "name"), "conf", "two volumes"),
        (
            "Deployment",
            (*CONTAINER, "env", 0, "valueFrom", "secretKeyRef", "key"),
            "pasword",
            "no key 'pasword'",
        ),
        ("Deployment", (*CONTAINER, "envFrom", 0, "configMapRef", "name"), "x", "ConfigMap 'x'"),
        ("Deployment", (*CONTAINER, "volumeMounts", 0, "name"), "x", "no volume 'x'"),
        ("Deployment", (*CONTAINER, "volumeMounts", 1, "subPath"), "x", "no key 'x'"),
        ("PodMonitor", (*ENDPOINT, "authorization", "credentials", "key"), "x", "no key 'x'"),
        ("StatefulSet", ("spec", "serviceName"), "x", "Service 'x'"),
        ("HorizontalPodAutoscaler", ("spec", "scaleTargetRef", "name"), "x", "Deployment 'x'"),
        ("RoleBinding", ("roleRef", "name"), "x", "Role 'x'"),
        ("RoleBinding", ("subjects", 0, "name"), "x", "ServiceAccount 'x'"),
    ],
)
def test_dangling_reference(kind, path, value, what):
    found = check(references, changed(kind, path, value))
    assert any(what in one.what for one in found), found
    assert all(one.cure and one.file.startswith("manifests/") for one in found)


def test_what_the_values_name_may_be_elsewhere():
    objects = changed("Deployment", (*POD, "volumes", 2, "secret", "secretName"), "mine")
    assert check(references, objects)
    assert check(references, objects, {"hub": {"existingSecret": "mine"}}) == []


def test_same_object_twice():
    found = check(references, [*GOOD, GOOD[0]])
    assert {one.what for one in found} == {"ConfigMap 'conf' is there more than once"}


def test_config_map_has_a_limit():
    objects = changed("ConfigMap", ("data", "big"), "x" * 1024 * 1024)
    assert "1 MiB" in check(references, objects)[0].what


@pytest.mark.parametrize(
    ("kind", "name", "path", "value", "what"),
    [
        ("Deployment", None, ("spec", "selector"), {"matchLabels": {"app": "q"}}, "its own pods"),
        ("Service", None, ("spec", "selector"), {"app": "q"}, "no pod of the chart has app=q"),
        ("Service", None, ("spec", "ports", 0, "targetPort"), "htp", "no port named 'htp'"),
        ("Service", None, ("spec", "ports", 0, "targetPort"), 81, "no port 81"),
        ("PodDisruptionBudget", None, ("spec", "selector", "matchLabels", "app"), "q", "app=q"),
        ("NetworkPolicy", "np", ("spec", "podSelector", "matchLabels", "app"), "q", "app=q"),
        ("NetworkPolicy", "np", ("spec", "ingress", 0, "ports", 0, "port"), "q", "named 'q'"),
        ("PodMonitor", None, ("spec", "selector", "matchLabels", "app"), "q", "app=q"),
        ("PodMonitor", None, (*ENDPOINT, "port"), "q", "no port named 'q'"),
        (
            "Deployment",
            None,
            (*CONTAINER, "livenessProbe", "httpGet", "port"),
            "q",
            "no port named 'q'",
        ),
        (
            "Ingress",
            None,
            ("spec", "rules", 0, "http", "paths", 0, "backend", "service", "name"),
            "q",
            "Service 'q' does not exist",
        ),
        (
            "Ingress",
            None,
            ("spec", "rules", 0, "http", "paths", 0, "backend", "service", "port", "name"),
            "q",
            "no port 'q'",
        ),
    ],
)
def test_selectors_and_ports(kind, name, path, value, what):
    found = check(selectors, changed(kind, path, value, name))
    assert any(what in one.what for one in found), found


def test_duplicate_port_names():
    ports = [{"name": "http", "containerPort": 80}, {"name": "http", "containerPort": 81}]
    found = check(selectors, changed("Deployment", (*CONTAINER, "ports"), ports))
    assert [one.what for one in found] == ["there are two ports named 'http'"]
