"""The rendered hub's files, written as its pod would see them, make a configuration that loads.

The process that loads it finds the package in the mounted folder, as the pod does, and not in this
checkout.
"""

import json
import os
import subprocess
import sys

import pytest
from tests.support.chart import render

from proxy_gen.mounts import Objects, write_mounts

LOADER = """
import json, sys
from traitlets.config import PyFileConfigLoader

# Before JupyterHub looks for installed proxies, which would import an installed package.
config = PyFileConfigLoader(sys.argv[1]).load_config()

from jupyterhub.app import JupyterHub
from jupyterhub.crypto import CryptKeeper
from kubespawner import KubeSpawner

app = JupyterHub(config=config)
# Every section of a class that there is has to fit that class.
unknown = [
    f"{cls.__name__}.{trait}"
    for cls in (JupyterHub, KubeSpawner, CryptKeeper, app.proxy_class, app.authenticator_class)
    for trait in app.config.get(cls.__name__, {})
    if trait not in cls.class_traits(config=True)
]
import jupyterhub_ha
json.dump({
    "package": jupyterhub_ha.__file__,
    "proxy_class": app.proxy_class.__name__,
    "authenticator_class": app.authenticator_class.__name__,
    "spawner_class": app.spawner_class.__name__,
    "unknown": unknown,
    "config": app.config,
}, sys.stdout, default=repr)
"""


class Hub:
    """A hub's mounted folder, and what JupyterHub makes of it."""

    def __init__(self, root, values):
        rendered = render(values)
        write_mounts(Objects(rendered.objects), rendered.get("Deployment", "hub"), root)
        self.folder = root / "usr/local/etc/jupyterhub"
        self.work = root

    def run(self):
        """Load the configuration in a process of its own."""
        config_file = self.folder / "jupyterhub_config.py"
        env = {**os.environ, "POD_NAMESPACE": "hubs", "CONFIGPROXY_AUTH_TOKEN": "x"}
        env.pop("JUPYTERHUB_HA_CONFIG_DIR", None)
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-c", LOADER, str(config_file)],
            capture_output=True,
            text=True,
            cwd=self.work,
            env=env,
            timeout=60,
        )

    def loaded(self):
        """What was loaded; fails with the process's words when nothing was."""
        done = self.run()
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("kind", "proxy_class"),
    [
        ("traefik-etcd", "TraefikEtcdProxy"),
        ("chp", "ConfigurableHTTPProxy"),
        ("in-process", "InProcessProxy"),
    ],
)
def test_the_default_hub(tmp_path, kind, proxy_class):
    hub = Hub(tmp_path, {"proxy": {"kind": kind}})
    loaded = hub.loaded()
    assert loaded["package"] == str(hub.folder / "jupyterhub_ha/__init__.py")
    assert loaded["proxy_class"] == proxy_class
    assert loaded["spawner_class"] == "KubeSpawner"
    assert loaded["unknown"] == []
    proxy = loaded["config"].get(proxy_class, {})
    # What runs in a pod of its own is not the hub's to start.
    assert proxy.get("should_start", True) is (kind == "in-process")
    if kind == "traefik-etcd":
        assert proxy["endpoints"] == [f"https://proxy-etcd-{n}.proxy-etcd:2379" for n in range(3)]
        assert proxy["ca_file"] == str(hub.folder / "etcd/ca.crt")
        assert "BEGIN CERTIFICATE" in (hub.folder / "etcd/tls.crt").read_text()
        assert proxy["password"] == (hub.folder / "etcd/password").read_text()
        assert proxy["api_password"] == (hub.folder / "proxy-api/hub-password").read_text()
    spawner = loaded["config"]["KubeSpawner"]
    assert spawner["namespace"] == "hubs"
    assert spawner["common_labels"]["app"] == "jupyterhub"
    assert spawner["image"].startswith("quay.io/jupyterhub/k8s-singleuser-sample:")
    assert spawner["init_containers"][0]["name"] == "block-cloud-metadata"


