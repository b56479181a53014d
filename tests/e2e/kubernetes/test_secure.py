"""HTTPS with a certificate of an ACME authority, and kernels for all users, in the cluster."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import http.client
import http.server
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.e2e.cluster.settings import Cluster
from tests.https.visitors import Visitors, shown_serial, trusted_serial, until
from tests.support.https import HOST, Pebble
from tests.support.hub_session import HubSession
from tests.support.kernels import CELLS, ECHO, SCHEME, wheels
from tests.support.serving import running

from .kube import Kube
from .load.logins import PASSWORD
from .release import Release

_VALUES = Path(__file__).parent / "values"
_FILES = (_VALUES / "small.yaml", _VALUES / "secure.yaml")
_LIFETIME = 90  # seconds; renewed after two thirds
_KERNELS = (ECHO, SCHEME, "python3")

pytestmark = [
    pytest.mark.quick,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
]


@dataclass(frozen=True)
class Site:
    """The release at HOST; `address` is its Service's."""

    release: Release
    pebble: Pebble
    address: str


@contextlib.contextmanager
def served(folder: Path, address: str) -> Iterator[str]:
    """A folder by HTTP on this machine, for the pods; its URL."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with running(http.server.ThreadingHTTPServer((address, 0), handler)) as server:
        yield f"http://{address}:{server.server_port}/"


@pytest.fixture(scope="module")
def site(cluster: Cluster, kube: Kube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A release whose names lead to it from the beginning, as far as the authority can see."""
    folder = tmp_path_factory.mktemp("secure")
    packages = folder / "packages"
    packages.mkdir()
    wheels(packages)
    here = str(cluster.host_address)
    pebble = Pebble(folder / "pebble", 80, {"brief": _LIFETIME}, here)
    with pebble, served(packages, here) as index:
        acme = {"acmeServer": pebble.directory, "caCertificates": pebble.tls.ca.read_text()}
        pips = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": index, "PIP_TRUSTED_HOST": here}
        # Users' pods reach no private address, and so no index of packages inside, by default.
        egress = {"egress": [{"to": [{"ipBlock": {"cidr": f"{here}/32"}}]}]}
        values = {
            "hub": {"config": {"DummyAuthenticator": {"password": PASSWORD}}},
            "proxy": {"https": {"letsencrypt": acme}},
            "singleuser": {"extraEnv": pips, "networkPolicy": egress},
        }
        release = Release(Kube(kube.kubeconfig, "secure"), "secure", values, _FILES)
        release.prepare()
        release.upgrade(wait=False)
        address = release.url.removeprefix("http://").rstrip("/")
        pebble.point_names(address)
        release.settle()
        yield Site(release, pebble, address)
        release.kube.run("helm", "uninstall", "secure", "--wait")
        release.kube.kubectl("delete", "pod", "--selector=component=singleuser-server")


async def test_all_replicas_serve_a_certificate_that_is_renewed_without_a_failure(
    site: Site,
) -> None:
    trust = site.pebble.trust()
    shown = functools.partial(trusted_serial, HOST, 443, trust, site.address)
    first = await until(shown, "certificate", 150)

    async def another() -> str:
        serial = await shown()
        return "" if serial == first else serial

    # Every replica: a connection is sent to any of them.
    assert {await shown() for _ in range(30)} == {first}
    async with Visitors(HOST, [443], trust, site.address) as visitors:
        renewed = await until(another, "renewal", 2 * _LIFETIME)
        await asyncio.sleep(3)
        counts = visitors.count_anew()
    assert counts.requests > 100
    assert not counts.failures, counts.failures[:5]
    assert {await shown() for _ in range(30)} == {renewed}
    print(f"renewed: {counts.requests} requests, {len(counts.failures)} failed")


async def test_without_the_issuer_the_certificate_is_served(site: Site) -> None:
    kubectl = site.release.kube.kubectl
    kubectl("scale", "deployment/proxy-certificates", "--replicas=0")
    kubectl("delete", "pod", "--selector=component=proxy-certificates", "--wait")
    try:
        assert await shown_serial(HOST, 443, site.pebble.trust(), site.address)
    finally:
        kubectl("scale", "deployment/proxy-certificates", "--replicas=1")
    site.release.kube.rolled_out("deployment/proxy-certificates")


async def test_who_comes_by_http_is_sent_to_https(site: Site) -> None:
    connection = http.client.HTTPConnection(site.address, timeout=10)
    connection.request("GET", "/hub/login", headers={"Host": HOST})
    answer = connection.getresponse()
    assert answer.status in {301, 308}
    assert answer.headers["Location"].startswith(f"https://{HOST}")
    connection.close()


async def test_a_user_runs_a_cell_in_every_kernel(site: Site) -> None:
    trust = site.pebble.trust()
    trust.check_hostname = False  # by its address; the name is checked above
    session = HubSession(f"https://{site.address}/", "ada", PASSWORD, trust)
    await session.login_when_ready()
    await session.start_server(150)
    for kernel in _KERNELS:
        code, printed = CELLS[kernel]
        assert (await session.run_cell(code, kernel=kernel)).strip() == printed
