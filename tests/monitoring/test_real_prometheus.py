"""A real Prometheus looks at a real hub, two real Traefik replicas and a real etcd.

Each expression of the dashboard returns data, each one of an alert finds the series that it
compares, and no alert is active while all is well. The Prometheus Operator is the one part that is
not real: `scrape_configs` does what it makes of a PodMonitor.
"""

import asyncio
import base64
import json
import os
import signal
import time
from contextlib import asynccontextmanager
from types import SimpleNamespace
from urllib.error import HTTPError
from urllib.parse import urljoin, urlsplit
from urllib.request import Request, urlopen

import pytest
from tests.monitoring.rendered import (
    NAMESPACE,
    alert_expressions,
    configuration,
    panel_expressions,
    render_all,
    selectors,
)
from tests.support.etcd import EtcdCluster
from tests.support.hub import PASSWORD, Hub
from tests.support.hub_session import HubSession
from tests.support.prometheus import Prometheus
from tests.support.proxies import TraefikEtcdSystem
from traitlets.config import Config

from jupyterhub_ha.configure_hub import configure_services
from jupyterhub_ha.values import Mounts, Values

pytestmark = pytest.mark.timeout(300)

SECONDS = 90  # until something is seen; Prometheus looks every other one


@pytest.fixture(scope="module")
def rendered():
    """A release of the size of the system here, which has two replicas and one member."""
    return render_all({"traefik": {"replicas": 2}, "etcd": {"replicas": 1}})


def hub_services(rendered, folder):
    """What the chart's configuration of the hub says of services, as Python."""
    (folder / "secret").mkdir(parents=True)
    for key, text in rendered.secret("hub").items():
        (folder / "secret" / key).write_text(text)
    c = Config()
    configure_services(c, Values.load(Mounts(folder)))
    return (
        f"c.JupyterHub.services = {list(c.JupyterHub.services)!r}\n"
        f"c.JupyterHub.load_roles = {list(c.JupyterHub.load_roles)!r}\n"
    )


@pytest.fixture(scope="module")
def world(rendered, tmp_path_factory):
    folder = tmp_path_factory.mktemp("monitored")
    system = TraefikEtcdSystem(folder / "system")
    for member in system.etcd.members:
        member.command.remove("--unsafe-no-fsync")  # the time that it takes is measured
    with system:
        traits = {**system.proxy_traits(), "check_interval": 1.0}
        more = hub_services(rendered, folder / "mounts")
        hub = Hub(folder / "hub", system.public_url, traits, more=more)
        try:
            hub.start()
            hub.wait_until(lambda: hub.healthy, "answer", 180)
            config = configuration(rendered, folder, targets_of(system, hub), rendered.secret)
            with Prometheus(folder / "prometheus", config) as p:
                yield SimpleNamespace(rendered=rendered, system=system, hub=hub, prometheus=p)
        finally:
            hub.end()


def targets_of(system, hub):
    """Addresses by component and by what stands for a pod's name."""
    urls = {
        "hub": [hub.hub_url],
        "proxy": [replica.url for replica in system.replicas],
        "proxy-etcd": system.etcd.health,
    }
    return {
        job: {f"{job}-{number}": urlsplit(url).netloc for number, url in enumerate(found)}
        for job, found in urls.items()
    }


def ask(url, body=None):
    """One request; the status and the text of the answer."""
    try:
        with urlopen(Request(url, body), timeout=10) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def until(check, what):
    """Wait until `check()` returns nothing that is missing."""
    deadline = time.monotonic() + SECONDS
    while missing := check():
        assert time.monotonic() < deadline, f"{what}: {missing}"
        time.sleep(0.5)


@asynccontextmanager
async def users_at_work(world):
    """A user's server that is used, and another one's that has died; the first one's session."""
    session = HubSession(world.system.public_url, "ada", PASSWORD)
    await session.login_when_ready()
    await session.start_server()
    lost = HubSession(world.system.public_url, "bob", PASSWORD)
    before = set(world.hub.servers())
    await lost.login()
    await lost.start_server()
    for pid in set(world.hub.servers()) - before:
        os.kill(pid, signal.SIGKILL)

    async def work():
        while True:
            for _ in range(30):
                await session.fetch(urljoin(session.server_url, "api"))
                await asyncio.sleep(0.02)
            # Its route is there until the hub has noticed: 502.
            await lost.fetch(urljoin(lost.server_url, "api"))

    working = asyncio.create_task(work())
    try:
        yield session
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


