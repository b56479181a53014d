"""`hub.enabled: false`: the proxy alone, beside the hub of another release."""

import tomllib

import pytest
import yaml
from tests.support.chart import ROOT, render

from jupyterhub_ha.values import merge

VALUES = {"fullnameOverride": "companion", "hub": {"enabled": False}}
SECRETS = ("--values", str(ROOT / "tests/chart/secrets.yaml"))
NAMESPACE = "kubernetes.io/metadata.name"


def companion(values=None, namespace="jhub"):
    """A render beside a hub in the namespace jhub; with another namespace, apart from it."""
    return render(
        merge(VALUES, values or {}), "--namespace", namespace, *SECRETS, release="companion"
    )


@pytest.fixture(scope="module")
def beside():
    return companion()


@pytest.fixture(scope="module")
def apart():
    return companion({"hub": {"external": {"namespace": "jhub"}}}, "edge")


def printed(rendered):
    return yaml.safe_load(rendered.get("ConfigMap", "companion-z2jh-values")["data"]["values.yaml"])


def fallback(rendered):
    """Where Traefik sends what no route matches."""
    text = rendered.get("ConfigMap", "companion-proxy")["data"]["dynamic.toml"]
    (server,) = tomllib.loads(text)["http"]["services"]["hub"]["loadBalancer"]["servers"]
    return server["url"]


def labelled(peers):
    """The labels that the pods of each peer must have, with their namespace."""
    return [
        {
            **peer["podSelector"]["matchLabels"],
            **peer.get("namespaceSelector", {}).get("matchLabels", {}),
        }
        for peer in peers
    ]


def rule(rules, port, side):
    """The peers of the only rule for a port that names any."""
    (found,) = [one[side] for one in rules if one.get("ports") == [{"port": port}] and side in one]
    return labelled(found)


def test_there_is_no_hub_and_nothing_for_users_pods(beside):
    kinds = {kind for kind, _ in beside.names()}
    assert not kinds & {"Role", "RoleBinding", "PersistentVolumeClaim"}
    names = {name.removeprefix("companion-") for _, name in beside.names()}
    assert not names & {"hub", "singleuser", "hub-package-in-process"}
    workloads = [
        name for kind, name in beside.names() if kind in ("Deployment", "StatefulSet", "CronJob")
    ]
    assert sorted(workloads) == [
        "companion-proxy",
        "companion-proxy-etcd",
        "companion-proxy-etcd-maintenance",
        "companion-proxy-etcd-setup-repeat",
    ]


def test_every_name_is_its_own(beside):
    """Z2JH has an object for nearly each name without a prefix."""
    assert all(name.startswith("companion-") for _, name in beside.names())


def test_nor_do_options_of_the_hub_make_any(beside):
    more = companion(
        {
            "hub": {"pdb": {"enabled": True}, "extraFiles": {"f": {"mountPath": "/f", "data": {}}}},
            "singleuser": {"extraFiles": {"f": {"mountPath": "/f", "stringData": "x"}}},
        }
    )
    assert more.names() == beside.names()


@pytest.mark.parametrize(
    ("external", "url"),
    [
        ({}, "http://hub:8081"),
        ({"namespace": "jhub"}, "http://hub:8081"),
        ({"namespace": "course"}, "http://hub.course.svc:8081"),
        ({"service": "x-hub", "port": 9081}, "http://x-hub:9081"),
    ],
)
def test_traefik_falls_back_to_the_other_hub(external, url):
    assert fallback(companion({"hub": {"external": external}})) == url


def test_policies_in_one_namespace(beside):
    proxy = beside.get("NetworkPolicy", "companion-proxy")["spec"]
    etcd = beside.get("NetworkPolicy", "companion-proxy-etcd")["spec"]
    assert rule(proxy["egress"], 8081, "to") == [{"component": "hub"}]
    assert rule(proxy["egress"], 8888, "to") == [{"component": "singleuser-server"}]
    # Z2JH's hub has this label.
    assert rule(proxy["ingress"], "internal", "from") == [
        {"hub.jupyter.org/network-access-proxy-api": "true"}
    ]
    assert {"component": "hub"} in labelled(etcd["ingress"][0]["from"])


def test_policies_across_namespaces(apart):
    proxy = apart.get("NetworkPolicy", "companion-proxy")["spec"]
    etcd = apart.get("NetworkPolicy", "companion-proxy-etcd")["spec"]
    hub = {"component": "hub", NAMESPACE: "jhub"}
    assert rule(proxy["egress"], 8081, "to") == [hub]
    assert rule(proxy["egress"], 8888, "to") == [
        {"component": "singleuser-server", NAMESPACE: "jhub"}
    ]
    assert hub in rule(proxy["ingress"], "internal", "from")
    assert hub in labelled(etcd["ingress"][0]["from"])


def test_another_port_of_the_hub_is_let_through():
    rendered = companion({"hub": {"external": {"port": 9081}}})
    egress = rendered.get("NetworkPolicy", "companion-proxy")["spec"]["egress"]
    assert rule(egress, 9081, "to") == [{"component": "hub"}]


