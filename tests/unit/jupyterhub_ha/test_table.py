"""The table as keys: what is written can be read back, and a request finds the right route."""

from __future__ import annotations

import random

import pytest

from jupyterhub_ha.errors import RouteError
from jupyterhub_ha.routes import Route, else_rule, route_text
from jupyterhub_ha.table import Delete, Layout, Operation, Put, Table, read_route, write_route
from jupyterhub_ha.tree import SPLIT

HUB = Route("/", "http://hub:8081", {"hub": True})


def user(spec: str, target: str = "http://10.0.0.1:8888") -> Route:
    return Route(spec, target, {"user": spec.split("/")[-2], "server_name": ""})


def users(count: int) -> list[Route]:
    return [user(f"/user/student{i:04}/", f"http://10.0.0.1:{8000 + i}") for i in range(count)]


class Store:
    """A dictionary that takes the operations as etcd does."""

    def __init__(self) -> None:
        self.pairs: dict[str, str] = {}

    def run(self, groups: list[list[Operation]]) -> list[Operation]:
        operations = [operation for group in groups for operation in group]
        for operation in operations:
            if isinstance(operation, Put):
                self.pairs[operation.key] = operation.value
            else:
                del self.pairs[operation.key]
        return operations

    def commit(self, table: Table, *routes: Route, remove: tuple[str, ...] = ()) -> list[Operation]:
        changes: dict[str, Route | None] = {route_text(r.routespec): r for r in routes}
        table.apply(changes | dict.fromkeys(map(route_text, remove)))
        operations = self.run(table.difference())
        table.written(operations)
        return operations


def load(store: Store, layout: Layout | None = None) -> Table:
    table = Table(layout or Layout())
    table.load(store.pairs)
    return table


class Routers:
    """Traefik's view of the keys, as far as its documentation defines it."""

    def __init__(self, pairs: dict[str, str]) -> None:
        self.routers: dict[str, dict[str, str]] = {}
        self.urls: dict[str, str] = {}
        for key, value in pairs.items():
            parts = key.split("/")
            if parts[:3] == ["traefik", "http", "routers"]:
                self.routers.setdefault(parts[3], {})["/".join(parts[4:])] = value
            elif parts[:3] == ["traefik", "http", "services"]:
                self.urls[parts[3]] = value

    def check(self) -> None:
        parents = {r["parentrefs/0"] for r in self.routers.values() if "parentrefs/0" in r}
        for name, router in self.routers.items():
            assert ("service" in router) != (name in parents), "a leaf or a parent, not both"
            assert ("parentrefs/0" in router) != ("entrypoints/0" in router), "one root"
            assert router.get("service", next(iter(self.urls))) in self.urls
            assert router.get("parentrefs/0", name) in self.routers
            assert "/" not in name

    def fallback(self, parent: str) -> str | None:
        found = [
            router["service"]
            for router in self.routers.values()
            if router.get("parentrefs/0") == parent and router["rule"] == else_rule()
        ]
        assert len(found) <= 1
        return self.urls[found[0]] if found else None


def test_a_leaf_has_four_keys_and_a_record() -> None:
    store, table = Store(), Table(Layout())
    store.commit(table, HUB, user("/user/ada/"))
    operations = store.commit(table, user("/user/bob/"))
    assert sorted(o.key.split("/", 4)[-1] for o in operations if "/http/" in o.key) == [
        "loadbalancer/servers/0/url",
        "parentrefs/0",
        "rule",
        "service",
    ]
    assert len(operations) == 5


def test_the_root_owns_entry_points_and_rule() -> None:
    layout = Layout(entry_points=("http", "https"), root_rule="Host(`x`)")
    store, table = Store(), Table(layout)
    store.commit(table, HUB)
    root = next(r for r in Routers(store.pairs).routers.values() if "entrypoints/0" in r)
    assert root == {"rule": "Host(`x`)", "entrypoints/0": "http", "entrypoints/1": "https"}


