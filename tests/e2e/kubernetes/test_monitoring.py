"""A real Prometheus reads the running cluster's pods, as the release's PodMonitors say.

The Prometheus Operator is not here: the cluster gets definitions of its kinds that take any
content, and `scrape_configs` does what the Operator makes of a PodMonitor.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.e2e.cluster.settings import Cluster
from tests.monitoring.rendered import (
    EVERYTHING,
    alert_expressions,
    configuration,
    panel_expressions,
    selectors,
)
from tests.support.chart import Rendered
from tests.support.hub_session import HubSession
from tests.support.prometheus import Prometheus

from .kube import Object, until
from .load.logins import PASSWORD, log_in_together
from .release import Release

SECONDS = 120
_KINDS = {"PodMonitor": "podmonitors", "PrometheusRule": "prometheusrules"}

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]


def _definition(kind: str, plural: str) -> Object:
    group = "monitoring.coreos.com"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version: dict[str, Any] = {"name": "v1", "served": True, "storage": True}
    version["schema"] = {"openAPIV3Schema": schema}
    names = {"kind": kind, "plural": plural, "singular": kind.lower()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": [version]},
    }


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def watched(
    cluster: Cluster, release: Release, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Prometheus, Rendered]]:
    """Prometheus, and what the release has made for it."""
    kube = release.kube
    kube.apply(*(_definition(kind, plural) for kind, plural in _KINDS.items()))
    for plural in _KINDS.values():
        kube.kubectl("wait", "--for=condition=Established", f"crd/{plural}.monitoring.coreos.com")
    release.upgrade({"monitoring": EVERYTHING, **_let_in(f"{cluster.host_address}/32")})
    release.settle()
    rendered = Rendered(kube.run("helm", "get", "manifest", release.name))
    folder = tmp_path_factory.mktemp("watched")
    config = configuration(rendered, folder, _targets(release, rendered), kube.secret)
    with Prometheus(folder / "prometheus", config) as found:
        yield found, rendered
    off = {name: {"enabled": False} for name in EVERYTHING}
    release.upgrade({"monitoring": off, **_let_in()})


def _let_in(*networks: str) -> dict[str, Any]:
    """Values by which Prometheus, which is no pod here, may read all pods."""
    rules = [{"from": [{"ipBlock": {"cidr": network}}]} for network in networks]
    policy = {"networkPolicy": {"ingress": rules}}
    return {"hub": policy, "proxy": {"traefik": policy, "etcd": policy}}


def _targets(release: Release, rendered: Rendered) -> dict[str, dict[str, str]]:
    return {
        monitor["spec"]["selector"]["matchLabels"]["component"]: _pods(release, monitor)
        for monitor in rendered.objects
        if monitor["kind"] == "PodMonitor"
    }


def _pods(release: Release, monitor: Object) -> dict[str, str]:
    """Addresses of the pods that a PodMonitor selects, at the port that it names."""
    labels = monitor["spec"]["selector"]["matchLabels"]
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    selector = ",".join(f"{name}={value}" for name, value in labels.items())
    found = {}
    for pod in release.kube.get("pods", "-l", selector)["items"]:
        ports = [port for c in pod["spec"]["containers"] for port in c.get("ports", ())]
        (number,) = [port["containerPort"] for port in ports if port["name"] == endpoint["port"]]
        found[pod["metadata"]["name"]] = f"{pod['status']['podIP']}:{number}"
    return found


async def test_every_pod_is_read(watched: tuple[Prometheus, Rendered]) -> None:
    prometheus, _ = watched

    def health() -> dict[str, list[str]]:
        targets = prometheus.targets()
        return {job: [one["health"] for one in targets[job]] for job in targets}

    wanted = {"hub": ["up"], "proxy": ["up"] * 3, "proxy-etcd": ["up"] * 3}
    until("not all are up", lambda: health() == wanted, SECONDS)


async def test_no_alert_is_active(watched: tuple[Prometheus, Rendered]) -> None:
    prometheus, rendered = watched
    assert {rule["name"] for rule in prometheus.rules()} == set(alert_expressions(rendered))
    until("alerts are active", lambda: not prometheus.active_alerts(), SECONDS)


async def test_every_expression_has_data(
    release: Release, watched: tuple[Prometheus, Rendered]
) -> None:
    """While a user works, another one logs in, and a third one's server has died."""
    prometheus, rendered = watched
    expressions = panel_expressions(rendered)
    for alert, expression in alert_expressions(rendered).items():
        expressions |= {f"{alert}: {one}": one for one in selectors(expression)}
    assert len(expressions) > 45
    session = HubSession(release.url, "ada", PASSWORD)
    await session.login_when_ready()
    await session.start_server(120)
    lost = HubSession(release.url, "bob", PASSWORD)
    await lost.login()
    await lost.start_server(120)
    release.kube.kubectl("delete", "pod", "jupyter-bob", "--grace-period=0", "--force")

    async def work() -> None:
        while True:
            await session.fetch(f"{session.server_url}api")
            await lost.fetch(f"{lost.server_url}api")
            await log_in_together(release.url, 1, 0)

    def missing() -> list[str]:
        return [name for name, text in expressions.items() if not prometheus.has_data(text)]

    working = asyncio.create_task(work())
    try:
        await asyncio.to_thread(until, "expressions without data", lambda: not missing(), SECONDS)
    except TimeoutError:
        assert missing() == []
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
