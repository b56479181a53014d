"""The hub's Deployment: Z2JH's names and mounts, and every option's place in the pod."""

import json
import shutil
from types import SimpleNamespace

import pytest
from jupyterhub import _xsrf_utils
from tests.support.chart import CHART, render

FOLDER = "/usr/local/etc/jupyterhub"


XSRF_RANGES = "JUPYTERHUB_XSRF_ANONYMOUS_IP_CIDRS"


@pytest.fixture(scope="module")
def default():
    return render()


def hub_pod(**hub):
    return render({"hub": hub}).pod("Deployment", "hub")


def container(pod):
    return pod["containers"][0]


def mounts(pod):
    """Mount path to (volume, sub path)."""
    return {m["mountPath"]: (m["name"], m.get("subPath")) for m in container(pod)["volumeMounts"]}


def test_selector_and_strategy_are_those_of_z2jh(default):
    spec = default.get("Deployment", "hub")["spec"]
    labels = {"app": "jupyterhub", "component": "hub", "release": "hub"}
    assert spec["selector"]["matchLabels"] == labels
    assert labels.items() <= spec["template"]["metadata"]["labels"].items()
    assert spec["strategy"] == {"type": "Recreate", "rollingUpdate": None}
    assert spec["replicas"] == 1


def test_what_is_mounted(default):
    assert mounts(default.pod("Deployment", "hub")) == {
        f"{FOLDER}/jupyterhub_config.py": ("config", "jupyterhub_config.py"),
        f"{FOLDER}/jupyterhub_ha/": ("package", None),
        f"{FOLDER}/config/": ("config", None),
        f"{FOLDER}/secret/": ("secret", None),
        f"{FOLDER}/etcd/": ("etcd", None),
        f"{FOLDER}/proxy-api/": ("proxy-api", None),
        "/srv/jupyterhub": ("pvc", None),
    }


def test_the_hub_gets_its_own_password_of_the_replicas_api_only(default):
    volumes = {v["name"]: v for v in default.pod("Deployment", "hub")["volumes"]}
    assert volumes["proxy-api"]["secret"]["items"] == [
        {"key": "hub-password", "path": "hub-password"}
    ]
    named = {v["secret"]["secretName"] for v in volumes.values() if "secret" in v}
    assert named == {"hub", "proxy-etcd-hub", "proxy-api-users"}


def test_chp_needs_a_token_and_nothing_of_etcd():
    pod = render({"proxy": {"kind": "chp"}}).pod("Deployment", "hub")
    assert not {f"{FOLDER}/etcd/", f"{FOLDER}/proxy-api/"} & set(mounts(pod))
    (token,) = [e for e in container(pod)["env"] if e["name"] == "CONFIGPROXY_AUTH_TOKEN"]
    assert token["valueFrom"]["secretKeyRef"] == {
        "name": "hub",
        "key": "hub.config.ConfigurableHTTPProxy.auth_token",
    }


def test_an_etcd_of_ones_own_without_certificates_needs_no_secret():
    etcd = {"enabled": False, "endpoints": ["http://etcd:2379"]}
    rendered = render({"proxy": {"etcd": etcd}})
    assert f"{FOLDER}/etcd/" not in mounts(rendered.pod("Deployment", "hub"))
    assert rendered.get("ConfigMap", "hub")["data"]["proxy-etcd-endpoints"] == "http://etcd:2379"


@pytest.mark.parametrize(
    ("hub", "arguments"),
    [
        ({}, ["--upgrade-db"]),
        ({"db": {"upgrade": False}}, []),
        ({"db": {"type": "postgres", "url": "x"}}, []),
        ({"db": {"type": "postgres", "url": "x", "upgrade": True}}, ["--upgrade-db"]),
    ],
)
def test_the_database_is_upgraded_by_default_where_it_is_ours(hub, arguments):
    command = ["jupyterhub", "--config", f"{FOLDER}/jupyterhub_config.py"]
    assert container(hub_pod(**hub))["args"] == command + arguments


def test_debug():
    assert (
        "--debug"
        in container(render({"debug": {"enabled": True}}).pod("Deployment", "hub"))["args"]
    )