def test_a_changed_target_is_one_key_and_the_record() -> None:
    store, table = Store(), Table(Layout())
    store.commit(table, HUB, *users(100))
    operations = store.commit(table, user("/user/student0007/", "http://10.9.9.9:1"))
    assert [type(o) for o in operations] == [Put, Put]
    assert not store.commit(table, user("/user/student0007/", "http://10.9.9.9:1"))


def test_every_inner_node_falls_back_to_the_longest_enclosing_route() -> None:
    store, table = Store(), Table(Layout())
    servers = [user(f"/user/ada/s{i:03}/", f"http://10.1.0.1:{i + 1}") for i in range(90)]
    store.commit(table, HUB, *users(90), *servers)
    for ada in (None, user("/user/ada/", "http://ada:1"), user("/user/ada/", "http://ada:2"), None):
        if ada:
            store.commit(table, ada)
        else:
            store.commit(table, remove=("/user/ada/",))
        traefik = Routers(store.pairs)
        traefik.check()
        inner = [n for n in table._tree.root.walk() if n.prefix.startswith("/user/ada/")]
        assert inner
        for node in inner:
            expected = ada.target if ada else HUB.target
            assert traefik.fallback(table.names.node(node.prefix)) == expected
        for node in table._tree.root.walk():
            if not node.prefix.startswith("/user/ada/"):
                assert traefik.fallback(table.names.node(node.prefix)) == HUB.target


def test_without_a_default_route_there_is_no_fallback() -> None:
    store, table = Store(), Table(Layout())
    store.commit(table, *users(50))
    traefik = Routers(store.pairs)
    traefik.check()
    assert traefik.fallback(table.names.node("")) is None


def test_a_route_that_encloses_a_sibling_node_gives_way_to_it() -> None:
    store, table = Store(), Table(Layout())
    servers = [user(f"/user/ada/s{i:03}/") for i in range(SPLIT + 8)]
    store.commit(table, HUB, *servers, *users(SPLIT))
    store.commit(table, user("/user/ada/"))
    name = table.names.route("/user/ada/")
    node = next(r for r in Routers(store.pairs).routers.values() if "ada/s0" in r["rule"])
    priority = int(store.pairs[f"traefik/http/routers/{name}/priority"])
    assert len(else_rule()) < priority < len(node["rule"])


@pytest.mark.parametrize("namespace", ["", "b"])
def test_what_is_written_is_adopted_without_a_write(namespace: str) -> None:
    chance = random.Random(namespace)
    store, table = Store(), Table(Layout(namespace=namespace))
    pool = [*users(300), *(user(f"/user/ada/{i}/") for i in range(60)), user("/user/ada/")]
    store.commit(table, HUB)
    for _ in range(40):
        some = chance.sample(pool, 40)
        store.commit(table, *some[:25], remove=tuple(r.routespec for r in some[25:]))
        Routers(store.pairs).check()
        assert store.pairs == table.known == table.wanted
    again = load(store, Layout(namespace=namespace))
    assert again.difference() == []
    assert again.routes == table.routes
    assert again.wanted == table.wanted


def test_damage_is_repaired_and_nothing_else_written() -> None:
    store, table = Store(), Table(Layout())
    store.commit(table, HUB, *users(200))
    healthy = dict(store.pairs)
    url = next(k for k in healthy if k.endswith("url"))
    rule = next(k for k in healthy if k.endswith("rule"))
    stale = "traefik/http/routers/aaaaaaaaaaaa_user-gone/rule"
    store.pairs[url] = "http://elsewhere:1"
    del store.pairs[rule]
    store.pairs[stale] = "PathPrefix(`/gone/`)"
    operations = store.run(load(store).difference())
    assert {o.key for o in operations} == {url, rule, stale}
    assert store.pairs == healthy


