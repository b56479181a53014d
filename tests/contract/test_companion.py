"""What `proxy-gen z2jh` prints makes another hub's configuration that loads.

Zero to JupyterHub itself is not here. What of it counts is stood in for: it mounts
`hub.extraVolumes`, sets `hub.extraEnv`, and runs `hub.extraConfig` in the configuration.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from tests.chart.test_hub_config_loads import LOADER
from tests.support.chart import ROOT, render

from proxy_gen import certificates
from proxy_gen.cli import main
from proxy_gen.errors import UsageError
from proxy_gen.host import Workloads
from proxy_gen.mounts import Objects, write_mounts

# As Z2JH's files/hub/jupyterhub_config.py does it.
FOREIGN_CONFIG = """
c = get_config()
import os, sys, yaml
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.JupyterHub.hub_connect_url = "http://hub:8081"
with open(os.path.join(os.path.dirname(__file__), "extra.yaml")) as file:
    for name, code in sorted(yaml.safe_load(file).items()):
        exec(code)
"""

# Where the pod has package and certificates.
FOLDER = "/usr/local/etc/jupyterhub-ha"

# The traits as the class sees them, with its defaults from the environment.
TRAITS = """
proxy = app.proxy_class(parent=app)
print()
json.dump({name: getattr(proxy, name) for name in proxy.trait_names(config=True)}, sys.stdout,
          default=repr)
"""


def printed(file, namespace):
    """What `proxy-gen z2jh` prints for the proxy's values."""
    done = CliRunner().invoke(main, ["z2jh", str(file), "-n", namespace, "--quiet"])
    assert done.exit_code == 0, done.output
    return yaml.safe_load(done.stdout)


def load(config_file, env, code=LOADER):
    """What JupyterHub makes of a configuration, in a process of its own: one JSON a line."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(config_file)],
        capture_output=True,
        text=True,
        cwd=config_file.parent,
        env={**{k: v for k, v in os.environ.items() if k != "JUPYTERHUB_HA_CONFIG_DIR"}, **env},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


class ForeignHub:
    """The pod of a hub that is not ours, with the printed values."""

    def __init__(self, root, values, namespace, hub_namespace="jhub"):
        (root / "companion.yaml").write_text(yaml.safe_dump(values))
        self.hub = printed(root / "companion.yaml", namespace)["hub"]
        self.folder, self.mounted = root, root / FOLDER.lstrip("/")
        rendered = render(values, "--namespace", namespace, release="companion")
        # A pod mounts what is in its own namespace.
        objects = [
            made
            for made in rendered.objects
            if made["metadata"].get("namespace", namespace) == hub_namespace
        ]
        self.objects = Objects(objects)
        container = {"volumeMounts": self.hub["extraVolumeMounts"]}
        spec = {"volumes": self.hub["extraVolumes"], "containers": [container]}
        write_mounts(self.objects, {"spec": {"template": {"spec": spec}}}, root)
        # On this machine the pod's root is a folder.
        codes = self.hub["extraConfig"].items()
        here = {name: code.replace(FOLDER, str(self.mounted)) for name, code in codes}
        (root / "jupyterhub_config.py").write_text(FOREIGN_CONFIG)
        (root / "extra.yaml").write_text(yaml.safe_dump(here))

    def env(self):
        """The printed variables, as the kubelet would fill them."""
        filled = {}
        for name, value in self.hub["extraEnv"].items():
            if isinstance(value, dict):
                source = value["valueFrom"]["secretKeyRef"]
                value = self.objects.data("Secret", source["name"])[source["key"]].decode()
            filled[name] = value
        return filled

    def loaded(self):
        """What JupyterHub makes of the configuration."""
        return load(self.folder / "jupyterhub_config.py", self.env(), LOADER + TRAITS)


@pytest.mark.parametrize(
    ("external", "namespace", "domain"),
    [({}, "jhub", ""), ({"namespace": "jhub"}, "edge", ".edge.svc")],
    ids=["same-namespace", "another-namespace"],
)
def test_the_other_hub_gets_our_proxy(tmp_path, external, namespace, domain):
    values = {
        "fullnameOverride": "companion",
        "hub": {"enabled": False, "external": external},
        "proxy": {"traefik": {"api": {"password": "an-api-password"}}},
    }
    hub = ForeignHub(tmp_path, values, namespace)
    loaded, traits = hub.loaded()
    assert loaded["package"] == str(hub.mounted / "jupyterhub_ha/__init__.py")
    assert loaded["proxy_class"] == "TraefikEtcdProxy"
    assert loaded["unknown"] == []
    assert traits["should_start"] is False
    etcd = "companion-proxy-etcd"
    assert traits["endpoints"] == [f"https://{etcd}-{n}.{etcd}{domain}:2379" for n in range(3)]
    assert traits["replica_urls"] == [f"http://companion-proxy-replicas{domain}:8080"]
    assert (traits["username"], traits["api_username"]) == ("hub", "hub")
    assert traits["max_txn_ops"] == 4096
    assert traits["api_password"] == "an-api-password"
    assert len(traits["password"]) == 48
    for trait, words in (("ca_file", "CERTIFICATE-----"), ("key_file", "PRIVATE KEY-----")):
        assert words in Path(traits[trait]).read_text()
    # What the hub's own routes lead to must be a name that Traefik knows.
    there = "http://hub.jhub.svc:8081" if external else "http://hub:8081"
    assert loaded["config"]["JupyterHub"]["hub_connect_url"] == there


def test_a_hub_of_this_chart_gets_it_too(tmp_path):
    """With `proxy.kind: external`, as a release beside the proxy's in one namespace."""
    example = ROOT / "values-examples/companion.yaml"
    ours = printed(example, "jhub")
    hub = render({**ours, "proxy": {"kind": "external"}}, "--namespace", "jhub")
    proxy = render(yaml.safe_load(example.read_text()), "--namespace", "jhub", release="companion")
    objects = Objects([*hub.objects, *proxy.objects])
    write_mounts(objects, hub.get("Deployment", "hub"), tmp_path)
    config = tmp_path / "usr/local/etc/jupyterhub/jupyterhub_config.py"
    (loaded,) = load(config, {"POD_NAMESPACE": "jhub"})
    assert loaded["proxy_class"] == "TraefikEtcdProxy"
    assert loaded["unknown"] == []
    assert len(loaded["config"]["TraefikEtcdProxy"]["endpoints"]) == 3


def test_a_host_runs_no_proxy_without_a_hub(tmp_path):
    file = ROOT / "values-examples/companion.yaml"
    options = ["--target", "host", "-o", str(tmp_path)]
    done = CliRunner().invoke(main, ["render", str(file), *options])
    assert done.exit_code == 2
    assert "hub.enabled: a host has a hub, too; remove it" in done.output
    with pytest.raises(UsageError, match=r"hub\.enabled: .* remove the others"):
        Workloads.of(Objects(render(yaml.safe_load(file.read_text())).objects))


def test_etcds_certificate_has_the_names_that_the_hub_uses(tmp_path):
    values = {
        "fullnameOverride": "companion",
        "hub": {"enabled": False, "external": {"namespace": "jhub"}},
    }
    rendered = render(values, "--namespace", "edge", release="companion")
    certificate = rendered.secret("companion-proxy-etcd-server")["tls.crt"]
    hub = ForeignHub(tmp_path, values, "edge")
    _, traits = hub.loaded()
    names = {url.removeprefix("https://").removesuffix(":2379") for url in traits["endpoints"]}
    assert len(names) == 3
    assert names <= set(certificates.read(certificate).sans)