@pytest.mark.parametrize(
    ("hub", "path", "expected"),
    [
        ({"nodeSelector": {"a": "b"}}, "nodeSelector", {"a": "b"}),
        ({"tolerations": [{"key": "k"}]}, "tolerations.2", {"key": "k"}),
        ({"podSecurityContext": {"fsGroup": 5}}, "securityContext.fsGroup", 5),
        ({"initContainers": [{"name": "i"}]}, "initContainers", [{"name": "i"}]),
        ({"extraContainers": [{"name": "s"}]}, "containers.1", {"name": "s"}),
        ({"extraPodSpec": {"dnsPolicy": "None"}}, "dnsPolicy", "None"),
        (
            {"extraPodSpec": {"securityContext": {"runAsUser": 1000720000}}},
            "securityContext",
            {
                "fsGroup": 1000,
                "runAsNonRoot": True,
                "runAsUser": 1000720000,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        ),
        ({"serviceAccount": {"name": "own"}}, "serviceAccountName", "own"),
        ({"serviceAccount": {"create": False}}, "serviceAccountName", "default"),
        ({"image": {"pullSecrets": ["s"]}}, "imagePullSecrets", [{"name": "s"}]),
        ({"image": {"name": "n", "tag": "t"}}, "containers.0.image", "n:t"),
        ({"image": {"pullPolicy": "Always"}}, "containers.0.imagePullPolicy", "Always"),
        ({"command": ["{{ .Release.Name }}"]}, "containers.0.command", ["hub"]),
        ({"args": ["{{ .Release.Name }}", "{x}"]}, "containers.0.args", ["hub", "{x}"]),
        ({"resources": {"limits": {"cpu": 2}}}, "containers.0.resources.limits.cpu", 2),
        ({"lifecycle": {"preStop": {}}}, "containers.0.lifecycle", {"preStop": {}}),
        (
            {"containerSecurityContext": {"runAsUser": 5}},
            "containers.0.securityContext.runAsUser",
            5,
        ),
        (
            {"livenessProbe": {"failureThreshold": 7}},
            "containers.0.livenessProbe.failureThreshold",
            7,
        ),
        ({"baseUrl": "/j/"}, "containers.0.readinessProbe.httpGet.path", "/j/hub/health"),
        ({"baseUrl": "/"}, "containers.0.livenessProbe.httpGet.path", "/hub/health"),
        ({"extraVolumes": [{"name": "v"}]}, "volumes.6", {"name": "v"}),
        (
            {"extraVolumeMounts": [{"name": "v", "mountPath": "/v"}]},
            "containers.0.volumeMounts.6",
            {"name": "v", "mountPath": "/v"},
        ),
    ],
)
def test_options_reach_the_pod(hub, path, expected):
    found = hub_pod(**hub)
    for level in path.split("."):
        found = found[int(level)] if level.isdigit() else found[level]
    assert found == expected


@pytest.mark.parametrize("probe", ["livenessProbe", "readinessProbe"])
def test_probes_can_be_turned_off(probe):
    assert probe not in container(hub_pod(**{probe: {"enabled": False}}))


def test_environment():
    env = container(
        hub_pod(extraEnv={"A": "x", "N": 1000000, "B": {"valueFrom": {"fieldRef": {}}}})
    )["env"]
    assert {"name": "A", "value": "x"} in env
    assert {"name": "B", "valueFrom": {"fieldRef": {}}} in env
    assert {"name": "N", "value": "1000000"} in env
    names = [e["name"] for e in env]
    assert len(names) == len(set(names))
    namespace = next(e for e in env if e["name"] == "POD_NAMESPACE")
    assert namespace["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.namespace"


def test_a_login_may_come_by_way_of_two_nodes(default, monkeypatch):
    """JupyterHub takes all addresses of a private range for the same in the login page's token."""
    env = {e["name"]: e.get("value") for e in container(default.pod("Deployment", "hub"))["env"]}
    monkeypatch.setenv(XSRF_RANGES, env[XSRF_RANGES])
    monkeypatch.setattr(_xsrf_utils, "_anonymous_ip_cidrs", _xsrf_utils._get_anonymous_ip_cidrs())

    def token(ip):
        request = SimpleNamespace(remote_ip=ip, headers={"User-Agent": "a browser"})
        return _xsrf_utils._anonymous_xsrf_id(SimpleNamespace(request=request))

    for one, other in [
        ("10.42.0.0", "10.42.1.1"),
        ("172.18.0.1", "172.18.0.2"),
        ("fd00::1", "fd00::2"),
    ]:
        assert token(one) == token(other)
    assert token("192.0.2.1") != token("192.0.2.2")
    assert token("10.42.0.0") != token("192.0.2.1")


def test_the_ranges_of_the_login_can_be_others():
    for extra in ({XSRF_RANGES: "10.1.0.0/16"}, [{"name": XSRF_RANGES, "value": "10.1.0.0/16"}]):
        env = container(hub_pod(extraEnv=extra))["env"]
        assert [e["value"] for e in env if e["name"] == XSRF_RANGES] == ["10.1.0.0/16"]


def test_the_one_configurable_http_proxy_needs_no_ranges():
    pod = render({"proxy": {"kind": "chp"}}).pod("Deployment", "hub")
    assert XSRF_RANGES not in {e["name"] for e in container(pod)["env"]}


@pytest.mark.parametrize(
    "path",
    ["hub.config", "hub.extraPodSpec", "hub.service.annotations", "hub.extraEnv", "hub.services"],
)
def test_null_is_as_good_as_empty(path, default):
    value = None
    for key in reversed(path.split(".")):
        value = {key: value}
    assert render(value).pod("Deployment", "hub") == default.pod("Deployment", "hub")


def test_labels_annotations_and_history():
    hub = {"labels": {"l": "1"}, "annotations": {"n": "2"}, "revisionHistoryLimit": 0}
    spec = render({"hub": hub}).get("Deployment", "hub")["spec"]
    assert spec["template"]["metadata"]["labels"]["l"] == "1"
    assert spec["template"]["metadata"]["annotations"]["n"] == "2"
    assert spec["revisionHistoryLimit"] == 0


def test_extra_files_are_mounted_where_they_ask():
    pod = hub_pod(
        extraFiles={
            "a": {"mountPath": "/etc/a.json", "data": {"x": 1}},
            "b": {"mountPath": "/etc/b", "stringData": "text", "mode": 0o400},
        }
    )
    assert mounts(pod)["/etc/a.json"] == ("files", "a")
    (volume,) = [v for v in pod["volumes"] if v["name"] == "files"]
    assert volume["secret"] == {
        "secretName": "hub",
        "items": [{"key": "a", "path": "a"}, {"key": "b", "path": "b", "mode": 0o400}],
    }


# Everything random is given, so that two renders differ in nothing but what is looked at.
GIVEN = {
    "hub": {"cookieSecret": "a" * 64, "config": {"CryptKeeper": {"keys": ["b" * 64]}}},
    "proxy": {
        "traefik": {"api": {"password": "c" * 12}},
        "etcd": {"enabled": False, "endpoints": ["http://etcd:2379"]},
    },
}


def checksums(values):
    options = [f"--set-json={key}={value}" for key, value in values.items()]
    template = render(GIVEN, *options).get("Deployment", "hub")["spec"]["template"]
    return {
        key: text
        for key, text in template["metadata"]["annotations"].items()
        if key.startswith("checksum/")
    }


@pytest.mark.parametrize(
    ("values", "changed"),
    [
        ({}, set()),
        ({"custom.x": "1"}, {"checksum/secret"}),
        (
            {"proxy.etcd.endpoints": '["http://other:2379"]'},
            {"checksum/config-map", "checksum/secret"},
        ),
        ({"proxy.traefik.api.password": '"dddddddddddd"'}, {"checksum/identity"}),
    ],
)
def test_changes_restart_the_hub(values, changed):
    before, after = checksums({}), checksums(values)
    assert {key for key in before if before[key] != after[key]} == changed


def test_a_changed_package_restarts_the_hub(tmp_path, default):
    chart = shutil.copytree(CHART, tmp_path / "chart")
    with (chart / "files/hub/jupyterhub_ha/values.py").open("a") as module:
        module.write("# changed\n")

    def checksum(rendered):
        template = rendered.get("Deployment", "hub")["spec"]["template"]
        return template["metadata"]["annotations"]["checksum/package"]

    assert checksum(render(chart=chart)) != checksum(default)


def test_the_package_is_flat_and_small(default):
    names = [name for kind, name in default.names() if name.startswith("hub-package")]
    parts = [default.get("ConfigMap", name)["data"] for name in names]
    package = {name: text for part in parts for name, text in part.items()}
    assert sum(map(len, parts)) == len(package)
    files = {
        file.name: file.read_text()
        for file in (CHART / "files/hub/jupyterhub_ha").glob("*.py")
        if not file.name.startswith("tmpnb_")  # test_tmpnb.py
    }
    assert package == files
    assert "__init__.py" in package
    # A client-side apply keeps the object as JSON in an annotation, which may have 256 KiB.
    assert max(len(json.dumps(part).encode()) for part in parts) < 240 * 1024


@pytest.mark.parametrize(
    ("kind", "component"), [("Deployment", "hub"), ("Job", "proxy-etcd-setup")]
)
def test_all_of_the_package_is_mounted(default, kind, component):
    (name,) = [
        o["metadata"]["name"]
        for o in default.objects
        if o["kind"] == kind and o["metadata"]["labels"]["component"] == component
    ]
    (volume,) = [v for v in default.pod(kind, name)["volumes"] if v["name"] == "package"]
    sources = {source["configMap"]["name"] for source in volume["projected"]["sources"]}
    assert sources == {name for kind, name in default.names() if name.startswith("hub-package")}
