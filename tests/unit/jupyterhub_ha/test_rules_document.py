"""Keys of a KV store as the file provider's document, and back."""

from __future__ import annotations

import tomllib

import pytest

from jupyterhub_ha.routes import Route, route_text
from jupyterhub_ha.rules_document import RulesDocument
from jupyterhub_ha.table import Delete, Layout, Operation, Put, Table

PREFIX = "traefik/http/"
SPECS = [
    "/",
    *(f"/user/student{i:03}/" for i in range(60)),
    "/user/student001/lab/",
    "/user/%7B%7Benv%20%22HOME%22%7D%7D/",
    "/user/quote%22%60%5C/",
    "/user/%F0%9F%98%80/",
    "/user/%FF/",
    "a.example.com/user/ada/",
]


def table_of(*specs: str) -> Table:
    table = Table(Layout(entry_points=tuple(f"e{i}" for i in range(12))))
    table.load({})
    table.apply({route_text(s): Route(s, "http://10.0.0.1:8888", {}) for s in specs})
    return table


def rules_of(table: Table) -> dict[str, str]:
    return {key: value for key, value in table.wanted.items() if key.startswith(PREFIX)}


def document_of(pairs: dict[str, str]) -> RulesDocument:
    document = RulesDocument(PREFIX)
    document.apply(Put(key, value) for key, value in pairs.items())
    return document


def test_every_key_comes_back_from_the_text() -> None:
    pairs = rules_of(table_of(*SPECS))
    text = document_of(pairs).text()
    assert RulesDocument(PREFIX, text).pairs() == pairs
    assert RulesDocument(PREFIX, text).text() == text
    assert "{{" not in text


def test_the_document_has_the_names_and_lists_of_traefik_s_documentation() -> None:
    pairs = {
        "traefik/http/routers/r/rule": "PathPrefix(`/a`)",
        "traefik/http/routers/r/parentrefs/0": "p",
        **{f"traefik/http/routers/p/entrypoints/{i}": f"e{i}" for i in range(12)},
        "traefik/http/services/s/loadbalancer/servers/0/url": "http://x:1",
        "traefik/http/services/s/loadbalancer/serverstransport": "t",
        Layout().marker_key: "7",
    }
    assert tomllib.loads(document_of(pairs).text()) == {
        "http": {
            "routers": {
                "r": {"rule": "PathPrefix(`/a`)", "parentRefs": ["p"]},
                "p": {"entryPoints": [f"e{i}" for i in range(12)]},
            },
            "services": {
                "s": {"loadBalancer": {"serversTransport": "t", "servers": [{"url": "http://x:1"}]}}
            },
            "middlewares": {
                "jupyterhub-generation": {"headers": {"customResponseHeaders": {"generation": "7"}}}
            },
        }
    }


def test_changes_write_the_same_as_a_new_document() -> None:
    table = table_of(*SPECS)
    document = document_of(rules_of(table))
    document.text()
    table.written([o for group in table.difference() for o in group])
    changes: dict[str, Route | None] = {f"/user/student{i:03}/": None for i in range(0, 60, 2)}
    changes["/user/student001/"] = Route("/user/student001/", "http://10.0.0.2:8888", {})
    table.apply(changes)
    operations = [o for group in table.difference() for o in group]
    document.apply(o for o in operations if o.key.startswith(PREFIX))
    assert document.text() == document_of(rules_of(table)).text()
    assert document.pairs() == rules_of(table)


def test_empty_sections_are_left_out() -> None:
    document = document_of({"traefik/http/routers/r/rule": "x"})
    operations: list[Operation] = [Delete("traefik/http/routers/r/rule")]
    document.apply([*operations, Delete("traefik/http/routers/never/rule")])
    assert tomllib.loads(document.text()) == {}


def test_what_others_wrote_stays() -> None:
    theirs = {"http": {"routers": {"mine": {"priority": 7, "tls": {}}}}, "tcp": {"x": [1]}}
    document = RulesDocument(
        PREFIX, "tcp = {x = [1]}\n[http.routers.mine]\npriority = 7\ntls = {}\n"
    )
    assert document.pairs() == {"traefik/http/routers/mine/priority": "7"}
    assert tomllib.loads(document.text()) == theirs
    document.apply([Put("traefik/http/routers/r/rule", "x")])
    theirs["http"]["routers"]["r"] = {"rule": "x"}
    assert tomllib.loads(document.text()) == theirs


@pytest.mark.parametrize("text", ["[http", "http = 1", "[http]\nrouters = []", "\ufffd\ufffd"])
def test_what_is_no_such_document_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        RulesDocument(PREFIX, text)
