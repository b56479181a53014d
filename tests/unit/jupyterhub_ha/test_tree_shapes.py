"""Whatever names users have: short levels, few keys for a change, the same keys for one set."""

from __future__ import annotations

import random
import statistics
import string

import pytest

from jupyterhub_ha.routes import Route, route_text
from jupyterhub_ha.table import Layout, Table
from jupyterhub_ha.tree import SPLIT, Tree

_MIXED = string.ascii_letters + string.digits + "-_."


def _word(chance: random.Random, letters: str, length: int) -> str:
    return "".join(chance.choice(letters) for _ in range(length))


def _mail(chance: random.Random) -> str:
    name = _word(chance, string.ascii_lowercase + ".", chance.randrange(4, 12))
    return f"{name}@{chance.choice(['example.com', 'students.example.org', 'x.edu'])}"


def _unicode(chance: random.Random) -> str:
    scripts = ["äöüéèñ", "абвгдежз", "かきくけこ", "一二三四五六", "عغفق", "😀😁😂"]
    return "".join(chance.choice(chance.choice(scripts)) for _ in range(6))


SHAPES = {
    "numbered": lambda chance: [f"/user/student{i:04}/" for i in range(3000)],
    "mail addresses": lambda chance: [f"/user/{_mail(chance)}/" for _ in range(2000)],
    "hashes": lambda chance: [f"/user/{chance.randbytes(16).hex()}/" for _ in range(2000)],
    "mixed case": lambda chance: [f"/user/{_word(chance, _MIXED, 8)}/" for _ in range(2000)],
    "unicode": lambda chance: [f"/user/{_unicode(chance)}/" for _ in range(2000)],
    "first and last": lambda chance: [
        f"/user/{first}.{last}/"
        for first in ("anna", "annabel", "anne", "bert", "bernd", "carl", "carla")
        for last in {_word(chance, "aeinrst", 5) for _ in range(150)}
    ],
    "60 servers a user": lambda chance: [
        f"/user/u{user:02}/{server}"
        for user in range(20)
        for server in ("", *(f"gpu-{i}/" for i in range(60)))
    ],
    "services and users": lambda chance: [
        *(f"/services/{_word(chance, string.ascii_lowercase, 6)}/" for _ in range(100)),
        *(f"/user/{_word(chance, string.ascii_lowercase, 6)}/" for _ in range(400)),
    ],
    "hosts": lambda chance: [
        f"{user}.{zone}.hub.example.org/user/{user}/"
        for zone in ("a", "b")
        for user in (f"student{i:03}" for i in range(500))
    ],
    "deep": lambda chance: [
        "/" + "/".join(_word(chance, "ab", 2) for _ in range(chance.randrange(1, 9))) + "/"
        for _ in range(1000)
    ],
}
# Traefik's prefix is compared byte by byte, so children that all differ in their next byte cannot
# be grouped: names in which any letter may come first have as many siblings as letters.
MOST = {"mixed case": len(_MIXED), "mail addresses": 36, "unicode": 40}


def _routes(shape: str) -> list[str]:
    return list(dict.fromkeys(SHAPES[shape](random.Random(7))))


def _keys(table: Table) -> int:
    """Writes the difference to nowhere; returns how many operations it had."""
    operations = [operation for group in table.difference() for operation in group]
    table.written(operations)
    return len(operations)


@pytest.mark.parametrize("shape", SHAPES)
def test_no_level_is_long(shape: str) -> None:
    tree = Tree(texts=["", *map(route_text, _routes(shape))])
    assert max(node.children for node in tree.root.walk()) <= MOST.get(shape, SPLIT)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_request_passes_few_levels_and_rules(shape: str) -> None:
    texts = ["", *map(route_text, _routes(shape))]
    tree = Tree(texts=texts)
    for text in random.Random(1).sample(texts, 100):
        node, rules = tree.locate(text), 0
        while node is not None:
            rules += node.children
            node = node.parent
        assert rules <= 8 * SPLIT


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_routes_have_the_same_keys_in_any_order(shape: str) -> None:
    routes = {route_text(spec): Route(spec, "http://10.0.0.1:1") for spec in _routes(shape)}
    order = random.Random(3).sample([*routes], len(routes))
    one, two = Table(Layout()), Table(Layout())
    one.apply(routes)
    two.apply({text: routes[text] for text in order})
    assert one.wanted == two.wanted


@pytest.mark.parametrize("shape", SHAPES)
def test_one_login_or_logout_changes_few_keys(shape: str) -> None:
    chance = random.Random(5)
    pool = _routes(shape)
    table = Table(Layout())
    present = set(chance.sample(pool, len(pool) // 2))
    table.apply({route_text(spec): Route(spec, "http://10.0.0.1:1") for spec in ["/", *present]})
    _keys(table)
    counts = []
    for spec in chance.choices(pool, k=400):
        leaves = spec in present
        table.apply({route_text(spec): None if leaves else Route(spec, "http://10.0.0.1:1")})
        present ^= {spec}
        counts.append(_keys(table))
    # A leaf has five keys; a level that becomes too long is cut, which moves those that go along.
    assert statistics.median(counts) <= 6
    assert statistics.mean(counts) <= 12
    assert max(counts) <= 6 * SPLIT


@pytest.mark.parametrize("shape", ["numbered", "hosts", "60 servers a user"])
def test_what_many_changes_left_is_no_worse_than_a_fresh_tree(shape: str) -> None:
    chance = random.Random(9)
    texts = [*map(route_text, _routes(shape))]
    tree, present = Tree(), set[str]()
    for _ in range(200):
        text = set(chance.sample(texts, 40))
        tree.change(add=text - present, remove=text & present)
        present ^= text
    assert max(node.children for node in tree.root.walk()) <= SPLIT
    fresh = sum(1 for _ in Tree(texts=present).root.walk())
    assert sum(1 for _ in tree.root.walk()) <= 2 * fresh + 10
