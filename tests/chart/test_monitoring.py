"""Metrics and alerts: what is rendered, for whom, and that nothing is unless it is asked for.

That the expressions are right is the subject of tests/monitoring/.
"""

import json
import re
import subprocess
import sys

import pytest
import yaml
from tests.chart.test_hub_values_used import another, leaves, nested
from tests.chart.test_tmpnb import LEAST
from tests.support.chart import CHART, ROOT, render
from traitlets.config import Config

from jupyterhub_ha.configure_hub import configure_services
from jupyterhub_ha.values import Mounts, Values, merge

ON = {
    "monitoring": {
        "podMonitor": {"enabled": True},
        "prometheusRule": {"enabled": True},
        "dashboard": {"enabled": True},
    }
}
KINDS = {"PodMonitor", "PrometheusRule"}
FILES = CHART / "files/monitoring"


def on(**monitoring):
    return merge(ON, {"monitoring": monitoring})


def monitors(rendered):
    return {
        made["metadata"]["name"]: made["spec"]["podMetricsEndpoints"][0]
        for made in rendered.objects
        if made["kind"] == "PodMonitor"
    }


def groups(rendered):
    spec = rendered.get("PrometheusRule", "jupyterhub-alerts")["spec"]
    return {group["name"]: group["rules"] for group in spec["groups"]}


def alerts(rendered):
    return {rule["alert"]: rule for rules in groups(rendered).values() for rule in rules}


@pytest.fixture(scope="module")
def default():
    return render()


@pytest.fixture(scope="module")
def everything():
    """With what only some releases have."""
    more = {"tmpnb": {"static": {"enabled": True}}}
    return render(merge(merge(ON, LEAST), more), "--namespace", "a-namespace")


@pytest.fixture(scope="module")
def all_on():
    return render(ON, "--namespace", "a-namespace")


def test_nothing_by_default(default):
    assert not KINDS & {made["kind"] for made in default.objects}
    assert not default.has("ConfigMap", "jupyterhub-dashboard")
    assert "hub.services.prometheus.apiToken" not in default.secret("hub")
    for policy in ("hub", "proxy", "proxy-etcd"):
        assert "prometheus" not in str(default.get("NetworkPolicy", policy))


def test_a_monitor_finds_its_pods_and_their_port(all_on):
    workloads = {"hub": "Deployment", "proxy": "Deployment", "proxy-etcd": "StatefulSet"}
    assert set(monitors(all_on)) == set(workloads)
    for name, kind in workloads.items():
        spec = all_on.get("PodMonitor", name)["spec"]
        template = all_on.get(kind, name)["spec"]["template"]
        labels = template["metadata"]["labels"]
        assert spec["selector"]["matchLabels"].items() <= labels.items()
        assert spec["namespaceSelector"] == {"matchNames": ["a-namespace"]}
        # The job of the alerts' expressions.
        assert labels[spec["jobLabel"]] == name
        ports = [p["name"] for c in template["spec"]["containers"] for p in c["ports"]]
        assert monitors(all_on)[name]["port"] in ports


@pytest.mark.parametrize(
    ("proxy", "names"),
    [
        ({"kind": "chp"}, {"hub"}),
        ({"kind": "in-process"}, {"hub"}),
        ({"etcd": {"enabled": False, "endpoints": ["http://e:2379"]}}, {"hub", "proxy"}),
    ],
)
def test_only_what_is_there_is_watched(proxy, names):
    rendered = render({**ON, "proxy": proxy})
    assert set(monitors(rendered)) == names
    assert set(groups(rendered)) == {f"jupyterhub-ha.{name}" for name in names}


def test_the_hub_of_another_release_is_not_watched():
    rendered = render({**ON, "hub": {"enabled": False}, "fullnameOverride": "companion"})
    assert set(monitors(rendered)) == {"companion-proxy", "companion-proxy-etcd"}


def test_the_hub_knows_the_token_that_prometheus_shows(all_on, tmp_path):
    credentials = monitors(all_on)["hub"]["authorization"]["credentials"]
    secret = all_on.secret(credentials["name"])
    (tmp_path / "secret").mkdir()
    for key, text in secret.items():
        (tmp_path / "secret" / key).write_text(text)
    c = Config()
    configure_services(c, Values.load(Mounts(tmp_path)))
    (service,) = c.JupyterHub.services
    assert service["name"] == "prometheus"
    assert service["api_token"] == secret[credentials["key"]]
    assert len(service["api_token"]) == 64
    assert c.JupyterHub.load_roles == [
        {"name": "prometheus", "services": ["prometheus"], "scopes": ["read:metrics"]}
    ]


