"""The container that installs kernels for all users; KubeSpawner itself makes the pod."""

import json

import pytest
from kubernetes_asyncio.client import ApiClient
from kubespawner import KubeSpawner
from traitlets.config import Config

from jupyterhub_ha.spawner_kernels import JUPYTER_PATH, configure_kernels, jupyter_path
from jupyterhub_ha.values import Mounts, Values

KERNEL = {"name": "octave", "package": "octave_kernel==1.1.1"}


@pytest.fixture
def spawner(tmp_path, monkeypatch):
    """A real KubeSpawner from values; only its connection to a cluster is left out."""
    monkeypatch.setattr("kubespawner.spawner.load_config", lambda **_: None)
    monkeypatch.setattr("kubespawner.spawner.shared_client", lambda _: None)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/singleuser-kernels").write_text("x-singleuser-kernels")

    def build(environment=None, **singleuser):
        c = Config()
        c.KubeSpawner.image = "image:1"
        c.KubeSpawner.init_containers = [{"name": "block-cloud-metadata", "image": "tools"}]
        c.KubeSpawner.volumes = {"home": {"name": "home", "emptyDir": {}}}
        c.KubeSpawner.volume_mounts = {"home": {"name": "home", "mountPath": "/home"}}
        if environment:
            c.KubeSpawner.environment = environment
        data = {"singleuser": {"kernels": [KERNEL], **singleuser}}
        configure_kernels(c, Values(data, Mounts(tmp_path)))
        return KubeSpawner(config=c, _mock=True)

    return build


async def pod_of(spawner):
    spawner.get_env = lambda: dict(spawner.environment)
    pod = await spawner.get_pod_manifest()
    if spawner.modify_pod_hook:
        pod = spawner.modify_pod_hook(spawner, pod)
    # Its constructor opens a session to the API server, which is not wanted here.
    serializer = ApiClient.__new__(ApiClient)
    return json.loads(json.dumps(serializer.sanitize_for_serialization(pod)))


async def test_the_container_comes_after_the_others_and_the_user_can_only_read(spawner):
    spec = (await pod_of(spawner(uid=1000)))["spec"]
    first, container = spec["initContainers"]
    assert first["name"] == "block-cloud-metadata"
    assert container["command"] == [
        "python3",
        "/opt/jupyterhub-ha/install/install_kernels.py",
        "/opt/jupyterhub-ha/install/kernels.json",
        "/opt/jupyterhub-ha/kernels",
    ]
    mounts = {mount["name"]: mount for mount in spec["containers"][0]["volumeMounts"]}
    assert mounts["install-kernels"]["readOnly"] is True
    assert "install-kernels-script" not in mounts
    assert {m["name"] for m in container["volumeMounts"]} == {
        "install-kernels",
        "install-kernels-script",
    }
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert volumes["install-kernels-script"]["configMap"]["name"] == "x-singleuser-kernels"
    assert volumes["install-kernels"]["emptyDir"] == {}
    assert {"name": "JUPYTER_PATH", "value": JUPYTER_PATH} in spec["containers"][0]["env"]


@pytest.mark.parametrize(("uid", "user"), [(1000, {"runAsUser": 1000, "runAsNonRoot": True})])
async def test_it_fits_the_restricted_pod_security_standard(spawner, uid, user):
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/"""
    _, container = (await pod_of(spawner(uid=uid)))["spec"]["initContainers"]
    assert container["securityContext"] == {
        **user,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


@pytest.mark.parametrize("uid", [None, 0])
async def test_an_image_with_a_user_of_its_own_is_not_refused(spawner, uid):
    _, container = (await pod_of(spawner(uid=uid)))["spec"]["initContainers"]
    assert "runAsUser" not in container["securityContext"]
    assert "runAsNonRoot" not in container["securityContext"]


async def test_it_is_the_image_that_the_profile_chose_with_its_resources(spawner):
    one = spawner()
    one.image, one.image_pull_policy, one.mem_limit = "chosen:2", "Always", "2G"
    _, container = (await pod_of(one))["spec"]["initContainers"]
    assert container["image"] == "chosen:2"
    assert container["imagePullPolicy"] == "Always"
    assert container["resources"]["limits"]["memory"] == 2 * 1024**3


async def test_without_the_hook_it_is_the_image_of_the_values(spawner):
    one = spawner()
    one.modify_pod_hook = None
    _, container = (await pod_of(one))["spec"]["initContainers"]
    assert container["image"] == "image:1"


async def test_only_what_pip_reads_reaches_it(spawner):
    reference = {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    environment = {
        "PIP_INDEX_URL": "https://pypi.example.org/simple",
        "PIP_CLIENT_CERT": reference,
        "https_proxy": "http://proxy:3128",
        "HTTP_PROXY": "http://proxy:3128",
        "SSL_CERT_FILE": "/ca.pem",
        "API_KEY": "of the user's",
        "MY_PIP_X": "x",
    }
    _, container = (await pod_of(spawner(environment)))["spec"]["initContainers"]
    found = {one.pop("name"): one for one in container["env"]}
    assert set(found) == set(environment) - {"API_KEY", "MY_PIP_X"}
    assert found["PIP_CLIENT_CERT"] == reference
    assert found["SSL_CERT_FILE"] == {"value": "/ca.pem"}


async def test_without_kernels_nothing_changes(spawner):
    spec = (await pod_of(spawner(kernels=[])))["spec"]
    assert [container["name"] for container in spec["initContainers"]] == ["block-cloud-metadata"]
    assert spec["containers"][0]["env"] == []
    assert [volume["name"] for volume in spec["volumes"]] == ["home"]


@pytest.mark.parametrize(
    ("given", "whole"),
    [
        ({}, "/k"),
        ({"JUPYTER_PATH": "/a:/b"}, "/k:/a:/b"),
        ({"JUPYTER_PATH": ""}, "/k"),
        ({"JUPYTER_PATH": {"valueFrom": {}}}, "/k"),
    ],
)
def test_a_path_that_is_there_is_kept(given, whole):
    assert jupyter_path(given, "/k") == whole
