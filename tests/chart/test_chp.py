"""Kind chp: configurable-http-proxy, as Z2JH has it."""

import pytest
from tests.support.chart import render

CHP = {"proxy": {"kind": "chp"}}


@pytest.fixture(scope="module")
def rendered():
    return render(CHP)


def test_objects(rendered):
    names = [(kind, name) for kind, name in rendered.names() if name.startswith("proxy")]
    assert sorted(names) == [
        ("Deployment", "proxy"),
        ("NetworkPolicy", "proxy"),
        ("Service", "proxy-api"),
        ("Service", "proxy-public"),
    ]


def test_one_pod_that_is_recreated(rendered):
    spec = rendered.get("Deployment", "proxy")["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate", "rollingUpdate": None}


def test_its_service_account_is_named(rendered):
    """A pod that names none keeps, after a change from Traefik, the one that has gone."""
    assert rendered.pod("Deployment", "proxy")["serviceAccountName"] == "default"


def test_token_is_the_hubs(rendered):
    (container,) = rendered.pod("Deployment", "proxy")["containers"]
    (token,) = container["env"]
    reference = token["valueFrom"]["secretKeyRef"]
    assert token["name"] == "CONFIGPROXY_AUTH_TOKEN"
    assert len(rendered.secret(reference["name"])[reference["key"]]) == 64


def test_command_line(rendered):
    (container,) = rendered.pod("Deployment", "proxy")["containers"]
    assert container["command"] == ["configurable-http-proxy"]
    assert container["args"] == [
        "--ip=",
        "--api-ip=",
        "--port=8000",
        "--api-port=8001",
        "--default-target=http://hub:8081",
        "--error-target=http://hub:8081/hub/error",
    ]


def test_options():
    chp = {
        "defaultTarget": "http://x",
        "errorTarget": "http://y",
        "extraCommandLineFlags": ["--name={{ .Release.Name }}"],
        "extraEnv": {"A": "b"},
        "resources": {"requests": {"cpu": 1}},
        "nodeSelector": {"c": "d"},
        "pdb": {"enabled": True},
        "extraPodSpec": {"dnsPolicy": "Default"},
        "readinessProbe": {"enabled": False},
    }
    values = {
        "proxy": {"kind": "chp", "chp": chp},
        "debug": {"enabled": True},
        "hub": {"config": {"JupyterHub": {"subdomain_host": "https://hub.example.org"}}},
    }
    rendered = render(values)
    pod = rendered.pod("Deployment", "proxy")
    (container,) = pod["containers"]
    assert container["args"][4:] == [
        "--default-target=http://x",
        "--error-target=http://y",
        "--log-level=debug",
        "--host-routing",
        "--name=hub",
    ]
    assert {"name": "A", "value": "b"} in container["env"]
    assert container["resources"] == {"requests": {"cpu": 1}}
    assert (pod["nodeSelector"], pod["dnsPolicy"]) == ({"c": "d"}, "Default")
    assert "readinessProbe" not in container
    assert rendered.get("PodDisruptionBudget", "proxy")["spec"]["minAvailable"] == 1


def test_only_the_hub_reaches_the_api(rendered):
    rules = rendered.get("NetworkPolicy", "proxy")["spec"]["ingress"]
    (api,) = [rule for rule in rules if {"port": "api"} in rule["ports"]]
    assert api["from"] == [
        {"podSelector": {"matchLabels": {"hub.jupyter.org/network-access-proxy-api": "true"}}}
    ]


def test_a_new_token_restarts_the_proxy():
    def checksum(token):
        rendered = render({"proxy": {"kind": "chp", "secretToken": token}})
        template = rendered.get("Deployment", "proxy")["spec"]["template"]
        return template["metadata"]["annotations"]["checksum/auth-token"]

    assert checksum("a" * 64) == checksum("a" * 64) != checksum("b" * 64)
