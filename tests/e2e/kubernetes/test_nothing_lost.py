"""Users work while replicas, nodes, etcd and the hub die, move and are upgraded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.e2e.cluster.settings import Cluster

from . import report
from .conftest import RESULTS
from .faults import CHP_FAULTS, FAULTS, Fault, Scene
from .kube import Kube
from .load.logins import Logins, make_users
from .measure import Measured, Measurement
from .release import TOKEN, USERS, Release
from .usage import Usage, usage

_USAGE_SECONDS = 30.0

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def usages() -> list[Usage]:
    """What the proxy tiers took."""
    return []


@pytest.fixture(scope="module")
def measured(request: pytest.FixtureRequest, usages: list[Usage]) -> Iterator[list[Measured]]:
    """All that the faults have cost so far; written and shown when the last one is over."""
    found: list[Measured] = []
    yield found
    if found:
        folder: Path = request.config.getoption("--lost")
        report.write(found, usages, folder)
        text = report.table([one.row for one in found])
        request.config.stash[RESULTS].append(f"\n{text}also in {folder}\n")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ours(
    request: pytest.FixtureRequest, cluster: Cluster, release: Release, usages: list[Usage]
) -> AsyncIterator[Measurement]:
    """The load at the release with Traefik and etcd."""
    async for measurement in _under_load(request, cluster, release, usages):
        yield measurement


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def peer(
    request: pytest.FixtureRequest, cluster: Cluster, usages: list[Usage]
) -> AsyncIterator[Measurement]:
    """The same load at a release with configurable-http-proxy."""
    kube = Kube(cluster.kubeconfig, "chp")
    release = Release(kube, "peer", {"proxy": {"kind": "chp"}})
    release.prepare()
    release.upgrade()
    async for measurement in _under_load(request, cluster, release, usages):
        yield measurement


async def _under_load(
    request: pytest.FixtureRequest, cluster: Cluster, release: Release, usages: list[Usage]
) -> AsyncIterator[Measurement]:
    await make_users(release.url, TOKEN, USERS)
    quorum = request.config.getoption("--quorum-seconds")
    scene = Scene(cluster, release, quorum, release.url, Logins())
    measurement = Measurement(scene, USERS)
    proxy = "traefik-etcd" if release.is_etcd else "chp"
    usages += await usage(release.kube, proxy, "idle", _USAGE_SECONDS)
    measurement.start()
    await measurement.until_served()
    usages += await usage(release.kube, proxy, "under load", _USAGE_SECONDS)
    yield measurement
    await measurement.stop()


@pytest.mark.parametrize(
    "fault",
    [pytest.param(each, id=each.name, marks=[pytest.mark.quick] * each.quick) for each in FAULTS],
)
async def test_fault(ours: Measurement, measured: list[Measured], fault: Fault) -> None:
    found = await ours.during(fault)
    measured.append(found)
    assert not found.row.problem, "\n".join([found.row.problem, *found.failures])


@pytest.mark.parametrize("fault", CHP_FAULTS, ids=lambda fault: fault.name)
async def test_peer(peer: Measurement, measured: list[Measured], fault: Fault) -> None:
    """configurable-http-proxy, for comparison: it must get well again, whatever it costs."""
    found = await peer.during(fault)
    measured.append(found)
    assert not found.row.problem, found.row.problem
    assert not found.seconds[-1].failed, "users still fail after it is over"