def test_only_what_the_hub_mounts_is_in_its_namespace(beside, apart):
    there = [
        (made["kind"], made["metadata"]["name"])
        for made in apart.objects
        if made["metadata"].get("namespace") == "jhub"
    ]
    assert sorted(there) == [
        ("ConfigMap", "companion-hub-package"),
        ("ConfigMap", "companion-hub-package-certificates"),
        ("ConfigMap", "companion-hub-package-etcd"),
        ("Secret", "companion-hub-identity"),
    ]
    assert {made["metadata"].get("namespace") for made in apart.objects} == {None, "jhub"}
    assert {made["metadata"].get("namespace") for made in beside.objects} == {None}


def test_the_package_is_the_same_in_both_namespaces(apart):
    for part in ("", "-certificates", "-etcd"):
        name = f"companion-hub-package{part}"
        here, there = [one["data"] for one in apart.objects if one["metadata"]["name"] == name]
        assert here == there
        assert here


def test_the_hub_gets_its_own_secrets_only(beside):
    identity = beside.secret("companion-hub-identity")
    etcd = beside.secret("companion-proxy-etcd-hub")
    api = beside.secret("companion-proxy-api-users")["hub-password"]
    assert identity == {**etcd, "api-password": api}


def test_a_hub_of_this_chart_may_use_it_too(beside):
    values = merge(printed(beside), {"proxy": {"kind": "external"}})
    rendered = render(values, "--namespace", "jhub", release="hub")
    names = {name for _, name in rendered.names()}
    assert not {name for name in names if "proxy" in name or name.endswith("-test")}
    pod = rendered.pod("Deployment", "hub")
    mounts = [mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]]
    assert len(set(mounts)) == len(mounts), "Kubernetes refuses two mounts of one path"
    assert "/usr/local/etc/jupyterhub-ha/jupyterhub_ha" in mounts
    assert not set(rendered.names()) & set(beside.names())


def test_with_an_etcd_of_ones_own_its_secret_is_yours():
    etcd = {
        "enabled": False,
        "endpoints": ["https://etcd-0.example.org:2379"],
        "existingSecret": {"hub": "my-hub", "traefik": "my-traefik"},
    }
    rendered = companion({"proxy": {"etcd": etcd}})
    assert list(rendered.secret("companion-hub-identity")) == ["api-password"]
    hub = printed(rendered)["hub"]
    password = hub["extraEnv"]["JUPYTERHUB_HA_ETCD_PASSWORD"]["valueFrom"]["secretKeyRef"]
    assert password == {"name": "my-hub", "key": "password", "optional": True}
    assert hub["extraVolumes"][1]["secret"]["secretName"] == "my-hub"
    assert [one["ports"] for one in hub["networkPolicy"]["egress"]] == [[{"port": 8080}]]


def test_an_etcd_without_tls_needs_no_certificates():
    etcd = {"enabled": False, "endpoints": ["http://etcd-0.example.org:2379"]}
    hub = printed(companion({"proxy": {"etcd": etcd}}))["hub"]
    assert [volume["name"] for volume in hub["extraVolumes"]] == ["jupyterhub-ha"]
    assert [mount["name"] for mount in hub["extraVolumeMounts"]] == ["jupyterhub-ha"]
    assert "JUPYTERHUB_HA_ETCD_PASSWORD" not in hub["extraEnv"]
    assert "_file" not in hub["extraConfig"]["jupyterhub-ha"]


def test_the_values_let_the_hub_reach_etcd_and_the_replicas(beside):
    hub = printed(beside)["hub"]
    labels = {"app": "jupyterhub", "release": "companion"}
    assert rule(hub["networkPolicy"]["egress"], 8080, "to") == [{**labels, "component": "proxy"}]
    assert rule(hub["networkPolicy"]["egress"], 2379, "to") == [
        {**labels, "component": "proxy-etcd"}
    ]
    # In one namespace Z2JH takes the access labels of our pods.
    assert "ingress" not in hub["networkPolicy"]
    assert "singleuser" not in printed(beside)
    pod = beside.get("Deployment", "companion-proxy")["spec"]["template"]["metadata"]["labels"]
    assert pod["hub.jupyter.org/network-access-hub"] == "true"
    assert pod["hub.jupyter.org/network-access-singleuser"] == "true"


def test_across_namespaces_they_let_traefik_in(apart):
    made = printed(apart)
    proxy = {"app": "jupyterhub", "component": "proxy", "release": "companion", NAMESPACE: "edge"}
    assert rule(made["hub"]["networkPolicy"]["ingress"], "http", "from") == [proxy]
    assert rule(made["singleuser"]["networkPolicy"]["ingress"], "notebook-port", "from") == [proxy]
    assert rule(made["hub"]["networkPolicy"]["egress"], 8080, "to") == [proxy]


def test_the_values_hold_no_secret(beside):
    text = beside.get("ConfigMap", "companion-z2jh-values")["data"]["values.yaml"]
    secrets = [
        value
        for made in beside.objects
        if made["kind"] == "Secret"
        for value in beside.secret(made["metadata"]["name"]).values()
    ]
    assert len(secrets) > 10
    assert not [secret for secret in secrets if secret in text]
