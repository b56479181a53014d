"""What only the proxy with etcd promises: nothing is lost, nobody waits for the dead."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest
from tests.support.ports import free_port
from tests.support.processes import paused
from tests.support.proxies import HUB_PASSWORD, TraefikEtcdSystem
from tests.support.traefik import TraefikReplica

from jupyterhub_ha import TraefikEtcdProxy
from jupyterhub_ha.errors import (
    EtcdAuthError,
    EtcdError,
    EtcdUnavailableError,
    NoReplicaError,
    RouteError,
)
from jupyterhub_ha.etcd_client import EtcdClient
from jupyterhub_ha.etcd_wire import encode, prefix_end
from jupyterhub_ha_conformance.browse import server_of


def client_of(
    system: TraefikEtcdSystem, name: str, password: str, *, certificate: str = ""
) -> EtcdClient:
    files = system.certificates[certificate or name]
    return EtcdClient(
        system.etcd.endpoints,
        username=name,
        password=password,
        ca_file=str(files.ca),
        cert_file=str(files.cert),
        key_file=str(files.key),
        timeout=10,
    )


async def revision(system: TraefikEtcdSystem) -> int:
    return (await system.etcd_client(timeout=10).range("x"))[1]


async def add_students(proxy: TraefikEtcdProxy, target: str, count: int) -> None:
    specs = [f"/user/student{i:04}/" for i in range(count)]
    await asyncio.gather(*(proxy.add_route(s, target, {"user": s}) for s in specs))


def as_added(routes: dict) -> dict:
    """The routes without their activity, which is not kept with them."""
    for route in routes.values():
        route["data"].pop("last_activity", None)
    return routes


async def test_many_logins_share_a_few_transactions(etcd_table, backend) -> None:
    target = (await backend("all")).url
    before = await revision(etcd_table.system)
    await add_students(etcd_table.proxy, target, 300)
    assert await revision(etcd_table.system) - before <= 3
    for number in (0, 150, 299):
        path = f"/user/student{number:04}/"
        assert await server_of(etcd_table.system.public_url, path) == "all"


async def test_small_transactions_do_as_well(etcd_table, backend) -> None:
    target = (await backend("all")).url
    await etcd_table.proxy.stop()  # another writer would write anew what it sees half deleted
    proxy = etcd_table.system.make_proxy(max_txn_ops=16)
    await add_students(proxy, target, 120)
    assert await server_of(etcd_table.system.public_url, "/user/student0119/") == "all"
    await asyncio.gather(*(proxy.delete_route(f"/user/student{i:04}/") for i in range(119)))
    assert await server_of(etcd_table.system.public_url, "/user/student0119/") == "all"
    assert await server_of(etcd_table.system.public_url, "/user/student0118/") == "hub"
    await proxy.stop()


async def test_a_restarted_hub_adopts_the_table_without_a_write(etcd_table, backend) -> None:
    await add_students(etcd_table.proxy, (await backend("all")).url, 120)
    for number in range(0, 120, 2):
        await etcd_table.proxy.delete_route(f"/user/student{number:04}/")
    routes = await etcd_table.proxy.get_all_routes()
    before = await revision(etcd_table.system)
    restarted = etcd_table.system.make_proxy()
    assert as_added(await restarted.get_all_routes()) == as_added(routes)
    assert await revision(etcd_table.system) == before
    for route in [*routes.values()][:5]:
        await restarted.add_route(route["routespec"], route["target"], route["data"])
    assert await revision(etcd_table.system) == before
    await restarted.stop()


@pytest.mark.parametrize("by", ["a change", "a check"])
async def test_an_emptied_etcd_is_filled_again(etcd_table, backend, by) -> None:
    target = (await backend("all")).url
    await add_students(etcd_table.proxy, target, 60)
    root = etcd_table.system.etcd_client(timeout=10)
    await root.delete("traefik", prefix=True)
    await root.delete("jupyterhub-ha/", prefix=True)
    if by == "a change":
        await etcd_table.proxy.add_route("/user/new/", target, {})
    else:
        await etcd_table.proxy.get_all_routes()
        # The check does not keep the hub until the replicas follow; the next change does.
        await etcd_table.proxy.add_route("/user/new/", target, {})
    assert len(await etcd_table.proxy.get_all_routes()) == 62
    assert await server_of(etcd_table.system.public_url, "/user/student0042/") == "all"


async def test_what_somebody_else_broke_is_repaired(etcd_table, backend) -> None:
    await etcd_table.proxy.add_route("/user/ada/", (await backend("ada")).url, {})
    root = etcd_table.system.etcd_client(timeout=10)
    pairs, _ = await root.range("traefik/http/", prefix=True)
    url = next(p.key for p in pairs if p.key.endswith("/url") and "user-ada" in p.key)
    await root.put(url, "http://127.0.0.1:1")
    await root.put("traefik/http/middlewares/mine/stripprefix/prefixes/0", "/x")
    await etcd_table.proxy.get_all_routes()
    await etcd_table.proxy.add_route("/user/bob/", (await backend("bob")).url, {})
    assert await server_of(etcd_table.system.public_url, "/user/ada/") == "ada"
    assert await root.delete("traefik/http/middlewares/mine", prefix=True) == 1


async def test_a_second_writer_is_noticed_and_both_routes_stay(etcd_table, backend) -> None:
    other = etcd_table.system.make_proxy()
    await other.get_all_routes()
    await etcd_table.proxy.add_route("/user/ada/", (await backend("ada")).url, {})
    await other.add_route("/user/bob/", (await backend("bob")).url, {})
    await etcd_table.proxy.add_route("/user/eve/", (await backend("eve")).url, {})
    assert set(await etcd_table.proxy.get_all_routes()) == {
        "/",
        "/user/ada/",
        "/user/bob/",
        "/user/eve/",
    }
    for name in ("ada", "bob", "eve"):
        assert await server_of(etcd_table.system.public_url, f"/user/{name}/") == name
    await other.stop()


async def test_a_host_name_in_capitals_is_the_same_host(host_table_of_etcd, backend) -> None:
    proxy, system = host_table_of_etcd
    await proxy.add_route("Ada.Example.com/user/ada/", (await backend("ada")).url, {})
    assert set(await proxy.get_all_routes()) == {"Ada.Example.com/user/ada/"}
    assert await server_of(system.public_url, "/user/ada/", host="ADA.example.COM") == "ada"


@pytest.fixture
async def host_table_of_etcd(etcd_system):
    proxy = etcd_system.make_proxy(host_routing=True)
    yield proxy, etcd_system
    for routespec in await proxy.get_all_routes():
        await proxy.delete_route(routespec)
    await proxy.stop()


async def test_two_hubs_share_the_replicas(etcd_system, backend) -> None:
    names = ("a", "b")
    proxies = {
        name: etcd_system.make_proxy(namespace=name, root_rule=f"Host(`{name}.example.com`)")
        for name in names
    }
    for name, proxy in proxies.items():
        await proxy.add_route("/", (await backend(f"hub-{name}")).url, {"hub": True})
        await proxy.add_route("/user/ada/", (await backend(f"ada-{name}")).url, {})
    for name, proxy in proxies.items():
        host = f"{name}.example.com"
        base = etcd_system.public_url
        assert await server_of(base, "/user/ada/", host=host) == f"ada-{name}"
        assert await server_of(base, "/user/bob/", host=host) == f"hub-{name}"
        assert set(await proxy.get_all_routes()) == {"/", "/user/ada/"}
    await proxies["a"].delete_route("/user/ada/")
    assert set(await proxies["b"].get_all_routes()) == {"/", "/user/ada/"}
    for proxy in proxies.values():
        for routespec in await proxy.get_all_routes():
            await proxy.delete_route(routespec)
        await proxy.stop()


async def test_a_dead_replica_is_not_waited_for(etcd_table, backend) -> None:
    ada = await backend("ada")
    victim = etcd_table.system.replicas[0]
    victim.kill()
    try:
        start = time.monotonic()
        await etcd_table.proxy.add_route("/user/ada/", ada.url, {})
        assert time.monotonic() - start < 15
        assert await server_of(etcd_table.system.public_url, "/user/ada/") == "ada"
    finally:
        victim.start()
    async with asyncio.timeout(60):  # it has the table, as its startup probe asks
        while not (await etcd_table.system.marks()).get(victim.url):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await etcd_table.proxy.add_route("/user/bob/", ada.url, {})
    assert await server_of(etcd_table.system.public_url, "/user/ada/") == "ada"
    assert await server_of(etcd_table.system.public_url, "/user/bob/") == "ada"


async def test_a_frozen_replica_is_not_waited_for_long(etcd_table) -> None:
    with paused(etcd_table.system.replicas[0]):
        seconds = []
        for name in ("ada", "bob", "eve", "joe"):
            start = time.monotonic()
            await etcd_table.proxy.add_route(f"/user/{name}/", etcd_table.hub.url, {})
            seconds.append(time.monotonic() - start)
        assert seconds[0] < 25
        assert min(seconds[1:]) < 3.5


async def test_a_replica_that_is_late_is_named_and_then_not_waited_for(
    etcd_table, backend, tmp_path, caplog
) -> None:
    # It answers pings, but its etcd is nowhere.
    nowhere = "http://127.0.0.1:9"
    late = TraefikReplica(tmp_path, free_port(), nowhere, [nowhere])
    late.start()
    urls = [*(replica.url for replica in etcd_table.system.replicas), late.url]
    proxy = etcd_table.system.make_proxy(replica_urls=urls, replica_timeout=5.0)
    proxy.log = logging.getLogger("late")
    try:
        seconds = []
        with caplog.at_level(logging.WARNING, "late"):
            for name in ("ada", "bob"):
                start = time.monotonic()
                await proxy.add_route(f"/user/{name}/", (await backend(name)).url, {})
                seconds.append(time.monotonic() - start)
        assert 4.7 < seconds[0] < 20
        assert seconds[1] < 4.7, "it was waited for again"
        # Who looks after the replicas of an etcd that was lost may name it, too.
        said = [record.getMessage() for record in caplog.records]
        assert [late.url in line for line in said if "does not serve generation" in line] == [True]
    finally:
        late.kill()
        await proxy.stop()


async def test_without_any_replica_a_login_fails_in_time(tmp_path) -> None:
    with TraefikEtcdSystem(tmp_path, replicas=1) as system:
        proxy = system.make_proxy()
        await proxy.add_route("/", "http://127.0.0.1:9", {"hub": True})
        system.replicas[0].kill()
        with pytest.raises(NoReplicaError, match="/user/ada/"):
            await proxy.add_route("/user/ada/", "http://127.0.0.1:9", {})
        await proxy.delete_route("/user/ada/")
        await proxy.stop()


async def test_a_hub_that_is_up_before_traefik_goes_on(tmp_path) -> None:
    with TraefikEtcdSystem(tmp_path, replicas=1) as system:
        system.replicas[0].kill()
        proxy = system.make_proxy()
        await proxy.add_route("/", "http://127.0.0.1:9", {"hub": True})
        assert set(await proxy.get_all_routes()) == {"/"}
        await proxy.stop()


async def test_a_hub_waits_for_etcd_and_gives_up_in_time(etcd_system, monkeypatch) -> None:
    nowhere = etcd_system.make_proxy(endpoints=["https://127.0.0.1:9"], start_timeout=2.5)
    start = time.monotonic()
    with pytest.raises(EtcdUnavailableError):
        await nowhere.get_all_routes()
    assert 1 < time.monotonic() - start < 20
    # One try, with all of its seconds: it is the last one whose error is told.
    monkeypatch.setattr("jupyterhub_ha.committer._PAUSE", 60.0)
    wrong = etcd_system.make_proxy(password="wrong", start_timeout=5)
    with pytest.raises(EtcdAuthError):
        await wrong.start()


async def test_the_loss_of_a_member_is_not_noticed(tmp_path, backend) -> None:
    with TraefikEtcdSystem(tmp_path, members=3) as system:
        proxy = system.make_proxy()
        target = (await backend("all")).url
        await proxy.add_route("/user/a/", target, {})
        for i, member in enumerate(system.etcd.members):
            member.kill()
            await proxy.add_route(f"/user/b{i}/", target, {})
            assert await server_of(system.public_url, f"/user/b{i}/") == "all"
            member.start()
            system.etcd.wait()
        assert len(await proxy.get_all_routes()) == 4
        await proxy.stop()


async def test_without_a_majority_changes_fail_in_time_and_routes_are_served(
    tmp_path, backend
) -> None:
    with TraefikEtcdSystem(tmp_path) as system:
        proxy = system.make_proxy(commit_timeout=5)
        target = (await backend("all")).url
        await proxy.add_route("/user/a/", target, {})
        system.etcd.stop()
        start = time.monotonic()
        with pytest.raises(EtcdError):
            await proxy.add_route("/user/b/", target, {})
        assert time.monotonic() - start < 15
        assert set(await proxy.get_all_routes()) == {"/user/a/"}
        assert await server_of(system.public_url, "/user/a/") == "all"
        # After its restart the server knows no token of before.
        for member in system.etcd.members:
            member.start()
        system.etcd.wait()
        await proxy.add_route("/user/b/", target, {})
        assert set(await proxy.get_all_routes()) == {"/user/a/", "/user/b/"}
        await proxy.stop()


async def test_users_may_do_what_they_must_and_no_more(etcd_system) -> None:
    hub = client_of(etcd_system, "hub", HUB_PASSWORD)
    await hub.put("jupyterhub-ha/test", "x")
    assert await hub.delete("jupyterhub-ha/test") == 1
    for key in ("a", "jupyterhub", "traefik/x", "traefik/tls/x", "z"):
        with pytest.raises(EtcdAuthError):
            await hub.put(key, "x")
    with pytest.raises(EtcdAuthError):
        await hub.call("auth/user/list")
    # The certificate alone is nobody; Traefik's has a name, which the gateway refuses.
    for certificate, why in (("hub", "denied|user name is empty"), ("traefik", "CommonName")):
        nobody = client_of(etcd_system, "", "", certificate=certificate)
        with pytest.raises(EtcdAuthError, match=why):
            await nobody.range("traefik", prefix=True)


async def test_a_running_hub_outlives_the_upgrade_to_the_narrower_role(tmp_path) -> None:
    """Former releases gave the hub all of Traefik's prefix, private keys included."""
    with TraefikEtcdSystem(tmp_path, replicas=0) as system:
        root, hub = system.etcd_client("root"), system.etcd_client("hub")
        former, present = (
            {"key": encode(prefix), "range_end": prefix_end(prefix)}
            for prefix in ("traefik", "traefik/http/")
        )
        perm = {"permType": "READWRITE", **former}
        await root.call("auth/role/grant", {"name": "hub", "perm": perm})
        await root.call("auth/role/revoke", {"role": "hub", **present})
        await hub.put("traefik/tls/x", "")
        proxy = system.make_proxy()
        await proxy.add_route("/", "http://127.0.0.1:9", {})
        set_up = asyncio.create_task(asyncio.to_thread(system.set_up))
        routes = {"/"}
        while not set_up.done():
            route = f"/user/{len(routes)}/"
            await proxy.add_route(route, "http://127.0.0.1:9", {})
            routes.add(route)
        assert "role hub: permission for traefik taken away" in await set_up
        assert set(await proxy.get_all_routes()) == routes
        for key in ("traefik/x", "traefik/tls/x"):
            with pytest.raises(EtcdAuthError):
                await hub.put(key, "")
        assert "taken away" not in system.set_up()
        await proxy.stop()


