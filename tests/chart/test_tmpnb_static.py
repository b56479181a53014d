"""Static files of visitors' pages in the chart: the router's rule, and the pods."""

import re
import tomllib

import pytest
from tests.chart.test_tmpnb import least
from tests.support.chart import render
from tests.support.tmpnb_static import NAME

from jupyterhub_ha.values import merge

ON = least(tmpnb={"static": {"enabled": True}})
HASH = "0123456789abcdef"


def dynamic(values):
    text = render(values).get("ConfigMap", "proxy")["data"]["dynamic.toml"]
    return tomllib.loads(text)["http"]


def rule(values=ON):
    return dynamic(values)["routers"][NAME]["rule"]


def expression(values=ON):
    """The regular expression for paths, which means the same to Go and to Python."""
    return re.compile(re.match(r"PathRegexp\(`(.*?)`\) && ", rule(values))[1])


@pytest.mark.parametrize(
    "path",
    [
        f"/user/v-1/static/lab/main.{HASH}.js",
        f"/user/v-1/static/lab/{HASH}.woff2",
        f"/user/v-1/static/notebook/1.{HASH}0123.js",
        f"/user/v-1/lab/extensions/@a/b/static/remoteEntry.{HASH}0123.js",
        f"/user/v@x/lab/extensions/a/static/{HASH}.svg",
    ],
)
def test_paths_that_go_to_the_files(path):
    assert expression().search(path)


@pytest.mark.parametrize(
    "path",
    [
        "/user/v-1/static/lab/style.js",
        "/user/v-1/static/favicons/favicon.ico",
        f"/user/v-1/files/static/lab/main.{HASH}.js",
        f"/user/v-1/api/contents/main.{HASH}.js",
        f"/user/v-1/lab/tree/extensions/main.{HASH}.js",
        f"/user/v-1/proxy/8000/static/main.{HASH}.js",
        f"/hub/static/main.{HASH}.js",
        f"/other/user/v-1/static/lab/main.{HASH}.js",
        "/user/v-1/static/lab/main.0123456789ABCDEF.js",
        f"/user/v-1/static/lab/{HASH}",
        f"/user/v-1/static/lab/x{HASH}.js",
    ],
)
def test_paths_that_go_to_the_visitors_server(path):
    assert not expression().search(path)


def test_below_a_base_url():
    found = expression(merge(ON, {"hub": {"baseUrl": "/a.b/"}}))
    assert found.search(f"/a.b/user/v-1/static/lab/main.{HASH}.js")
    assert not found.search(f"/axb/user/v-1/static/lab/main.{HASH}.js")
    assert not found.search(f"/user/v-1/static/lab/main.{HASH}.js")


def test_only_requests_without_a_body_that_traefik_did_not_send_itself():
    header = "X-Jupyterhub-Static"
    assert rule().endswith(
        f" && !Header(`{header}`, `server`) && (Method(`GET`) || Method(`HEAD`))"
    )
    http = dynamic(ON)
    assert http["routers"][NAME]["middlewares"] == [NAME]
    assert http["middlewares"][NAME] == {"headers": {"customRequestHeaders": {header: "server"}}}


def test_the_fallback_is_the_replica_itself_where_nothing_redirects():
    server = dynamic(ON)["services"][f"{NAME}-server"]["loadBalancer"]
    assert server["servers"] == [{"url": "http://127.0.0.1:8000"}]
    secure = {"enabled": True, "type": "secret", "hosts": ["h.example"], "secret": {"name": "s"}}
    http = dynamic(merge(ON, {"proxy": {"https": secure}}))
    server = http["services"][f"{NAME}-server"]["loadBalancer"]
    assert server["servers"] == [{"url": "https://127.0.0.1:8443"}]
    assert http["serversTransports"][server["serversTransport"]] == {"insecureSkipVerify": True}
    assert http["routers"][NAME]["entryPoints"] == ["http", "https"]


@pytest.mark.parametrize("values", [least(), {"tmpnb": {"static": {"enabled": True}}}])
def test_nothing_of_it_is_there_unless_it_is_wanted(values):
    rendered = render(values)
    assert not any(NAME in name for _, name in rendered.names())
    assert NAME not in rendered.get("ConfigMap", "proxy")["data"]["dynamic.toml"]


def test_a_new_image_replaces_these_pods_one_by_one_and_no_replica_of_the_proxy():
    images = [{"name": "i", "tag": tag, "pullSecrets": ["p"]} for tag in ("1", "2")]
    one, two = (render(merge(ON, {"singleuser": {"image": image}})) for image in images)
    pods = [rendered.pod("Deployment", NAME) for rendered in (one, two)]
    assert [pod["initContainers"][0]["image"] for pod in pods] == ["i:1", "i:2"]
    assert pods[0]["imagePullSecrets"] == [{"name": "p"}]
    assert one.get("ConfigMap", "proxy") == two.get("ConfigMap", "proxy")
    assert one.get("ConfigMap", NAME) == two.get("ConfigMap", NAME)
    strategy = one.get("Deployment", NAME)["spec"]["strategy"]
    assert strategy["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_its_pods_keep_to_the_restricted_standard():
    pod = render(ON).pod("Deployment", NAME)
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in [*pod["initContainers"], *pod["containers"]]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@pytest.mark.parametrize(
    ("option", "path", "wanted"),
    [
        ({"replicas": 5}, ("replicas",), 5),
        ({"nodeSelector": {"a": "b"}}, ("template", "spec", "nodeSelector"), {"a": "b"}),
        ({"extraPodSpec": {"hostUsers": False}}, ("template", "spec", "hostUsers"), False),
        (
            {"topologySpreadConstraints": []},
            ("template", "spec", "topologySpreadConstraints"),
            None,
        ),
    ],
)
def test_an_option_is_in_the_deployment(option, path, wanted):
    found = render(merge(ON, {"tmpnb": {"static": option}})).get("Deployment", NAME)["spec"]
    for key in path:
        found = found.get(key)
    assert found == wanted


def test_more_options():
    options = {
        "image": {"name": "n", "tag": "t", "pullPolicy": "Always", "pullSecrets": ["q"]},
        "resources": {"limits": {"memory": "1Gi"}},
        "tolerations": [{"key": "k"}],
        "affinity": {"podAffinity": {}},
        "pdb": {"maxUnavailable": 2},
        "networkPolicy": {"ingress": [{"from": []}]},
    }
    rendered = render(merge(ON, {"tmpnb": {"static": options}}))
    pod = rendered.pod("Deployment", NAME)
    (nginx,) = pod["containers"]
    assert (nginx["image"], nginx["imagePullPolicy"]) == ("n:t", "Always")
    assert pod["imagePullSecrets"] == [{"name": "q"}]
    for container in (nginx, *pod["initContainers"]):
        assert container["resources"] == {"limits": {"memory": "1Gi"}}
    assert {"key": "k"} in pod["tolerations"]
    assert pod["affinity"]["podAffinity"] == {}
    assert rendered.get("PodDisruptionBudget", NAME)["spec"]["maxUnavailable"] == 2
    assert rendered.get("NetworkPolicy", NAME)["spec"]["ingress"][-1] == {"from": []}
    off = {"pdb": {"enabled": False}, "networkPolicy": {"enabled": False}}
    names = render(merge(ON, {"tmpnb": {"static": off}})).names()
    assert ("PodDisruptionBudget", NAME) not in names
    assert ("NetworkPolicy", NAME) not in names
