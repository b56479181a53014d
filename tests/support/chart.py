"""The chart, rendered by helm; and an API server that holds just Secrets, for `lookup`."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

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
    secrets: Mapping[str, Mapping[str, str]], namespace: str = "default"
) -> Iterator[str]:
    """A Kubernetes API on a free port that knows these Secrets; yields options for `render`.

    It answers as much as helm asks for when it renders with `--dry-run=server`.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            answer = _answers(secrets, namespace).get(path)
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

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def render_upgrade(
    values: Mapping[str, Any] | None, secrets: Mapping[str, Mapping[str, str]], *options: str
) -> Rendered:
    """A render over a cluster that has these Secrets already: name to key to plain text."""
    with api_server(secrets) as url:
        return render(values, "--dry-run=server", "--kube-apiserver", url, *options)


def _answers(secrets: Mapping[str, Mapping[str, str]], namespace: str) -> dict[str, Manifest]:
    resource = {
        "name": "secrets",
        "singularName": "secret",
        "namespaced": True,
        "kind": "Secret",
        "verbs": ["get", "list"],
    }
    answers: dict[str, Manifest] = {
        "/version": {"major": "1", "minor": "35", "gitVersion": "v1.35.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
        "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [resource]},
    }
    for name, data in secrets.items():
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
        answers[f"/api/v1/namespaces/{namespace}/secrets/{name}"] = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "data": encoded,
        }
    return answers
