"""The pod of `helm test`, as it is rendered; what it finds is tried in test_real_helm_test.py."""

import pytest
import yaml
from tests.chart.golden import EXAMPLES
from tests.support.chart import ROOT, render


def example(name):
    return yaml.safe_load((ROOT / f"values-examples/{name}.yaml").read_text())


def args(values):
    (container,) = render(values).get("Pod", "hub-test")["spec"]["containers"]
    return container["args"]


def test_it_is_a_hook_whose_lines_are_found_with_every_helm():
    assert render().get("Pod", "hub-test")["metadata"]["annotations"] == {
        "helm.sh/hook": "test",
        "helm.sh/hook-delete-policy": "before-hook-creation",
        "helm.sh/hook-output-log-policy": "hook-succeeded,hook-failed",
    }


def test_it_asks_for_all_parts_of_traefik_and_etcd():
    assert args({"hub": {"test": {"timeoutSeconds": 5}}}) == [
        "--timeout=5",
        "--login=http://proxy-public/",
        "--replicas",
        "http://proxy-replicas:8080",
        "--members",
        *(f"http://proxy-etcd-{i}.proxy-etcd:2381" for i in range(3)),
    ]


@pytest.mark.parametrize("kind", ["chp", "in-process"])
def test_it_asks_for_the_login_page_only_where_there_is_nothing_else(kind):
    assert args({"proxy": {"kind": kind}}) == ["--timeout=60", "--login=http://proxy-public/"]


def test_it_takes_no_temporary_server():
    assert "--page=hub/tmpnb/stats" in args(example("conference-demo"))


def test_an_etcd_that_is_not_the_charts_is_not_asked():
    assert "--members" not in args(example("external-etcd"))


def test_it_comes_in_where_users_do():
    values = {
        "fullnameOverride": "x",
        "hub": {"baseUrl": "/science/"},
        "proxy": {
            "https": {"enabled": True, "type": "offload"},
            "service": {"disableHttpPort": True},
        },
    }
    (container,) = render(values).get("Pod", "x-hub-test")["spec"]["containers"]
    assert "--login=http://x-proxy-public:443/science/" in container["args"]
    assert "http://x-proxy-replicas:8080" in container["args"]
    assert "http://x-proxy-etcd-2.x-proxy-etcd:2381" in container["args"]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_the_namespace_may_be_restricted(file):
    """Kubernetes' Pod Security Standard of that name, for one container."""
    made = render(yaml.safe_load(file.read_text())).objects
    (spec,) = [o["spec"] for o in made if o["kind"] == "Pod"]
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {volume.keys() - {"name"} == {"projected"} for volume in spec["volumes"]} == {True}
    assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC"}
    assert spec["automountServiceAccountToken"] is False
    assert container["resources"].keys() == {"requests", "limits"}


def test_it_runs_where_core_pods_do():
    toleration = {"key": "k", "operator": "Exists"}
    values = {
        "hub": {"nodeSelector": {"a": "b"}, "tolerations": [toleration]},
        "imagePullSecrets": ["pull-me"],
        "scheduling": {
            "corePods": {"nodeAffinity": {"matchNodePurpose": "require"}},
            "podPriority": {"enabled": True},
        },
    }
    rendered = render(values)
    pod = rendered.get("Pod", "hub-test")["spec"]
    hub = rendered.pod("Deployment", "hub")
    for key in ("nodeSelector", "tolerations", "affinity", "imagePullSecrets", "priorityClassName"):
        assert pod[key] == hub[key]
    assert pod["containers"][0]["image"] == hub["containers"][0]["image"]


def test_no_service_and_no_other_policy_takes_it_for_one_of_its_pods():
    rendered = render()
    labels = rendered.get("Pod", "hub-test")["metadata"]["labels"]
    for made in rendered.objects:
        if made["kind"] == "Service":
            assert not made["spec"]["selector"].items() <= labels.items()
        elif made["kind"] == "NetworkPolicy":
            chosen = made["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
            assert chosen is (made["metadata"]["name"] == "hub-test")


def test_its_policy_is_there_with_the_hubs():
    assert render().has("NetworkPolicy", "hub-test")
    off = {"hub": {"networkPolicy": {"enabled": False}}}
    assert not render(off).has("NetworkPolicy", "hub-test")


def test_its_policy_takes_the_hubs_dns_and_nothing_more():
    allow = {"dnsPortsPrivateIPs": False, "dnsPortsCloudMetadataServer": False}
    values = {"hub": {"networkPolicy": {"egressAllowRules": allow}}}
    rules = render(values).get("NetworkPolicy", "hub-test")["spec"]["egress"]
    assert [port["port"] for rule in rules for port in rule["ports"]] == [8000, 8080, 2381, 53, 53]
    (dns,) = rules[-1]["to"]
    assert dns == {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}
    }
