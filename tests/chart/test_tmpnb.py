"""Temporary notebooks in the chart: the package's part, visitors' pods and what they may reach."""

import asyncio
import json

import pytest
import yaml
from kubernetes_asyncio.client import ApiClient
from kubespawner import KubeSpawner
from tests.chart.test_refusals import lines_of
from tests.support.chart import CHART, ROOT, render
from tests.support.network import flows, user_pods
from traitlets.config import Config

from jupyterhub_ha.configure_hub import pass_through
from jupyterhub_ha.configure_spawner import configure_spawner
from jupyterhub_ha.values import Mounts, Values, merge
from proxy_gen.mounts import Objects, write_mounts

DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())
# As little as the chart accepts.
LEAST = {
    "tmpnb": {"enabled": True},
    "singleuser": {
        "storage": {"type": "none"},
        "memory": {"limit": "1G", "guarantee": "256M"},
        "cpu": {"limit": 1},
        "cloudMetadata": {"blockWithIptables": False},
    },
}
PART = "hub-package-tmpnb"
FILES = sorted(file.name for file in (CHART / "files/hub/jupyterhub_ha").glob("tmpnb_*.py"))


def least(**more):
    return merge(LEAST, more)


@pytest.fixture
def no_cluster(monkeypatch):
    """KubeSpawner without its connection to a cluster."""
    monkeypatch.setattr("kubespawner.spawner.load_config", lambda **_: None)
    monkeypatch.setattr("kubespawner.spawner.shared_client", lambda _: None)


@pytest.fixture
def visitor(no_cluster, tmp_path):
    """Makes of values the spawner of a visitor and the pod that the API server gets."""

    def made(values):
        rendered = render(values)
        objects = Objects(rendered.objects)
        write_mounts(objects, objects.find("Deployment", "hub"), tmp_path)
        config = Config()
        mounts = Mounts(tmp_path / "usr/local/etc/jupyterhub")
        configure_spawner(config, Values.load(mounts))
        pass_through(config, Values.load(mounts))
        spawner = KubeSpawner(config=config, _mock=True)
        spawner.get_env = dict
        # Its constructor opens a session to the API server, which is not wanted here.
        serializer = ApiClient.__new__(ApiClient)
        pod = asyncio.run(spawner.get_pod_manifest())
        return spawner, serializer.sanitize_for_serialization(pod)["spec"]

    return made


# --- the package --------------------------------------------------------------------------------


def test_the_package_has_its_part_only_when_it_is_needed():
    without, with_it = render(), render(least())
    assert not without.has("ConfigMap", PART)
    assert sorted(with_it.get("ConfigMap", PART)["data"]) == FILES
    assert FILES
    for rendered in (without, with_it):
        rest = rendered.get("ConfigMap", "hub-package")["data"]
        assert not [name for name in rest if name.startswith("tmpnb_")]
        sources = next(
            volume["projected"]["sources"]
            for volume in rendered.pod("Deployment", "hub")["volumes"]
            if volume["name"] == "package"
        )
        mounted = {source["configMap"]["name"] for source in sources}
        assert (PART in mounted) is (rendered is with_it)
    # A client-side apply keeps the object as JSON in an annotation, which may have 256 KiB.
    assert len(json.dumps(with_it.get("ConfigMap", PART)["data"]).encode()) < 240 * 1024


# --- the pod ------------------------------------------------------------------------------------