@pytest.mark.parametrize(
    "hub",
    [
        {"authenticatePrometheus": False},
        {"config": {"JupyterHub": {"authenticate_prometheus": False}}},
    ],
)
def test_no_token_where_the_hub_asks_for_none(hub):
    rendered = render({**ON, "hub": hub})
    assert "authorization" not in monitors(rendered)["hub"]
    assert "hub.services.prometheus.apiToken" not in rendered.secret("hub")


def test_a_token_of_ones_own_in_another_namespace():
    given = {"credentials": {"name": "mine", "key": "token"}}
    rendered = render(
        on(podMonitor={"namespace": "monitoring", "hubAuthorization": given}), "--namespace", "here"
    )
    assert monitors(rendered)["here-hub"]["authorization"] == given
    assert "hub.services.prometheus.apiToken" not in rendered.secret("hub")
    monitor = rendered.get("PodMonitor", "here-proxy")
    assert monitor["metadata"]["namespace"] == "monitoring"
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": ["here"]}


def test_a_service_of_that_name_stays_as_it_is():
    role = {"services": ["prometheus"], "scopes": ["read:metrics", "list:users"]}
    hub = {"services": {"prometheus": {"apiToken": "t" * 32}}, "loadRoles": {"prometheus": role}}
    secret = render({**ON, "hub": hub}).secret("hub")
    assert secret["hub.services.prometheus.apiToken"] == "t" * 32
    assert yaml.safe_load(secret["values.yaml"])["hub"]["loadRoles"] == {"prometheus": role}


def test_how_often_prometheus_looks_does_not_restart_the_hub():
    fixed = {"hub": {"cookieSecret": "b" * 64, "config": {"CryptKeeper": {"keys": ["c" * 64]}}}}
    fixed["hub"]["services"] = {"prometheus": {"apiToken": "t" * 32}}
    fixed["proxy"] = {"kind": "chp", "secretToken": "a" * 64}
    often, seldom = (
        render(merge(on(podMonitor={"interval": interval}), fixed)) for interval in ("5s", "60s")
    )
    assert often.get("Deployment", "hub") == seldom.get("Deployment", "hub")


def test_ones_own_labels_win(all_on):
    rendered = render(on(podMonitor={"labels": {"release": "kube-prometheus-stack"}}))
    labels = rendered.get("PodMonitor", "proxy")["metadata"]["labels"]
    assert labels["release"] == "kube-prometheus-stack"
    assert all_on.get("PodMonitor", "proxy")["metadata"]["labels"]["release"] == "hub"
    dashboard = all_on.get("ConfigMap", "jupyterhub-dashboard")
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_prometheus_gets_through_the_network_policies():
    peer = {"namespaceSelector": {"matchLabels": {"x": "y"}}}
    other = {"podSelector": {"matchLabels": {"z": "z"}}}
    values = merge(
        on(allowFrom=[peer]), {"proxy": {"traefik": {"metrics": {"allowFrom": [other]}}}}
    )
    rendered = render(values)

    def let_in(policy, port):
        rules = rendered.get("NetworkPolicy", policy)["spec"]["ingress"]
        return [peer for r in rules if r["ports"] == [{"port": port}] for peer in r.get("from", [])]

    assert peer in let_in("hub", "http")
    assert other not in let_in("hub", "http")
    for policy, port in (("proxy", "internal"), ("proxy-etcd", "health")):
        assert {str(peer), str(other)} <= {str(one) for one in let_in(policy, port)}


def test_every_placeholder_is_filled_in(all_on, everything):
    text = "".join(file.read_text() for file in FILES.glob("*alerts.yaml"))
    used = set(re.findall(r"__[A-Z]+__", text))
    assert used == {
        *("__NAMESPACE__", "__REPLICAS__", "__MEMBERS__", "__RUNBOOK__", "__CERTIFICATEDAYS__")
    }
    assert not re.search(r"__[A-Z]+__", str(groups(all_on)))
    assert not re.search(r"__[A-Z]+__", str(groups(everything)))
    assert 'namespace="a-namespace"' in alerts(all_on)["JupyterHubDown"]["expr"]


@pytest.mark.parametrize(("profile", "days"), [(None, 14), ("tlsserver", 14), ("shortlived", 1)])
def test_a_certificate_that_is_renewed_in_time_is_no_alert(profile, days):
    """One of six days is renewed when it has two days left."""
    acme = {"contactEmail": "admin@example.org", "profile": profile}
    https = {"enabled": True, "hosts": ["hub.example.org"], "letsencrypt": acme}
    rendered = render(merge(on(), {"proxy": {"https": https}}))
    expr = alerts(rendered)["JupyterHubProxyCertificateExpires"]["expr"]
    assert expr.strip().endswith(f"< {days} * 86400")