def test_every_target_is_read(world):
    wanted = {"hub": ["up"], "proxy": ["up", "up"], "proxy-etcd": ["up"]}

    def trouble():
        targets = world.prometheus.targets()
        found = {job: [one["health"] for one in targets[job]] for job in targets}
        return {} if found == wanted else targets or "no target yet"

    until(trouble, "targets that are not up")


def test_the_hub_shows_its_metrics_to_nobody_else(world):
    status, _ = ask(f"{world.hub.hub_url}/hub/metrics")
    assert status == 403


def test_no_alert_is_active_while_all_is_well(world, rendered):
    names = set(alert_expressions(rendered))

    def trouble():
        rules = {rule["name"]: rule for rule in world.prometheus.rules()}
        assert set(rules) == names
        return [
            (name, rule["health"], rule["state"], rule.get("lastError"))
            for name, rule in rules.items()
            if rule["health"] != "ok" or rule["state"] != "inactive"
        ]

    until(trouble, "rules that fail or alerts that are active")


async def test_every_expression_has_data_while_users_work(world, rendered):
    prometheus = world.prometheus
    panels = panel_expressions(rendered)
    compared = {
        f"{alert}: {selector}": selector
        for alert, expression in alert_expressions(rendered).items()
        for selector in selectors(expression)
    }
    assert len(panels) > 30
    assert len(compared) > 15

    def without_data():
        found = {**panels, **compared}
        return [name for name, expression in found.items() if not prometheus.has_data(expression)]

    async with users_at_work(world):
        await asyncio.to_thread(until, without_data, "expressions without data")


def test_the_generation_of_every_replica_is_told(world):
    replicas = {urlsplit(replica.url).netloc for replica in world.system.replicas}

    def missing():
        found = world.prometheus.query("jupyterhub_ha_replica_generation")
        return replicas ^ {labels["replica"] for labels, _ in found}

    until(missing, "replicas whose generation is told")
    expression = panel_expressions(world.rendered)[
        "Generations that a replica is behind: {{replica}}"
    ]
    until(lambda: [v for _, v in world.prometheus.query(expression) if v], "behind")


def test_the_end_of_every_certificate_is_told(world):
    expression = "jupyterhub_ha_etcd_certificate_expiry_timestamp_seconds - time()"

    def wrong():
        found = world.prometheus.query(expression)
        missing = {"hub", "ca"} ^ {labels["certificate"] for labels, _ in found}
        return missing or [left for _, left in found if left <= 300 * 86400]

    until(wrong, "ends of certificates")


def test_what_is_broken_has_its_alert(world):
    """Last, since nothing is whole afterwards. They are pending, as none is due yet."""
    world.system.replicas[0].kill()
    until(
        lambda: {"JupyterHubProxyReplicasMissing"} - set(world.prometheus.active_alerts()), "alerts"
    )
    world.system.replicas[1].kill()
    world.system.etcd.stop()
    world.hub.kill()
    wanted = {"JupyterHubProxyDown", "JupyterHubEtcdNoLeader", "JupyterHubDown"}
    until(lambda: wanted - set(world.prometheus.active_alerts()), "alerts")
    for alert in world.prometheus.active_alerts().values():
        assert alert["labels"]["namespace"] == NAMESPACE
        texts = " ".join(alert["annotations"].values())
        assert "error expanding" not in texts
        assert "{{" not in texts


def test_a_full_etcd_counts_what_it_refuses(tmp_path):
    """The series of JupyterHubEtcdNoSpace: etcd has no metric for its alarms."""
    cluster = EtcdCluster(tmp_path)
    (member,) = cluster.members
    member.command.append(f"--quota-backend-bytes={16 * 1024 * 1024}")
    with cluster:
        value = base64.b64encode(b"x" * 1024 * 1024).decode()
        status, number = 200, 0
        while status == 200 and number < 40:
            key = base64.b64encode(f"key{number}".encode()).decode()
            body = json.dumps({"key": key, "value": value}).encode()
            status, text = ask(f"{cluster.endpoints[0]}/v3/kv/put", body)
            number += 1
        assert "space exceeded" in text
        _, page = ask(f"{cluster.health[0]}/metrics")
    series = [li for li in page.splitlines() if li.startswith("grpc_server_handled_total{")]
    refused = [li for li in series if "ResourceExhausted" in li and 'grpc_method="Put"' in li]
    assert [float(line.split()[-1]) for line in refused] == [1.0]