async def test_the_hub_s_password_can_be_changed_while_it_runs(tmp_path, monkeypatch) -> None:
    with TraefikEtcdSystem(tmp_path, replicas=0) as system:
        old = system.make_proxy()
        await old.add_route("/", "http://127.0.0.1:9", {})
        assert "the password of hub has been changed" in system.set_up("another")
        new = system.make_proxy(password="another")
        await new.add_route("/user/ada/", "http://127.0.0.1:9", {})
        assert set(await new.get_all_routes()) == {"/", "/user/ada/"}
        monkeypatch.setattr("jupyterhub_ha.committer._PAUSE", 60.0)  # one try
        with pytest.raises(EtcdAuthError):
            await system.make_proxy(start_timeout=5).get_all_routes()
        for proxy in (old, new):
            await proxy.stop()


@pytest.mark.parametrize(
    ("routespec", "target", "data"),
    [
        ("/user/ada/", "10.0.0.1:8888", {}),
        ("/user/ada/", "http://10.0.0.1:8888", {"x": object()}),
    ],
)
async def test_what_cannot_be_served_is_refused_and_harms_no_other(
    etcd_table, backend, routespec, target, data
) -> None:
    good = etcd_table.proxy.add_route("/user/bob/", (await backend("bob")).url, {})
    bad = etcd_table.proxy.add_route(routespec, target, data)
    results = await asyncio.gather(good, bad, return_exceptions=True)
    assert results[0] is None
    assert isinstance(results[1], RouteError)
    assert set(await etcd_table.proxy.get_all_routes()) == {"/", "/user/bob/"}
