"""What the hub tells the Traefik that it starts is what the chart tells its replicas."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.chart import ROOT, render

from jupyterhub_ha.traefik_documents import base_rules, static_document
from proxy_gen.traefik_options import unknown

# Option to the reason why one host has another value, or why only one of the two has it.
STATIC_DIFFERENCES = {
    "entryPoints.http.address": "the port is that of c.JupyterHub.bind_url",
    "entryPoints.http.reusePort": "a new Traefik takes the port before the old one lets it go",
    "entryPoints.http.forwardedHeaders.trustedIPs": "there is no ingress controller before it",
    "entryPoints.http.transport.lifeCycle.requestAcceptGraceTimeout": "no Service lags behind",
    "entryPoints.http.transport.lifeCycle.graceTimeOut": "the hub waits for its end",
    "entryPoints.internal.address": "on the loopback interface only",
    "entryPoints.internal.transport.lifeCycle.requestAcceptGraceTimeout": "no Service lags behind",
    "entryPoints.internal.transport.lifeCycle.graceTimeOut": "the hub waits for its end",
    "metrics.prometheus.manualRouting": "behind the API's password, as users run programs here",
    "providers.file.filename": "a folder, with the routes",
    "providers.file.directory": "a folder, with the routes",
    "providers.file.watch": "the routes change",
    "providers.etcd.endpoints": "no etcd",
    "providers.etcd.rootKey": "no etcd",
    "providers.etcd.tls.ca": "no etcd",
    "providers.etcd.tls.cert": "no etcd",
    "providers.etcd.tls.key": "no etcd",
}
DYNAMIC_DIFFERENCES = {
    "http.middlewares.api-users.basicAuth.usersFile": "a file in the proxy's folder",
    "http.middlewares.ready.replacePath.path": "no startup probe",
    "http.routers.ready.entryPoints": "no startup probe",
    "http.routers.ready.middlewares": "no startup probe",
    "http.routers.ready.rule": "no startup probe",
    "http.routers.ready.service": "no startup probe",
    "http.routers.metrics.entryPoints": "metrics are behind the password",
    "http.routers.metrics.middlewares": "metrics are behind the password",
    "http.routers.metrics.rule": "metrics are behind the password",
    "http.routers.metrics.service": "metrics are behind the password",
    "http.services.hub.loadBalancer.servers": "the hub's own URL",
    "tls.stores.default.defaultCertificate.certFile": "a file in the proxy's folder",
    "tls.stores.default.defaultCertificate.keyFile": "a file in the proxy's folder",
}
STATIC = static_document(
    public="127.0.0.1:8000", internal="127.0.0.1:8080", directory=Path("/dynamic")
)
DYNAMIC = base_rules(
    hub="http://127.0.0.1:8081",
    users_file=Path("/users"),
    cert_file=Path("/tls.crt"),
    key_file=Path("/tls.key"),
)


def leaves(document: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


@pytest.fixture(scope="module")
def chart() -> dict[str, dict[str, Any]]:
    values = yaml.safe_load((ROOT / "values-examples" / "minimal.yaml").read_text())
    data = render(values).get("ConfigMap", "proxy")["data"]
    return {name: tomllib.loads(text) for name, text in data.items()}


@pytest.mark.parametrize(
    ("name", "ours", "allowed"),
    [
        ("traefik.toml", STATIC, STATIC_DIFFERENCES),
        ("dynamic.toml", DYNAMIC, DYNAMIC_DIFFERENCES),
    ],
)
def test_the_documents_differ_only_where_there_is_a_reason(chart, name, ours, allowed) -> None:
    one, other = dict(leaves(ours)), dict(leaves(chart[name]))
    differing = {path for path in one.keys() | other.keys() if one.get(path) != other.get(path)}
    assert differing == set(allowed)


@pytest.mark.parametrize(("kind", "document"), [("static", STATIC), ("dynamic", DYNAMIC)])
def test_traefik_knows_every_option(kind, document) -> None:
    assert unknown(document, kind) == []