def test_as_many_replicas_are_wanted_as_the_chart_makes():
    values = {"proxy": {"traefik": {"replicas": 4}, "etcd": {"replicas": 5}}}
    found = alerts(render(merge(ON, values)))
    assert " < 4\n" in found["JupyterHubProxyReplicasMissing"]["expr"]
    assert " < 5\n" in found["JupyterHubEtcdMembersMissing"]["expr"]
    scaling = {"enabled": True, "minReplicas": 3}
    values["proxy"]["traefik"] |= {
        "autoscaling": scaling,
        "resources": {"requests": {"cpu": 1}},
    }
    found = alerts(render(merge(ON, values)))
    assert " < 3\n" in found["JupyterHubProxyReplicasMissing"]["expr"]


def test_alerts_can_be_left_out_and_added():
    group = {"name": "mine", "rules": [{"alert": "Mine", "expr": "vector(1)"}]}
    rendered = render(
        on(
            prometheusRule={
                "disabled": ["JupyterHubDown", "JupyterHubSpawnsFail"],
                "additionalGroups": [group],
                "additionalRuleLabels": {"team": "hub", "severity": "page"},
            }
        )
    )
    # A group without a rule is left out, too.
    assert set(groups(rendered)) == {"jupyterhub-ha.proxy", "jupyterhub-ha.proxy-etcd", "mine"}
    assert alerts(rendered)["Mine"] == group["rules"][0]
    labels = alerts(rendered)["JupyterHubProxyDown"]["labels"]
    assert labels == {"team": "hub", "severity": "page"}


def test_every_alert_says_what_to_do(everything):
    page = (ROOT / "docs/how-to/monitor.md").read_text()
    found = alerts(everything)
    assert len(found) >= 15
    for name, rule in found.items():
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
        assert "namespace" in rule["annotations"]["description"]
        assert rule["annotations"]["runbook_url"] == f"docs/how-to/monitor.md#{name.lower()}"
        assert f"\n### {name}\n" in page, name


def test_the_page_names_no_alert_that_is_not_there(everything):
    page = (ROOT / "docs/how-to/monitor.md").read_text()
    assert set(re.findall(r"^### (\w+)$", page, re.MULTILINE)) == set(alerts(everything))


def test_temporary_notebooks_have_alerts_and_a_dashboard_of_their_own(all_on, everything):
    assert set(groups(everything)) - set(groups(all_on)) == {
        "jupyterhub-ha.tmpnb",
        "jupyterhub-ha.tmpnb-static",
    }
    assert set(alerts(everything)) - set(alerts(all_on)) == {
        "JupyterHubNotebookPoolEmpty",
        "JupyterHubNotebooksDoNotStart",
        "JupyterHubNotebookFilesAway",
    }
    name = "jupyterhub-ha-tmpnb.json"
    data = everything.get("ConfigMap", "jupyterhub-dashboard")["data"]
    assert data[name] == (FILES / name).read_text()
    assert set(data) == {name, "jupyterhub-ha.json"}


def test_there_is_no_alert_for_pods_that_are_not_there():
    assert "JupyterHubNotebookFilesAway" not in alerts(render(merge(ON, LEAST)))


def test_the_dashboard_is_the_committed_file(all_on):
    data = all_on.get("ConfigMap", "jupyterhub-dashboard")["data"]
    assert data == {"jupyterhub-ha.json": (FILES / "jupyterhub-ha.json").read_text()}
    panels = json.loads(data["jupyterhub-ha.json"])["panels"]
    numbers = [panel["id"] for panel in panels]
    assert len(set(numbers)) == len(numbers)


def test_the_dashboard_is_what_its_source_says():
    command = [sys.executable, ROOT / "tools/dashboard.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr


SCHEMA = json.loads((CHART / "values.schema.json").read_text())
OPTIONS = leaves(SCHEMA["properties"]["monitoring"], "monitoring")
SAMPLES = {
    "monitoring.podMonitor.hubAuthorization": {"type": "Bearer"},
    "monitoring.podMonitor.interval": "5s",
    "monitoring.podMonitor.scrapeTimeout": "5s",
    "monitoring.prometheusRule.disabled": ["JupyterHubDown"],
}


def watched(values):
    """What the options below `monitoring` make, without a token, so that nothing is drawn."""
    rendered = render(merge({"hub": {"authenticatePrometheus": False}}, values))
    return [
        made
        for made in rendered.objects
        if made["kind"] in {*KINDS, "NetworkPolicy"}
        or made["metadata"]["name"].endswith("dashboard")
    ]


@pytest.fixture(scope="module")
def watched_by_default():
    return watched(ON)


@pytest.mark.parametrize("path", sorted(OPTIONS))
def test_an_option_has_an_effect(path, watched_by_default):
    schema = OPTIONS[path]
    present = Values(ON).get(path, schema.get("default"))
    value = SAMPLES.get(path, another(path, schema, present))
    assert watched(merge(ON, nested(path, value))) != watched_by_default