def test_a_visitors_pod_fits_the_restricted_standard_and_has_no_token(visitor):
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"""
    _, spec = visitor(least())
    assert spec["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in spec
    assert not spec.get("initContainers")
    assert not spec.get("volumes")
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_a_visitors_pod_has_limits_and_reserves_no_disk(visitor):
    _, spec = visitor(least(tmpnb={"sandbox": {"disk": "2G"}}))
    resources = spec["containers"][0]["resources"]
    assert resources["limits"] == {
        "cpu": 1,
        "memory": 1024**3,
        "ephemeral-storage": str(2 * 1024**3),
    }
    assert resources["requests"] == {"memory": 256 * 1024**2, "ephemeral-storage": "0"}


def test_without_internet_a_server_asks_no_dns_and_finds_the_hub(visitor):
    spawner, spec = visitor(least(fullnameOverride="demo"))
    assert spec["dnsPolicy"] == "None"
    assert spec["dnsConfig"] == {"nameservers": ["127.0.0.1"]}
    # The variable that Kubernetes makes of the Service `demo-hub`.
    assert spawner.hub_connect_url == "http://$(DEMO_HUB_SERVICE_HOST):8081"
    assert spec.get("enableServiceLinks", True) is True


def test_with_internet_a_server_asks_the_clusters_dns(visitor):
    spawner, spec = visitor(least(tmpnb={"sandbox": {"internet": True}}))
    assert "dnsPolicy" not in spec
    assert spawner.hub_connect_url is None


def test_what_hub_config_says_wins(visitor):
    context = {"runAsNonRoot": True, "readOnlyRootFilesystem": True}
    config = {"KubeSpawner": {"container_security_context": context}}
    _, spec = visitor(least(hub={"config": config}))
    assert spec["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


# --- the network --------------------------------------------------------------------------------


def reached(values, folder):
    rendered = render(values)
    users = asyncio.run(user_pods(rendered, folder / "mounts"))
    found = flows(rendered, users, folder / "objects")
    return {target: ports for (source, target), ports in found.items() if source == "user"}


@pytest.mark.parametrize("kind", ["traefik-etcd", "in-process", "chp"])
def test_a_visitor_reaches_the_hub_and_nothing_else(no_cluster, tmp_path, kind):
    assert reached(least(proxy={"kind": kind}), tmp_path) == {"hub": {"TCP 8081"}}


def test_with_internet_a_visitor_reaches_public_addresses_and_dns(no_cluster, tmp_path):
    dns = {"TCP 53", "UDP 53"}
    assert reached(least(tmpnb={"sandbox": {"internet": True}}), tmp_path) == {
        "hub": {"TCP 8081"},
        "internet": {"any"},
        "dns": dns,
        "private": dns,
        "metadata": dns,
    }


def test_single_addresses_may_be_opened(no_cluster, tmp_path):
    rule = {"to": [{"ipBlock": {"cidr": "10.9.8.7/32"}}], "ports": [{"port": 5432}]}
    values = least(singleuser={"networkPolicy": {"egress": [rule]}})
    assert reached(values, tmp_path) == {"hub": {"TCP 8081"}, "private": {"TCP 5432"}}


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("key", sorted(set(DEFAULTS["cull"]) - {"enabled"}))
def test_every_option_of_the_culler_is_refused_when_it_is_given(key):
    """The template has to know the defaults, which only values.yaml has."""
    default = DEFAULTS["cull"][key]
    assert render(least(cull={key: default})).has("Deployment", "hub")
    other = not default if isinstance(default, bool) else default + 1
    assert [path for path, _, _ in lines_of(least(cull={key: other}))] == [f"cull.{key}"]


def test_the_least_that_is_accepted_is_what_the_refusals_ask_for():
    assert {path for path, _, _ in lines_of({"tmpnb": {"enabled": True}})} == {
        "singleuser.storage.type",
        "singleuser.cpu.limit",
        "singleuser.memory.limit",
    }


@pytest.mark.parametrize(
    "origin",
    ["https://magazine.example.org", "https://*.example.org", "http://localhost:8888"],
)
def test_an_origin_is_accepted(origin):
    assert render(least(tmpnb={"embed": {"origins": [origin]}})).has("Deployment", "hub")


@pytest.mark.parametrize("hours", ["22-6", "0-24", "06-08", "23-0"])
def test_hours_are_accepted(hours):
    quiet = {"size": 1, "hours": [hours]}
    assert render(least(tmpnb={"pool": {"quiet": quiet}})).has("Deployment", "hub")


@pytest.mark.parametrize("origin", ["http://magazine.example.org", "magazine.example.org", "null"])
def test_an_origin_without_https_is_refused(origin):
    (line,) = lines_of(least(tmpnb={"embed": {"origins": [origin]}}))
    assert line[0] == "tmpnb.embed.origins[0]"


def test_the_demo_of_a_conference_has_a_seat_for_everybody():
    values = yaml.safe_load((ROOT / "values-examples/conference-demo.yaml").read_text())
    assert values["tmpnb"]["pool"]["size"] >= 300
    assert values["tmpnb"]["limits"]["perAddressPerMinute"] == 0
