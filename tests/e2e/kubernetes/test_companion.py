"""A hub that runs configurable-http-proxy is given to a companion and taken back, as users work.

Zero to JupyterHub's chart cannot be had here. This chart with `proxy.kind: chp` stands in for it:
it has the same names, labels, policies and values, and a release of its own.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.e2e.cluster.settings import ROOT
from tests.support.kept_kernel import Keeper
from tests.support.processes import VENV_BIN

from .kube import Kube

pytestmark = [
    pytest.mark.quick,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(900),
]

CHART = str(ROOT / "chart")
SMALL = Path(__file__).parent / "values/small.yaml"
EXAMPLE = ROOT / "values-examples/companion.yaml"
PASSWORD = "a-password-of-the-test"
HUB: dict[str, Any] = {
    "proxy": {"kind": "chp"},
    "hub": {
        "config": {
            "JupyterHub": {"authenticator_class": "dummy"},
            "DummyAuthenticator": {"password": PASSWORD},
            "Authenticator": {"allow_all": True},
        },
        "db": {"pvc": {"storageClassName": "standard"}},
        # Stands for lists of one's own, which must not get lost.
        "extraVolumes": [{"name": "mine", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "mine", "mountPath": "/mine"}],
    },
    "singleuser": {
        "storage": {"type": "none"},
        "cloudMetadata": {"blockWithIptables": False},
        "memory": {"guarantee": "128M"},
    },
    "cull": {"enabled": False},
}
# One member: how etcd dies is another test's matter.
ETCD = {"proxy": {"etcd": {"replicas": 1, "storage": {"type": "memory"}}}}


class Pair:
    """The hub's release and the proxy's, each in a namespace."""

    def __init__(self, kube: Kube, folder: Path, proxy_namespace: str) -> None:
        self.hub = Kube(kube.kubeconfig, "z2jh")
        self.proxy = Kube(kube.kubeconfig, proxy_namespace)
        self._hub_values, self._printed = folder / "config.yaml", folder / "use-companion.yaml"
        self._etcd = folder / "etcd.yaml"
        self._hub_values.write_text(yaml.safe_dump(HUB))
        self._etcd.write_text(yaml.safe_dump(ETCD))

    def upgrade_hub(self, *, companion: bool) -> None:
        """The hub's release, with or without the printed values."""
        more = [self._printed] if companion else []
        self._helm(self.hub, "hub", SMALL, self._hub_values, *more)
        self.hub.rolled_out("deployment/hub")

    def install_proxy(self) -> None:
        """The proxy's release, and the values that it prints."""
        where = f"hub.external.namespace={self.hub.namespace}"
        files = (SMALL, EXAMPLE, self._etcd)
        self._helm(self.proxy, "companion", *files, options=("--set", where))
        done = subprocess.run(
            [
                *(VENV_BIN / "proxy-gen", "z2jh", *files, "--set", where),
                *("--namespace", self.proxy.namespace),
                *("--z2jh-values", self._hub_values, "--output", self._printed),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def _helm(self, kube: Kube, name: str, *files: Path, options: tuple[str, ...] = ()) -> None:
        words = [word for file in files for word in ("--values", str(file))]
        wait = ("--create-namespace", "--wait", "--timeout=5m")
        kube.run("helm", "upgrade", "--install", name, CHART, *words, *options, *wait)

    def uninstall(self) -> None:
        """Both, and what a user's pod has left."""
        self.proxy.run("helm", "uninstall", "companion", "--wait", "--ignore-not-found")
        self.hub.run("helm", "uninstall", "hub", "--wait", "--ignore-not-found")
        self.hub.kubectl("delete", "pod", "--selector=component=singleuser-server", "--wait")

    def users(self) -> dict[str, str]:
        """The identity of each user's pod."""
        pods = self.hub.pods("singleuser-server")
        return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods}


@pytest.fixture(params=["z2jh", "companion"], ids=["same-namespace", "another-namespace"])
def pair(kube: Kube, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Pair]:
    made = Pair(kube, tmp_path, request.param)
    try:
        yield made
    finally:
        made.uninstall()


def address(kube: Kube, service: str) -> str:
    """The public address of a Service."""
    status = kube.get("service", service)["status"]
    return f"http://{status['loadBalancer']['ingress'][0]['ip']}/"


async def test_switched_over_and_back_without_a_server_restarting(pair: Pair) -> None:
    ada, bob = Keeper("ada", PASSWORD), Keeper("bob", PASSWORD)
    pair.upgrade_hub(companion=False)
    old = address(pair.hub, "proxy-public")
    await ada.begins_at(old, 120)
    pair.install_proxy()
    new = address(pair.proxy, "companion-proxy-public")
    before = pair.users()
    assert list(before) == ["jupyter-ada"]

    stop = asyncio.Event()
    counting = asyncio.create_task(ada.failures_at(old, stop))
    await asyncio.to_thread(pair.upgrade_hub, companion=True)
    stop.set()
    assert await counting == [], "the old proxy goes on with the routes that it has"
    assert await ada.finds_it_at(new)
    await bob.begins_at(new, 120)
    container = pair.hub.pods("hub")[0]["spec"]["containers"][0]
    assert "/mine" in [mount["mountPath"] for mount in container["volumeMounts"]]

    pair.upgrade_hub(companion=False)
    assert await ada.finds_it_at(old)
    assert await bob.finds_it_at(old)
    after = pair.users()
    assert sorted(after) == ["jupyter-ada", "jupyter-bob"]
    assert after["jupyter-ada"] == before["jupyter-ada"]


async def test_nothing_of_the_companion_is_left_in_the_hubs_namespace(pair: Pair) -> None:
    pair.upgrade_hub(companion=False)
    pair.install_proxy()
    pair.proxy.run("helm", "uninstall", "companion", "--wait")
    named = pair.hub.kubectl("get", "secret,configmap,service,deployment", "-o", "name")
    assert "companion" not in named
    assert "deployment.apps/hub" in named