COURSE = {
    "hub": {
        "config": {
            "JupyterHub": {"authenticator_class": "dummy", "admin_access": True},
            "DummyAuthenticator": {"password": "geheim"},
            "Authenticator": {"admin_users": ["teacher"], "allow_all": True},
            "KubeSpawner": {"k8s_api_request_timeout": 10},
        },
        "allowNamedServers": True,
        "db": {"pvc": {"storage": "2Gi"}},
        "extraEnv": {"COURSE": "intro"},
        "extraConfig": {
            "00-later": "order = []\norder.append('00')\nassert c.JupyterHub.base_url == '/'",
            "10-z2jh": (
                "from z2jh import get_config, get_name, get_name_env, get_secret_value\n"
                "from z2jh import set_config_if_not_none\n"
                "c.JupyterHub.template_vars = {'course': get_config('custom.course.title')}\n"
                "assert get_config('custom.nothing', 'x') == 'x'\n"
                "assert get_name('proxy-public') == 'proxy-public'\n"
                "assert get_secret_value('hub.config.JupyterHub.cookie_secret')\n"
                "set_config_if_not_none(c.KubeSpawner, 'start_timeout', 'custom.startTimeout')\n"
                "order.append('10')\n"
            ),
            "20-hook": (
                "import os\n"
                "async def hook(spawner):\n"
                "    spawner.environment['USER_ID'] = spawner.user.name\n"
                "c.KubeSpawner.pre_spawn_hook = hook\n"
                "c.KubeSpawner.volume_mounts['extra'] = {'name': 'x', 'mountPath': '/x'}\n"
                "order.append('20')\n"
                "c.JupyterHub.template_vars['order'] = order\n"
            ),
        },
        "extraFiles": {
            "more": {
                "mountPath": "/usr/local/etc/jupyterhub/jupyterhub_config.d/more.py",
                "stringData": "c.JupyterHub.named_server_limit_per_user = 3\n",
            }
        },
        "services": {"grader": {"url": "http://grader:8000", "display": False}},
        "loadRoles": {"grader": {"scopes": ["list:users"], "services": ["grader"]}},
    },
    "custom": {"course": {"title": "Introduction"}, "startTimeout": 77},
    "singleuser": {
        "defaultUrl": "/lab",
        "memory": {"limit": "2G", "guarantee": "1G"},
        "cpu": {"limit": 2, "guarantee": 0.1},
        "extraEnv": {"GRANT_SUDO": "no"},
        "storage": {
            "capacity": "5Gi",
            "extraVolumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
            "extraVolumeMounts": [{"name": "data", "mountPath": "/data", "readOnly": True}],
        },
        "profileList": [
            {"display_name": "Small", "default": True},
            {"display_name": "Large", "kubespawner_override": {"mem_limit": "8G"}},
        ],
        "extraFiles": {"page": {"mountPath": "/etc/page.json", "data": {"a": 1}}},
    },
    "cull": {"timeout": 1800, "maxAge": 86400},
    "scheduling": {"userScheduler": {"enabled": False}},
    "prePuller": {"hook": {"enabled": False}, "continuous": {"enabled": False}},
}


def test_a_course_as_written_for_z2jh(tmp_path):
    loaded = Hub(tmp_path, COURSE).loaded()
    config = loaded["config"]
    assert loaded["unknown"] == []
    assert loaded["authenticator_class"] == "DummyAuthenticator"
    assert config["Authenticator"]["admin_users"] == ["teacher"]
    hub, spawner = config["JupyterHub"], config["KubeSpawner"]
    assert hub["template_vars"] == {"course": "Introduction", "order": ["00", "10", "20"]}
    assert hub["named_server_limit_per_user"] == 3
    assert [service["name"] for service in hub["services"]] == ["grader", "jupyterhub-idle-culler"]
    assert len(hub["services"][0]["api_token"]) == 64
    assert [role["name"] for role in hub["load_roles"]] == ["grader", "jupyterhub-idle-culler"]
    assert spawner["start_timeout"] == 77
    assert spawner["k8s_api_request_timeout"] == 10
    assert spawner["volume_mounts"]["extra"] == {"name": "x", "mountPath": "/x"}
    assert spawner["volume_mounts"]["0-data"]["mountPath"] == "/data"
    assert spawner["volumes"]["files"]["secret"]["secretName"] == "singleuser"
    assert spawner["mem_limit"] == "2G"
    assert spawner["profile_list"][1]["kubespawner_override"] == {"mem_limit": "8G"}


def test_a_secret_of_ones_own_wins(tmp_path):
    hub = Hub(tmp_path, {})
    own = hub.folder / "existing-secret"
    own.mkdir()
    (own / "values.yaml").write_text("hub: {config: {GitHubOAuthenticator: {client_id: mine}}}")
    (own / "hub.config.JupyterHub.cookie_secret").write_text("cd" * 32)
    config = hub.loaded()["config"]
    assert config["GitHubOAuthenticator"] == {"client_id": "mine"}
    assert config["JupyterHub"]["cookie_secret"] == "cd" * 32


@pytest.mark.parametrize(
    ("hub", "text"),
    [
        (
            {"extraConfig": {"broken": "x = 1\nx / 0\n"}},
            'File "hub.extraConfig.broken", line 2',
        ),
        ({"db": {"type": "sqlite-memory", "password": "x"}}, "hub.db.password: has no effect"),
    ],
)
def test_what_cannot_work_stops_the_hub_with_its_place(tmp_path, hub, text):
    done = Hub(tmp_path, {"hub": hub}).run()
    assert done.returncode != 0
    assert text in done.stderr
