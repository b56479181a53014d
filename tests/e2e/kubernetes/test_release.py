"""What users and administrators of a release on Kubernetes rely on."""

from __future__ import annotations

import time

import pytest
import yaml
from tests.e2e.cluster.settings import ROOT
from tests.support.hub_session import HubSession

from .kube import Kube, until
from .load.logins import PASSWORD
from .measure import Table
from .release import Release, chart_values

WRITE = "open('kept.txt', 'w').write('still here'); print('written')"

pytestmark = [
    pytest.mark.quick,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(400),
]


async def test_a_user_runs_a_cell_and_finds_the_files_after_a_restart(release: Release) -> None:
    """Login through the public Service, a pod of KubeSpawner's, a websocket, a volume."""
    session = HubSession(release.url, "ada", PASSWORD)
    await session.login_when_ready()
    await session.start_server(120)
    assert await session.run_cell(WRITE) == "written\n"
    pod = release.kube.get("pod", "jupyter-ada")
    assert pod["spec"]["containers"][0]["image"].startswith(_singleuser_image())
    api = f"{release.url}hub/api/users/ada/server"
    assert (await session.fetch(api, "DELETE")).code in {202, 204}
    until("the pod is still there", lambda: not _pods(release.kube, "jupyter-ada"), 90)
    await session.start_server(120)
    assert await session.run_cell("print(open('kept.txt').read())") == "still here\n"
    assert (await session.fetch(api, "DELETE")).code in {202, 204}


async def test_the_package_comes_from_the_chart(release: Release) -> None:
    code = "import jupyterhub_ha, sys; print(jupyterhub_ha.__file__, jupyterhub_ha.__version__)"
    said = release.kube.kubectl(
        "exec",
        "deployment/hub",
        "--",
        "env",
        "PYTHONPATH=/usr/local/etc/jupyterhub",
        "python3",
        "-c",
        code,
    )
    version = yaml.safe_load((ROOT / "chart/Chart.yaml").read_text())["version"]
    assert said.split() == ["/usr/local/etc/jupyterhub/jupyterhub_ha/__init__.py", version]


async def test_an_upgrade_without_a_change_restarts_nothing(release: Release) -> None:
    before = _uids(release.kube)
    secrets = {name: release.kube.secret(name) for name in _secret_names(release.kube)}
    manifest = release.kube.run("helm", "get", "manifest", release.name)
    release.upgrade()
    assert _uids(release.kube) == before
    assert release.kube.run("helm", "get", "manifest", release.name) == manifest
    assert {name: release.kube.secret(name) for name in secrets} == secrets


async def test_all_pods_are_as_the_restricted_standard_asks(release: Release) -> None:
    """The namespace enforces it, so pods are there; and no pod but the hub speaks to the API."""
    namespace = release.kube.get("namespace", release.kube.namespace)
    enforced = namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    assert enforced == "restricted"
    with_token = set()
    for pod in release.kube.get("pods", "-l", "app=jupyterhub")["items"]:
        component = pod["metadata"]["labels"]["component"]
        for container in pod["spec"]["containers"]:
            mounts = [mount["mountPath"] for mount in container.get("volumeMounts", [])]
            if any("kubernetes.io/serviceaccount" in path for path in mounts):
                with_token.add(component)
            if component.startswith("proxy"):
                assert container["securityContext"]["readOnlyRootFilesystem"] is True, component
    assert with_token == {"hub"}


async def test_replicas_and_members_are_spread_over_the_nodes(release: Release) -> None:
    for component in ("proxy", "proxy-etcd"):
        nodes = [pod["spec"]["nodeName"] for pod in release.kube.pods(component)]
        assert len(set(nodes)) == len(nodes) == 3, (component, nodes)


async def test_etcd_that_lost_everything_is_filled_again(release: Release) -> None:
    """All members and their volumes at once, without a snapshot: the hub rebuilds the table."""
    table = Table(release.kube)
    routes = set(await table.revisions())
    assert routes
    kubectl = release.kube.kubectl
    kubectl("delete", "statefulset", "proxy-etcd", "--cascade=orphan")
    kubectl("delete", "pod", "-l", "component=proxy-etcd", "--grace-period=1")
    kubectl("delete", "pvc", "-l", "component=proxy-etcd")
    release.upgrade()
    kubectl("create", "job", "--from=cronjob/proxy-etcd-setup-repeat", "set-up-again")
    kubectl("wait", "--for=condition=complete", "job/set-up-again", "--timeout=120s")
    start = time.monotonic()
    while set(await table.revisions()) != routes:
        assert time.monotonic() - start < 120, "the hub did not fill etcd"


def _singleuser_image() -> str:
    return str(chart_values()["singleuser"]["image"]["name"])


def _pods(kube: Kube, name: str) -> list[str]:
    found = kube.get("pods")["items"]
    return [pod["metadata"]["name"] for pod in found if pod["metadata"]["name"] == name]


def _uids(kube: Kube) -> set[str]:
    found = kube.get("pods", "-l", "app=jupyterhub")["items"]
    return {pod["metadata"]["uid"] for pod in found if pod["status"]["phase"] == "Running"}


def _secret_names(kube: Kube) -> list[str]:
    names = [item["metadata"]["name"] for item in kube.get("secrets")["items"]]
    return [name for name in names if not name.startswith("sh.helm")]
