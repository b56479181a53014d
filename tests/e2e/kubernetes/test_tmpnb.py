"""Temporary notebooks in the cluster: visitors, what their servers may do, and what breaks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
from tests.e2e.cluster import lifecycle
from tests.e2e.cluster.settings import ROOT, SERVICES, Cluster

from . import visits
from .conftest import RESULTS
from .faults import DYING
from .kube import Kube
from .notebooks import Notebooks, installed
from .release import Release, chart_values

_FILES = (
    ROOT / "values-examples/tmpnb.yaml",
    Path(__file__).parent / "values/tmpnb.yaml",
)
_LOOK = Path(__file__).parent / "load/look_around.py"
_COUNT = 50
_WITHIN = 5.0  # seconds
_POOL = 20
# Half of those who get a server of the pool wait less than half of those for whom one is started.
_TIMES_FASTER = 50

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def notebooks(kube: Kube) -> Iterator[Notebooks]:
    """values-examples/tmpnb.yaml with a pool of three, in a namespace of restricted pods."""
    image = {"name": _image()["name"], "tag": _image()["tag"]}
    values = {"singleuser": {"image": image}}
    release = Release(Kube(kube.kubeconfig, "notebooks"), "notebooks", values, _FILES)
    with installed(release) as notebooks:
        yield notebooks


def _image() -> dict[str, str]:
    image: dict[str, str] = chart_values()["singleuser"]["image"]
    return image


@pytest.mark.quick
async def test_a_visit_ends_in_a_server_of_ones_own(notebooks: Notebooks) -> None:
    await notebooks.until(ready=3)
    pool = notebooks.waiting()
    ada, bob = await notebooks.visitor(), await notebooks.visitor()
    assert {ada.username, bob.username} < pool
    assert await ada.run_cell("print(6 * 7)") == "42\n"
    answer = await ada.follow(urljoin(bob.server_url, "api/contents"))
    assert answer.code in {403, 404}
    await notebooks.leave(ada, bob)
    assert not {ada.username, bob.username} & set(await notebooks.users())


@pytest.mark.quick
async def test_what_a_notebook_may_do(notebooks: Notebooks, cluster: Cluster) -> None:
    await notebooks.until(ready=3)
    ada, bob = await notebooks.visitor(), await notebooks.visitor()
    kube = notebooks.release.kube
    hub = kube.get("service", "hub")["spec"]["clusterIP"]
    places = {
        "the hub": (hub, 8081),
        "the hub's pod": (kube.pods("hub")[0]["status"]["podIP"], 8081),
        "the cluster's API": (str(SERVICES[1]), 443),
        "the cluster's DNS": (str(cluster.dns_address), 53),
        "etcd": (kube.pods("proxy-etcd")[0]["status"]["podIP"], 2379),
        "Traefik": (kube.pods("proxy")[0]["status"]["podIP"], 8000),
        "a kubelet": (str(cluster.node("worker-1").address), 10250),
    }
    places |= {
        f"{pod['metadata']['name']}'s server": (pod["status"]["podIP"], 8888)
        for pod in kube.pods("singleuser-server")
        if pod["metadata"]["annotations"]["hub.jupyter.org/username"] != ada.username
    }
    code = _LOOK.read_text().replace("PLACES", repr(list(places.values())))
    found = json.loads(await ada.run_cell(code, 120))
    reached = {
        name for name, (host, port) in places.items()
        if found["reached"][f"{host}:{port}"] == "open"
    }  # fmt: skip
    assert reached == {"the hub", "the hub's pod"}
    assert (found["account"], found["address"]) == (False, "gaierror")
    assert found["user"] == 1000
    assert found["privileges"] == ["CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"]
    assert int(found["memory"]) == 2**30
    assert found["processor"].split()[0] == "100000"
    count, refused = found["processes"]
    assert refused == "BlockingIOError"
    assert count < 512
    # All that is closed to a notebook is there: the hub, which may, reaches it.
    code = (
        f"import socket\nfor place in {list(places.values())}: socket.create_connection(place, 3)"
    )
    kube.kubectl("exec", "deployment/hub", "--", "python3", "-c", code)
    await notebooks.leave(ada, bob)


@pytest.mark.quick
async def test_who_fills_the_disk_is_ended_and_gets_a_page(notebooks: Notebooks) -> None:
    await notebooks.until(ready=3)
    ada, bob = await notebooks.visitor(), await notebooks.visitor()
    code = "open('much', 'wb').write(bytes(300_000_000)); print('written')"
    assert await ada.run_cell(code) == "written\n"
    answer = None
    for _ in range(240):
        answer = await ada.follow(notebooks.url)
        if answer.code == 410:
            break
        await asyncio.sleep(0.5)
    assert answer
    assert answer.code == 410
    assert b"This notebook has ended" in answer.body
    assert await bob.run_cell("print('still here')") == "still here\n"
    await notebooks.leave(bob)


@pytest.mark.timeout(2400)
async def test_fifty_visitors_at_once(notebooks: Notebooks, request: pytest.FixtureRequest) -> None:
    lines: list[visits.Wait] = []
    for size in (_POOL, 0):
        notebooks.upgrade({"tmpnb": {"pool": {"size": size}}})
        await notebooks.until(300, ready=size, starting=0, ending=0)
        pool = notebooks.waiting()
        assert len(pool) == size
        arrivals = await notebooks.arrive(_COUNT, _WITHIN)
        name = f"`tmpnb.pool.size: {size}`"
        lines += visits.waits(name, arrivals, pool)
        print("\n".join(map(str, lines)))
        await notebooks.leave(*(arrival.visitor for arrival in arrivals))
    alone = await notebooks.arrive(1, 0)
    lines += visits.waits("the same, one visitor alone", alone, ())
    await notebooks.leave(alone[0].visitor)
    folder: Path = request.config.getoption("--lost")
    visits.write(lines, folder)
    request.config.stash[RESULTS].append("\n".join(map(str, ["", *lines, ""])))
    warm, beyond, cold, _ = lines
    assert (warm.visitors, beyond.visitors, cold.visitors) == (_POOL, _COUNT - _POOL, _COUNT)
    assert cold.p50 >= _TIMES_FASTER * warm.p50


async def test_with_an_image_that_is_gone_visitors_are_served(notebooks: Notebooks) -> None:
    notebooks.upgrade({"tmpnb": {"pool": {"size": 4}}})
    await notebooks.until(ready=4, starting=0)
    before = notebooks.waiting()
    notebooks.upgrade({"singleuser": {"image": {"tag": "gone"}, "startTimeout": 20}})
    visitors = [arrival.visitor for arrival in await notebooks.arrive(2, 0)]
    assert {visitor.username for visitor in visitors} < before, "the former pool serves on"
    assert await visitors[0].run_cell("print(1)") == "1\n"
    image = {"tag": _image()["tag"]}
    notebooks.upgrade({"singleuser": {"image": image, "startTimeout": 300}})
    # The hub that came then waits two minutes for those that never started.
    await notebooks.until(300, ready=4, starting=0, ending=0)
    assert await visitors[1].run_cell("print(2)") == "2\n"
    await notebooks.leave(*visitors)


async def test_the_hub_s_pod_is_deleted_among_claims(notebooks: Notebooks) -> None:
    await notebooks.until(ready=4, starting=0)
    coming = asyncio.ensure_future(notebooks.arrive(12, 2))
    await asyncio.sleep(0.7)
    notebooks.release.kube.kubectl("delete", "pod", "--selector=component=hub", "--wait=false")
    arrivals = await coming
    notebooks.release.settle()
    await notebooks.until(claimed=12, ready=4, starting=0)
    for arrival in arrivals[::4]:
        assert await arrival.visitor.run_cell("print(3)") == "3\n"
    await notebooks.leave(*(arrival.visitor for arrival in arrivals))


async def test_a_node_dies_and_the_pool_heals(notebooks: Notebooks, cluster: Cluster) -> None:
    pinned = {"nodeSelector": {"kubernetes.io/hostname": "worker-1"}}
    etcd = {"proxy": {"etcd": pinned}}
    notebooks.upgrade({"hub": pinned, "tmpnb": {"pool": {"size": 9}}, **etcd})
    await notebooks.until(ready=9, starting=0, ending=0)
    nodes = [pod["spec"]["nodeName"] for pod in notebooks.release.kube.pods("singleuser-server")]
    assert DYING in nodes
    lifecycle.kill_node(cluster, DYING)
    try:
        arrivals = await notebooks.arrive(9, 2)
        visitors = [arrival.visitor for arrival in arrivals]
        for visitor in visitors:
            assert await visitor.run_cell("print(4)") == "4\n"
        # What was starting there counts until its start takes too long (startTimeout, 300 s).
        await notebooks.until(420, ready=9, starting=0)
    finally:
        lifecycle.start_node(cluster, DYING)
    notebooks.release.kube.kubectl(
        "wait", "--for=condition=Ready", f"node/{DYING}", "--timeout=90s"
    )
    await notebooks.leave(*visitors)
    notebooks.release.settle()
