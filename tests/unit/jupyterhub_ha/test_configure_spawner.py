"""Users' pods from values; KubeSpawner itself makes the pod that is looked at."""

import json

import pytest
from kubernetes_asyncio.client import ApiClient
from kubespawner import KubeSpawner
from traitlets.config import Config

from jupyterhub_ha.configure_spawner import (
    configure_environment,
    configure_spawner,
    image_reference,
)
from jupyterhub_ha.values import BadValuesError, Mounts, Values, merge

# What the chart's own defaults say, as far as a pod needs it.
DEFAULTS = {
    "Release": {"Name": "rel"},
    "Chart": {"Name": "jupyterhub", "Version": "1.0.0+abc"},
    "scheduling": {"userPods": {"nodeAffinity": {"matchNodePurpose": "prefer"}}},
    "singleuser": {
        "image": {"name": "image", "tag": "1"},
        "cmd": "jupyterhub-singleuser",
        "allowPrivilegeEscalation": False,
        "networkTools": {"image": {"name": "tools", "tag": "2"}},
        "cloudMetadata": {"blockWithIptables": False, "ip": "169.254.169.254"},
        "storage": {
            "type": "dynamic",
            "capacity": "10Gi",
            "homeMountPath": "/home/jovyan",
            "dynamic": {
                "volumeNameTemplate": "volume-{user_server}",
                "storageAccessModes": ["ReadWriteOnce"],
            },
            "static": {"subPath": "{username}"},
        },
    },
}
NAMES = {
    "app-label": "jupyterhub",
    "image-pull-secret": "image-pull-secret",
    "priority": "rel-default-priority",
    "singleuser": "singleuser",
}


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Values over the defaults, with the names that the chart mounts."""
    monkeypatch.setenv("POD_NAMESPACE", "hubs")
    (tmp_path / "config").mkdir()
    for key, name in NAMES.items():
        (tmp_path / "config" / key).write_text(name)

    def build(singleuser=None, **others):
        data = merge(DEFAULTS, {"singleuser": singleuser or {}, **others})
        return Values(data, Mounts(tmp_path))

    return build


@pytest.fixture
def spawner(make, monkeypatch):
    """A real KubeSpawner from values; only its connection to a cluster is left out."""
    monkeypatch.setattr("kubespawner.spawner.load_config", lambda **_: None)
    monkeypatch.setattr("kubespawner.spawner.shared_client", lambda _: None)

    def build(singleuser=None, **others):
        c = Config()
        configure_spawner(c, make(singleuser, **others))
        return KubeSpawner(config=c, _mock=True)

    return build


async def pod_of(spawner):
    """The pod as it would be sent to the API server."""
    spawner.get_env = lambda: dict(spawner.environment)
    pod = await spawner.get_pod_manifest()
    # Its constructor opens a session to the API server, which is not wanted here.
    serializer = ApiClient.__new__(ApiClient)
    return json.loads(json.dumps(serializer.sanitize_for_serialization(pod)))


async def test_the_default_pod(spawner):
    pod = await pod_of(spawner())
    labels = pod["metadata"]["labels"]
    expected = {
        "app": "jupyterhub",
        "release": "rel",
        "chart": "jupyterhub-1.0.0_abc",
        "component": "singleuser-server",
        "app.kubernetes.io/name": "jupyterhub",
        "app.kubernetes.io/instance": "rel",
        "app.kubernetes.io/managed-by": "kubespawner",
        "helm.sh/chart": "jupyterhub-1.0.0_abc",
    }
    assert expected.items() <= labels.items()
    assert spawner().namespace == "hubs"
    (container,) = pod["spec"]["containers"]
    assert container["image"] == "image:1"
    assert container["args"] == ["jupyterhub-singleuser"]
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert pod["spec"]["imagePullSecrets"] == []
    assert "initContainers" not in pod["spec"]
    (preferred,) = pod["spec"]["affinity"]["nodeAffinity"][
        "preferredDuringSchedulingIgnoredDuringExecution"
    ]
    assert preferred["weight"] == 100


@pytest.mark.parametrize(
    ("singleuser", "path", "expected"),
    [
        ({"uid": 7}, "containers.0.securityContext.runAsUser", 7),
        ({"fsGid": 8}, "securityContext.fsGroup", 8),
        ({"serviceAccountName": "sa"}, "serviceAccountName", "sa"),
        ({"nodeSelector": {"pool": "gpu"}}, "nodeSelector", {"pool": "gpu"}),
        ({"image": {"tag": None}}, "containers.0.image", "image"),
        ({"image": {"pullPolicy": "Always"}}, "containers.0.imagePullPolicy", "Always"),
        ({"memory": {"limit": "2G"}}, "containers.0.resources.limits.memory", 2 * 1024**3),
        ({"memory": {"guarantee": "1G"}}, "containers.0.resources.requests.memory", 1024**3),
        ({"cpu": {"limit": 1.5}}, "containers.0.resources.limits.cpu", 1.5),
        ({"cpu": {"guarantee": 0.5}}, "containers.0.resources.requests.cpu", 0.5),
        (
            {"extraResource": {"limits": {"nvidia.com/gpu": "1"}}},
            "containers.0.resources.limits",
            {"nvidia.com/gpu": "1"},
        ),
        (
            {"extraResource": {"guarantees": {"x.y/z": "1"}}},
            "containers.0.resources.requests",
            {"x.y/z": "1"},
        ),
        ({"extraContainers": [{"name": "side", "image": "i"}]}, "containers.1.name", "side"),
        ({"extraPodConfig": {"dnsPolicy": "None"}}, "dnsPolicy", "None"),
        ({"cmd": None}, "containers.0.args", None),
        (
            {"lifecycleHooks": {"postStart": {"exec": {"command": ["a"]}}}},
            "containers.0.lifecycle.postStart.exec.command",
            ["a"],
        ),
        (
            {"extraTolerations": [{"key": "k", "operator": "Exists"}]},
            "tolerations",
            [{"key": "k", "operator": "Exists"}],
        ),
        (
            {"extraPodAffinity": {"required": [{"topologyKey": "zone"}]}},
            "affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution.0.topologyKey",
            "zone",
        ),
        (
            {"extraPodAntiAffinity": {"preferred": [{"weight": 1, "podAffinityTerm": {}}]}},
            "affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution.0.weight",
            1,
        ),
    ],
)
async def test_options_reach_the_pod(spawner, singleuser, path, expected):
    found = (await pod_of(spawner(singleuser)))["spec"]
    for level in path.split("."):
        found = found[int(level)] if level.isdigit() else found.get(level)
    assert found == expected


@pytest.mark.parametrize(
    ("singleuser", "trait", "expected"),
    [
        ({"podNameTemplate": "p-{user_server}"}, "pod_name_template", "p-{user_server}"),
        ({"startTimeout": 9}, "start_timeout", 9),
        ({"events": False}, "events_enabled", False),
        ({"defaultUrl": "/lab"}, "default_url", "/lab"),
        ({"allowPrivilegeEscalation": None}, "allow_privilege_escalation", None),
        ({"extraLabels": {"a": "b"}}, "extra_labels", {"a": "b"}),
        ({"extraAnnotations": {"a": "b"}}, "extra_annotations", {"a": "b"}),
        ({"profileList": [{"display_name": "x"}]}, "profile_list", [{"display_name": "x"}]),
        ({"storage": {"extraLabels": {"a": "b"}}}, "storage_extra_labels", {"a": "b"}),
        ({"storage": {"capacity": "1Gi"}}, "storage_capacity", "1Gi"),
        ({"storage": {"dynamic": {"storageClass": ""}}}, "storage_class", ""),
        ({"storage": {"dynamic": {"pvcNameTemplate": "c-{x}"}}}, "pvc_name_template", "c-{x}"),
        (
            {"storage": {"dynamic": {"storageAccessModes": ["ReadWriteMany"]}}},
            "storage_access_modes",
            ["ReadWriteMany"],
        ),
    ],
)
def test_options_reach_the_spawner(make, singleuser, trait, expected):
    c = Config()
    configure_spawner(c, make(singleuser))
    assert (c.Spawner | c.KubeSpawner)[trait] == expected
    # The trait exists, and takes the value.
    assert KubeSpawner.class_traits()[trait].metadata["config"] is True


@pytest.mark.parametrize(
    ("purpose", "required", "preferred"), [("require", 2, 1), ("prefer", 1, 2), ("ignore", 1, 1)]
)
def test_node_purpose(make, purpose, required, preferred):
    affinity = {"required": [{"matchFields": []}], "preferred": [{"weight": 1}]}
    scheduling = {"userPods": {"nodeAffinity": {"matchNodePurpose": purpose}}}
    c = Config()
    configure_spawner(c, make({"extraNodeAffinity": affinity}, scheduling=scheduling))
    assert len(c.KubeSpawner.node_affinity_required) == required
    assert len(c.KubeSpawner.node_affinity_preferred) == preferred


def test_an_unknown_node_purpose_is_refused(make):
    scheduling = {"userPods": {"nodeAffinity": {"matchNodePurpose": "maybe"}}}
    with pytest.raises(BadValuesError, match=r"matchNodePurpose: 'maybe' is none of ignore"):
        configure_spawner(Config(), make(scheduling=scheduling))


async def test_priority_and_tolerations_of_all_user_pods(spawner):
    scheduling = {
        "podPriority": {"enabled": True},
        "userPods": {"tolerations": [{"key": "all", "operator": "Exists"}]},
    }
    extra = {"extraTolerations": [{"key": "more", "operator": "Exists"}]}
    spec = (await pod_of(spawner(extra, scheduling=scheduling)))["spec"]
    assert spec["priorityClassName"] == "rel-default-priority"
    assert [toleration["key"] for toleration in spec["tolerations"]] == ["all", "more"]


async def test_pull_secrets_come_from_every_place_once(spawner):
    pod = await pod_of(
        spawner(
            {"image": {"pullSecrets": ["image", "chart"]}},
            imagePullSecret={"create": True, "automaticReferenceInjection": True},
            imagePullSecrets=["chart", {"name": "mapping"}],
            **{"global": {"imagePullSecrets": ["global"]}},
        )
    )
    names = [secret["name"] for secret in pod["spec"]["imagePullSecrets"]]
    assert names == ["image-pull-secret", "chart", "mapping", "global", "image"]


@pytest.mark.parametrize(
    ("image", "registry", "expected"),
    [
        ({"name": "traefik", "tag": "v3"}, None, "traefik:v3"),
        ({"name": "a/b", "tag": "sha256:abc"}, None, "a/b@sha256:abc"),
        ({"name": "a/b", "tag": 1}, "local:5000/", "local:5000/a/b:1"),
        ({"name": "quay.io/a/b", "tag": "1"}, "local", "local/a/b:1"),
        ({"name": "localhost/b", "tag": None}, "local", "local/b"),
        ({"name": "", "tag": "1"}, "local", ""),
    ],
)
def test_image_reference(image, registry, expected):
    values = Values({"global": {"imageRegistry": registry}, "some": {"image": image}})
    assert image_reference(values, "some.image") == expected


async def test_cloud_metadata_is_blocked_last(spawner):
    singleuser = {
        "initContainers": [{"name": "first", "image": "i"}],
        "cloudMetadata": {"blockWithIptables": True, "ip": "169.254.0.1"},
        "networkTools": {
            "image": {"pullPolicy": "Always", "pullSecrets": ["tools"]},
            "resources": {"limits": {"cpu": "1"}},
        },
    }
    spec = (await pod_of(spawner(singleuser)))["spec"]
    first, block = spec["initContainers"]
    assert first["name"] == "first"
    assert block["image"] == "tools:2"
    assert block["imagePullPolicy"] == "Always"
    assert "169.254.0.1" in block["command"]
    assert block["securityContext"]["capabilities"] == {"add": ["NET_ADMIN"]}
    assert block["securityContext"]["privileged"] is True
    assert block["resources"] == {"limits": {"cpu": "1"}}
    assert spec["imagePullSecrets"] == [{"name": "tools"}]


REFERENCE = {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"A": "x", "E": None}, {"A": "x", "E": ""}),
        ({"A": REFERENCE}, {"A": REFERENCE}),
        (
            [{"name": "A", "value": "x"}, {"name": "B", **REFERENCE}],
            {"A": "x", "B": {"name": "B", **REFERENCE}},
        ),
    ],
)
async def test_environment(spawner, given, expected):
    made = spawner({"extraEnv": given})
    assert made.environment == expected
    container = (await pod_of(made))["spec"]["containers"][0]
    assert {entry["name"] for entry in container["env"]} == set(expected)


def test_every_environment_value_that_is_no_text_is_named(make):
    with pytest.raises(BadValuesError) as caught:
        configure_environment(Config(), make({"extraEnv": {"N": 1e6, "B": True, "T": "x"}}))
    assert caught.value.problems == [
        f"singleuser.extraEnv.{name}: a text is needed, so write it in quotes" for name in "NB"
    ]


@pytest.mark.parametrize("given", [[{"value": "nameless"}], "text", ["A=1"]])
def test_an_environment_of_another_kind_is_refused(make, given):
    with pytest.raises(BadValuesError, match=r"singleuser\.extraEnv"):
        configure_environment(Config(), make({"extraEnv": given}))
