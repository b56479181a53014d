"""From the chart of an earlier commit to this one, with users at work."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from tests.e2e.cluster.settings import ROOT, Cluster
from tests.support.hub_session import HubSession, close, execute

from .kube import Kube
from .load.logins import PASSWORD
from .release import Release

pytestmark = [
    pytest.mark.quick,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
]


def earlier() -> str:
    """The last release's tag; as long as there is none, the commit before this one."""
    if given := os.environ.get("E2E_UPGRADE_FROM"):
        return given
    tags = _git("tag", "--list", "v*", "--sort=-v:refname").split()
    return tags[0] if tags else "HEAD~1"


def _git(*words: str) -> str:
    command = ["git", "-C", str(ROOT), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def chart_of(commit: str, folder: Path) -> Path:
    """The chart as that commit has it."""
    archive = folder / "chart.tar"
    _git("archive", f"--output={archive}", commit, "chart")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / "chart"


async def test_servers_secrets_and_kernels_outlive_the_upgrade(
    cluster: Cluster, tmp_path: Path
) -> None:
    kube = Kube(cluster.kubeconfig, "upgrade")
    release = Release(kube, "upgrade")
    release.prepare()
    release.chart = chart_of(earlier(), tmp_path)
    release.upgrade()
    session = HubSession(release.url, "grace", PASSWORD)
    await session.login_when_ready()
    await session.start_server(120)
    server = kube.get("pod", "jupyter-grace")["metadata"]["uid"]
    secrets = {name: kube.secret(name) for name in ("hub", "proxy-etcd-ca", "proxy-etcd-root")}
    kernel = await session.start_kernel()
    channels = await session.open_channels(kernel)
    assert await execute(channels, "x = 41; print(x)") == "41\n"
    await close(channels)

    release.chart = ROOT / "chart"
    release.upgrade()
    release.settle()

    assert kube.get("pod", "jupyter-grace")["metadata"]["uid"] == server
    assert {name: kube.secret(name) for name in secrets} == secrets
    # The kernel has kept what it knew, and the user is still logged in.
    channels = await session.open_channels(kernel)
    assert await execute(channels, "print(x + 1)") == "42\n"
    await close(channels)
    kube.run("helm", "uninstall", release.name, "--wait")
    kube.kubectl("delete", "namespace", kube.namespace, "--wait=false")
