"""Real JupyterHub processes on shared etcd and replicas: one is killed, two do not meet."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest
from tests.support.hub import PASSWORD, Hub
from tests.support.hub_session import HubSession
from tests.support.proxies import TraefikEtcdSystem

from jupyterhub_ha.etcd_client import EtcdClient

pytestmark = pytest.mark.timeout(240)
NAMES = ("a", "b")


def host(name: str) -> str:
    return f"{name}.hubs.example.org"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TraefikEtcdSystem]:
    with TraefikEtcdSystem(tmp_path_factory.mktemp("hubs")) as running:
        yield running


@pytest.fixture(scope="module")
def hubs(system: TraefikEtcdSystem, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("hub")
    made = {}
    for name in NAMES:
        traits = {
            **system.proxy_traits(),
            "namespace": name,
            "root_rule": f"Host(`{host(name)}`)",
            "check_interval": 2.0,
        }
        made[name] = Hub(folder / name, system.public_url, traits)
    try:
        for hub in made.values():
            hub.start()
        for hub in made.values():
            hub.wait()
        yield made
    finally:
        for hub in made.values():
            hub.end()


def session_of(system: TraefikEtcdSystem, name: str, user: str) -> HubSession:
    return HubSession(system.public_url, user, PASSWORD, host=host(name))


async def folder_of(session: HubSession) -> str:
    """Where the user's server runs, as its kernel says."""
    return (await session.run_cell("import os; print(os.environ['TEST_HUB'])")).strip()


async def until_served(session: HubSession, seconds: float = 30) -> None:
    """Wait until the user's server answers through the public port."""
    url = urljoin(session.server_url, "api")
    deadline = time.monotonic() + seconds
    while (await session.fetch(url)).code != 200:
        assert time.monotonic() < deadline, f"{url} of {session.username} is not served"
        await asyncio.sleep(0.1)


async def failures_during(session: HubSession, stop: asyncio.Event) -> list[int]:
    """Asks the user's server all the time; the statuses that were not 200."""
    url, wrong, asked = urljoin(session.server_url, "api"), [], 0
    while not stop.is_set() or not asked:
        code = (await session.fetch(url)).code
        asked += 1
        if code != 200:
            wrong.append(code)
        await asyncio.sleep(0.05)
    return wrong


@pytest.fixture(scope="module")
def root(system: TraefikEtcdSystem) -> EtcdClient:
    return system.etcd_client()


async def test_users_of_both_hubs_get_their_own_server(system, hubs) -> None:
    for name in NAMES:
        session = session_of(system, name, "ada")
        await session.login_when_ready()
        await session.start_server()
        assert await folder_of(session) == str(hubs[name].folder)


async def test_a_host_of_no_hub_gets_the_fallback_of_traefik(system, hubs) -> None:
    stranger = HubSession(system.public_url, "ada", PASSWORD, host="elsewhere.example.org")
    # The fallback leads to a hub that is not there in this system.
    assert (await stranger.fetch(urljoin(system.public_url, "/user/ada/api"))).code == 502


async def test_a_hub_that_is_killed_disturbs_nobody_and_adopts_its_users(system, hubs) -> None:
    sessions = {name: session_of(system, name, "ada") for name in NAMES}
    stop = asyncio.Event()
    counting = [asyncio.create_task(failures_during(s, stop)) for s in sessions.values()]
    hubs["a"].kill()
    assert not await asyncio.to_thread(lambda: hubs["a"].healthy)
    other = session_of(system, "b", "bob")
    await other.login_when_ready()
    await other.start_server()
    # Not in a thread: the kernel ends a child with the thread that started it.
    hubs["a"].start()
    await asyncio.to_thread(hubs["a"].wait)
    await sessions["a"].login_when_ready()
    assert await folder_of_after_login(sessions["a"]) == str(hubs["a"].folder)
    stop.set()
    assert await asyncio.gather(*counting) == [[], []]


async def folder_of_after_login(session: HubSession) -> str:
    await session.enter_server()
    return await folder_of(session)


async def test_a_hub_whose_table_is_wiped_writes_it_again_and_the_other_is_untouched(
    system, hubs, root
) -> None:
    sessions = {name: session_of(system, name, "ada") for name in NAMES}
    stop = asyncio.Event()
    counting = asyncio.create_task(failures_during(sessions["b"], stop))
    before = await root.range("jupyterhub-ha/b/", prefix=True)
    pairs, _ = await root.range("traefik/http/", prefix=True)
    await root.delete("jupyterhub-ha/a/", prefix=True)
    await root.txn(deletes=[pair.key for pair in pairs if "_a_" in pair.key])
    await until_served(sessions["a"])
    deadline = time.monotonic() + 10
    while not (await root.range("jupyterhub-ha/a/routes/", prefix=True))[0]:
        assert time.monotonic() < deadline, "the records were not written again"
        await asyncio.sleep(0.1)
    stop.set()
    assert await counting == []
    after = await root.range("jupyterhub-ha/b/", prefix=True)
    assert {p.key: p.revision for p in after[0]} == {p.key: p.revision for p in before[0]}
    routes = (await root.range("jupyterhub-ha/a/routes/", prefix=True))[0]
    assert {json.loads(pair.value)["routespec"] for pair in routes} == {"/", "/user/ada/"}
    root.close()
