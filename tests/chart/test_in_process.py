"""Kind in-process: the hub's pod serves users itself."""

import pytest
from tests.support.chart import render

IN_PROCESS = {"proxy": {"kind": "in-process"}}
KINDS = ("traefik-etcd", "chp", "in-process")


@pytest.fixture(scope="module")
def rendered():
    return render(IN_PROCESS)


def test_of_the_proxys_objects_only_the_service_is_there(rendered):
    names = [(kind, name) for kind, name in rendered.names() if name.startswith("proxy")]
    assert names == [("Service", "proxy-public")]


def test_users_come_to_the_hubs_pod(rendered):
    service = rendered.get("Service", "proxy-public")["spec"]
    labels = rendered.get("Deployment", "hub")["spec"]["template"]["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()
    assert service["selector"]["component"] == "hub"
    (container,) = rendered.pod("Deployment", "hub")["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": 8081, "public": 8000}
    assert [(port["port"], port["targetPort"]) for port in service["ports"]] == [(80, "public")]


def test_offloaded_tls_comes_to_the_same_port():
    https = {"enabled": True, "type": "offload"}
    service = render({"proxy": {"kind": "in-process", "https": https}}).get(
        "Service", "proxy-public"
    )
    ports = service["spec"]["ports"]
    assert {port["port"]: port["targetPort"] for port in ports} == {443: "public", 80: "public"}


def test_the_probes_ask_the_hub(rendered):
    (container,) = rendered.pod("Deployment", "hub")["containers"]
    for probe in ("livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"] == {"path": "/hub/health", "port": "http"}


def test_one_pod_that_is_recreated(rendered):
    spec = rendered.get("Deployment", "hub")["spec"]
    assert (spec["replicas"], spec["strategy"]["type"]) == (1, "Recreate")


def test_the_hub_finds_itself_without_a_service():
    values = {**IN_PROCESS, "fullnameOverride": "ada"}
    pod = render(values).pod("Deployment", "ada-hub")
    assert pod["hostAliases"] == [{"ip": "127.0.0.1", "hostnames": ["ada-hub"]}]


def test_only_the_users_port_is_open_to_everybody(rendered):
    rules = rendered.get("NetworkPolicy", "hub")["spec"]["ingress"]
    assert [rule["ports"] for rule in rules if "from" not in rule] == [[{"port": "public"}]]
    (hub,) = [rule for rule in rules if "from" in rule]
    assert hub["ports"] == [{"port": "http"}]


def test_users_servers_reach_the_public_port_of_the_hub(rendered):
    rules = rendered.get("NetworkPolicy", "singleuser")["spec"]["egress"]
    (rule,) = [rule for rule in rules if rule.get("ports") == [{"port": 8000}]]
    assert rule["to"][0]["podSelector"]["matchLabels"]["component"] == "hub"


def test_nothing_of_another_proxy_is_mounted_or_allowed(rendered):
    pod = rendered.pod("Deployment", "hub")
    assert not {"etcd", "proxy-api"} & {volume["name"] for volume in pod["volumes"]}
    rules = rendered.get("NetworkPolicy", "hub")["spec"]["egress"]
    pods = [
        peer["podSelector"]["matchLabels"]["component"]
        for rule in rules
        for peer in rule.get("to", [])
        if "podSelector" in peer
    ]
    assert pods == ["singleuser-server"]


def test_the_service_of_users_keeps_its_name_in_every_kind():
    """Or a cloud's load balancer would get another address when the kind changes."""
    for kind in KINDS:
        service = render({"proxy": {"kind": kind}}).get("Service", "proxy-public")
        assert [port["name"] for port in service["spec"]["ports"]] == ["http"]


@pytest.mark.parametrize("kind", ["traefik-etcd", "chp"])
def test_with_other_kinds_the_hub_serves_no_users(kind):
    rendered = render({"proxy": {"kind": kind}})
    pod = rendered.pod("Deployment", "hub")
    assert [port["name"] for port in pod["containers"][0]["ports"]] == ["http"]
    assert "hostAliases" not in pod
    rules = rendered.get("NetworkPolicy", "hub")["spec"]["ingress"]
    assert all("from" in rule for rule in rules)
