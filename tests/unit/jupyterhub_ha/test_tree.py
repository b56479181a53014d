"""The tree keeps its bounds and its routes whatever happens."""

from __future__ import annotations

import random

import pytest

from jupyterhub_ha.routes import route_text
from jupyterhub_ha.tree import MERGE, SPLIT, Node, Tree

POPULATIONS = {
    "numbered": [f"/user/student{i:04}/" for i in range(2000)],
    "emails": [f"/user/{chr(97 + i % 26)}{i}@example.com/" for i in range(1500)],
    "hashes": [f"/user/{random.Random(i).randbytes(16).hex()}/" for i in range(1500)],
    "named servers": [
        f"/user/u{i}/{server}" for i in range(150) for server in ("", "lab/", "r/", "r2/")
    ],
    "one user's servers": ["/user/ada/", *(f"/user/ada/s{i:03}/" for i in range(200))],
    "nested": ["/" + "x/" * i for i in range(1, 120)],
    "unicode": [f"/user/{chr(0x4E00 + 7 * i)}/" for i in range(1500)],
    "hosts": [f"u{i}.example.com/user/u{i}/" for i in range(500)],
    "one letter": [f"/{'a' * i}/" for i in range(1, 150)],
}


def texts_of(name: str) -> list[str]:
    return ["", *(route_text(spec) for spec in POPULATIONS[name])]


def shape(tree: Tree) -> dict[str, set[str]]:
    return {node.prefix: set(node.routes) for node in tree.root.walk()}


def check(tree: Tree, expected: set[str]) -> None:
    """Every route is once in the tree, below the deepest node that fits, in short levels."""
    found = [text for node in tree.root.walk() for text in node.routes]
    assert sorted(found) == sorted(expected)
    for node in tree.root.walk():
        below = sum(len(n.routes) for n in node.walk())
        assert node.size == below
        if node.parent:
            assert node.prefix.startswith(node.parent.prefix)
            assert len(node.prefix) > len(node.parent.prefix)
            assert node.parent.nodes[node.prefix] is node
            assert below > 0
        siblings = [*node.nodes]
        assert not any(a != b and a.startswith(b) for a in siblings for b in siblings)
        for text in node.routes:
            assert tree.locate(text) is node
        firsts = {t[len(node.prefix)] for t in (*node.routes, *node.nodes) if t != node.prefix}
        assert node.children <= max(SPLIT, len(firsts))


@pytest.mark.parametrize("name", POPULATIONS)
def test_levels_are_short_and_routes_complete(name: str) -> None:
    check(Tree(texts=texts_of(name)), set(texts_of(name)))


@pytest.mark.parametrize("name", POPULATIONS)
def test_same_routes_give_the_same_shape(name: str) -> None:
    texts = texts_of(name)
    shuffled = random.Random(1).sample(texts, len(texts))
    assert shape(Tree(texts=texts)) == shape(Tree(texts=shuffled))


@pytest.mark.parametrize("name", POPULATIONS)
@pytest.mark.parametrize("seed", range(3))
def test_random_changes_keep_the_bounds_and_can_be_adopted(name: str, seed: int) -> None:
    chance = random.Random(seed)
    pool = texts_of(name)
    tree, present = Tree(), set[str]()
    for _ in range(60):
        add = set(chance.sample(pool, chance.randrange(len(pool) // 6)))
        remove = set(chance.sample(pool, chance.randrange(len(pool) // 5))) - add
        tree.change(add, remove)
        present = (present | add) - remove
    check(tree, present)
    adopted = Tree([node.prefix for node in tree.root.walk()], present)
    assert shape(adopted) == shape(tree)
    tree.change(remove=present)
    assert shape(tree) == {"": set()}


def test_one_more_route_touches_few_nodes() -> None:
    tree = Tree(texts=texts_of("numbered"))
    tree.touched = set()
    tree.change(add=["/user/student0001x/"])
    assert len(tree.touched) <= 2
    assert not tree.dropped


def test_a_login_and_a_logout_do_not_change_the_shape_each_time() -> None:
    texts = [f"/user/u{i:02}/" for i in range(SPLIT)]
    tree = Tree(texts=texts)
    assert shape(tree).keys() == {""}
    tree.change(add=["/user/u99/"])
    grown = shape(tree).keys()
    assert len(grown) > 1
    for _ in range(3):
        tree.change(remove=["/user/u99/"])
        tree.change(add=["/user/u99/"])
        assert shape(tree).keys() == grown


def test_small_nodes_are_dissolved() -> None:
    texts = [f"/user/u{i:02}/" for i in range(SPLIT + 1)]
    tree = Tree(texts=texts)
    tree.change(remove=texts[MERGE // 2 :])
    assert shape(tree) == {"": set(texts[: MERGE // 2])}
    assert tree.dropped


def test_a_route_that_is_a_node_s_prefix_belongs_to_the_node() -> None:
    tree = Tree(texts=texts_of("one user's servers"))
    assert tree.locate("/user/ada/").prefix == "/user/ada/"


def test_inside_finds_every_node_that_a_route_encloses() -> None:
    tree = Tree(texts=texts_of("named servers"))
    every = {node.prefix for node in tree.root.walk()}
    for text in ("", "/user/", "/user/u1/", "/user/u", "/nobody/"):
        assert {n.prefix for n in tree.inside(text)} == {p for p in every if p.startswith(text)}


def test_adoption_drops_nodes_without_routes() -> None:
    tree = Tree(["/user/a", "/user/abc", "/gone/"], ["/user/abc1/", "/user/abc2/"])
    assert shape(tree).keys() == {"", "/user/a", "/user/abc"}
    assert tree.dropped == {"/gone/"}


def test_a_node_shows_itself() -> None:
    assert repr(Node("/user/", None)) == "<Node '/user/': 0 routes, 0 nodes>"
