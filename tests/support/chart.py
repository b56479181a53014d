"""The chart, rendered by helm; and an API server that only holds objects, for `lookup`."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from tests.support.serving import running

ROOT = Path(__file__).parents[2]
CHART = ROOT / "chart"
HELM = ROOT / ".tools/bin/helm"

Manifest = dict[str, Any]
# libyaml parses a whole render in a tenth of the time.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class RenderError(Exception):
    """helm refused; the message is what it said."""


class Rendered:
    """The objects of one render."""

    def __init__(self, stream: str) -> None:
        self.objects: list[Manifest] = [o for o in yaml.load_all(stream, _Loader) if o]

    def get(self, kind: str, name: str) -> Manifest:
        """The object of that kind and name; KeyError with what there is when it is not there."""
        for found in self.objects:
            if (found["kind"], found["metadata"]["name"]) == (kind, name):
                return found
        raise KeyError(f"no {kind} {name} in {self.names()}")

    def has(self, kind: str, name: str) -> bool:
        """Whether there is such an object."""
        return (kind, name) in self.names()

    def names(self) -> list[tuple[str, str]]:
        """Kind and name of every object."""
        return [(o["kind"], o["metadata"]["name"]) for o in self.objects]

    def secret(self, name: str) -> dict[str, str]:
        """The content of a Secret, decoded."""
        data = self.get("Secret", name)["data"]
        return {key: base64.b64decode(text).decode() for key, text in data.items()}

    def pod(self, kind: str, name: str) -> Manifest:
        """The pod spec of a workload."""
        spec: Manifest = self.get(kind, name)["spec"]["template"]["spec"]
        return spec


def render(
    values: Mapping[str, Any] | None = None,
    *options: str,
    release: str = "hub",
    chart: Path = CHART,
) -> Rendered:
    """What `helm template` makes of the values; RenderError when it refuses them."""
    done = subprocess.run(
        [HELM, "template", release, chart, "--values", "-", *options],
        input=json.dumps(values or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode:
        raise RenderError(done.stderr)
    return Rendered(done.stdout)


@contextmanager
def api_server(
    secrets: Mapping[str, Mapping[str, str]],
    namespace: str = "default",
    objects: Sequence[Manifest] = (),
) -> Iterator[str]:
    """A fake of Kubernetes' API on a free port that has these Secrets and objects; yields its URL.

    It answers as much as helm asks for when it renders with `--dry-run=server`.
    """
    known = _answers([*_secrets(secrets), *objects], namespace)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            answer = known.get(path)
            status = 404 if answer is None else 200
            missing = {"kind": "Status", "apiVersion": "v1", "reason": "NotFound", "code": 404}
            body = json.dumps(answer or missing).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}"


def render_upgrade(
    values: Mapping[str, Any] | None,
    secrets: Mapping[str, Mapping[str, str]],
    *options: str,
    objects: Sequence[Manifest] = (),
) -> Rendered:
    """A render over a cluster that has these Secrets, name to key to plain text, and objects."""
    with api_server(secrets, objects=objects) as url:
        return render(values, "--dry-run=server", "--kube-apiserver", url, *options)


def _secrets(secrets: Mapping[str, Mapping[str, str]]) -> Iterator[Manifest]:
    for name, data in secrets.items():
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
        yield {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": encoded}


# Kinds that the chart looks up: group and version, name in a path, whether it is in a namespace.
_KINDS = {
    "Secret": ("v1", "secrets", True),
    "PersistentVolumeClaim": ("v1", "persistentvolumeclaims", True),
    "Deployment": ("apps/v1", "deployments", True),
    "StatefulSet": ("apps/v1", "statefulsets", True),
    "PriorityClass": ("scheduling.k8s.io/v1", "priorityclasses", False),
}


def _answers(objects: Sequence[Manifest], namespace: str) -> dict[str, Manifest]:
    """What is answered to a GET, by path."""
    versions = sorted({version for version, _, _ in _KINDS.values()})
    groups = [
        {
            "name": version.partition("/")[0],
            "versions": [{"groupVersion": version, "version": version.partition("/")[2]}],
        }
        for version in versions
        if "/" in version
    ]
    answers: dict[str, Manifest] = {
        "/version": {"major": "1", "minor": "35", "gitVersion": "v1.35.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups},
    }
    for version in versions:
        resources = [
            {"name": plural, "singularName": kind.lower(), "namespaced": within, "kind": kind}
            | {"verbs": ["get", "list"]}
            for kind, (found, plural, within) in _KINDS.items()
            if found == version
        ]
        answers[_root(version)] = {
            "kind": "APIResourceList",
            "groupVersion": version,
            "resources": resources,
        }
    for made in objects:
        version, plural, within = _KINDS[made["kind"]]
        folder = f"/namespaces/{namespace}" if within else ""
        answers[f"{_root(version)}{folder}/{plural}/{made['metadata']['name']}"] = made
    return answers


def _root(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"