def test_foreign_keys_are_left_alone_and_named() -> None:
    store, table = Store(), Table(Layout())
    store.commit(table, HUB)
    foreign = {
        "traefik/http/routers/mine/rule": "Host(`other`)",
        "traefik/http/services/mine/loadbalancer/servers/0/url": "http://x",
        "traefik/http/middlewares/mine/stripprefix/prefixes/0": "/x",
        "jupyterhub-ha/b/routes/x": "not ours",
    }
    store.pairs |= foreign
    again = Table(Layout())
    other = Store()
    other.commit(Table(Layout("b")), HUB)
    named = ["middlewares/mine", "routers/mine", "services/mine"]
    assert again.load({**store.pairs, **other.pairs}) == ([], named)
    assert again.difference() == []


@pytest.mark.parametrize("record", ["{", "[]", "null", "{}", '{"data":{},"routespec":"x"}'])
def test_unreadable_records_are_named_and_removed(record: str) -> None:
    store, table = Store(), Table(Layout())
    store.commit(table, HUB)
    store.pairs["jupyterhub-ha/routes/broken"] = record
    again = Table(Layout())
    broken, _ = again.load(store.pairs)
    assert broken == ["jupyterhub-ha/routes/broken"]
    assert again.difference() == [[Delete("jupyterhub-ha/routes/broken")]]


def test_what_is_in_memory_heals_an_emptied_store() -> None:
    store, table = Store(), Table(Layout())
    store.commit(table, HUB, *users(100))
    healthy = dict(store.pairs)
    store.pairs.clear()
    table.load(store.pairs)
    store.run(table.difference())
    assert store.pairs == healthy


def test_a_failed_change_can_be_undone() -> None:
    store, table = Store(), Table(Layout())
    store.commit(table, HUB, *users(40))
    before = dict(table.wanted)
    undo = table.apply({"/user/new/": user("/user/new/"), "/user/student0001/": None})
    assert table.wanted != before
    table.apply(undo)
    assert table.wanted == before
    assert table.difference() == []


def test_one_router_s_keys_stay_together_and_services_come_first() -> None:
    store, table = Store(), Table(Layout())
    table.apply({route_text(r.routespec): r for r in (HUB, *users(100))})
    groups = table.difference()
    kinds = [group[0].key.split("/")[2] for group in groups if group[0].key.startswith("traefik")]
    assert kinds == sorted(kinds, key=["services", "routers"].index)
    owners = ["/".join(o.key.split("/")[:4]) for g in groups for o in g if "/http/" in o.key]
    runs = [a for a, b in zip(owners, [None, *owners], strict=False) if a != b]
    assert len(runs) == len(set(runs))
    routers = [g for g in groups if "/routers/" in g[0].key]
    is_inner = [not any(o.key.endswith("/service") for o in g) for g in routers]
    assert is_inner == sorted(is_inner, reverse=True)
    table.written(store.run(groups))
    table.apply({route_text(r.routespec): None for r in users(100)})
    gone = [g[0].key.split("/")[2] for g in table.difference() if isinstance(g[0], Delete)]
    assert gone.index("services") > max(i for i, kind in enumerate(gone) if kind == "routers")


def test_records_say_what_was_given() -> None:
    route = Route("/user/a%20b/", "http://x:1", {"user": "a b", "n": [1, {"ü": None}]})
    assert read_route(write_route(route)) == route


def test_data_that_is_no_json_is_refused() -> None:
    with pytest.raises(RouteError, match="not JSON"):
        write_route(Route("/x/", "http://x:1", {"x": object()}))


def test_https_targets_get_the_named_transport() -> None:
    def transports(layout: Layout) -> set[str]:
        table = Table(layout)
        table.load({})
        for target in ("http://10.0.0.1:1", "https://10.0.0.1:1", "HTTPS://10.0.0.1:1"):
            text = f"/user/{target[:5]}/"
            table.apply({text: Route(text, target)})
        return {key for key, v in table.wanted.items() if v == "internal-ssl@file"}

    assert transports(Layout()) == set()
    found = transports(Layout(servers_transport="internal-ssl@file"))
    assert len(found) == 2
    assert all(key.endswith("/loadbalancer/serverstransport") for key in found)
