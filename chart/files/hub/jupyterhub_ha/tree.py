"""The shape of the routing table: a radix tree over the routes' texts. Pure: no I/O.

Traefik tries the routers of one level one after another, so a level is kept short: a node with
more than SPLIT children gets inner nodes. An inner node stays while its subtree has MERGE routes,
so that a user who logs in and out does not change the shape each time. The same set of routes put
into an empty tree gives the same shape; later changes touch few nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

SPLIT = 32
MERGE = 16


class Node:
    """An inner node: all routes whose text begins with its prefix are below it.

    `routes` are the texts of the routes directly below. The route whose text is the prefix
    itself, if there is one, is among them, and takes what nothing else below matches.
    """

    __slots__ = ("nodes", "parent", "prefix", "routes", "size")

    def __init__(self, prefix: str, parent: Node | None) -> None:
        self.prefix = prefix
        self.parent = parent
        self.routes: set[str] = set()
        self.nodes: dict[str, Node] = {}
        self.size = 0  # routes in the whole subtree

    def __repr__(self) -> str:
        return f"<Node {self.prefix!r}: {len(self.routes)} routes, {len(self.nodes)} nodes>"

    @property
    def children(self) -> int:
        """How many rules Traefik tries here at most, without the fallback."""
        return len(self.routes) + len(self.nodes) - (self.prefix in self.routes)

    def walk(self) -> Iterator[Node]:
        """This node and all below it, parents first."""
        yield self
        for node in self.nodes.values():
            yield from node.walk()


class Tree:
    """The tree of one hub. `touched` collects the prefixes of the nodes whose children changed,
    `dropped` of those that are gone; the reader empties both.
    """

    def __init__(self, prefixes: Iterable[str] = (), texts: Iterable[str] = ()) -> None:
        """Start with a known shape (the inner nodes' prefixes) and its routes."""
        self.root = Node("", None)
        self.touched: set[Node] = {self.root}
        self.dropped: set[str] = set()
        for prefix in sorted(set(prefixes) - {""}, key=lambda p: (len(p), p)):
            self._attach(Node(prefix, None), self.locate(prefix))
        for text in texts:
            self._put(text)
        for node in [n for n in self.root.walk() if n.parent and not n.size]:
            self._detach(node)
        for node in list(self.root.walk()):
            self._split(node)

    def locate(self, text: str) -> Node:
        """The deepest node whose prefix the text begins with."""
        node = self.root
        while True:
            for prefix, child in node.nodes.items():
                if text.startswith(prefix):
                    node = child
                    break
            else:
                return node

    def inside(self, text: str) -> Iterator[Node]:
        """All inner nodes whose prefix begins with the text."""
        start = self.locate(text)
        if start.prefix.startswith(text):
            yield from start.walk()
            return
        for prefix, node in start.nodes.items():
            if prefix.startswith(text):
                yield from node.walk()

    def change(self, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Take routes out and put routes in, then restore the bounds where it was touched.

        A text that is there already, or is not there to be removed, changes nothing.
        """
        shrunk, grown = set(), set()
        for text in remove:
            node = self.locate(text)
            if text in node.routes:
                node.routes.discard(text)
                self._count(node, -1)
                self.touched.add(node)
                shrunk.add(node)
        for text in add:
            node = self.locate(text)
            if text not in node.routes:
                self._put(text)
                grown.add(node)
        for node in sorted(shrunk, key=lambda n: n.prefix, reverse=True):
            self._shrink(node)
        for node in sorted(grown, key=lambda n: n.prefix):
            if node is self.root or node.parent:
                self._split(node)

    def _put(self, text: str) -> None:
        node = self.locate(text)
        node.routes.add(text)
        self._count(node, 1)
        self.touched.add(node)

    def _count(self, node: Node | None, by: int) -> None:
        while node is not None:
            node.size += by
            node = node.parent

    def _split(self, node: Node) -> None:
        while node.children > SPLIT:
            found = _largest_group(node)
            if found is None:
                return  # all children differ in their next byte
            prefix, texts = found
            inner = Node(prefix, None)
            for text in texts:
                if text in node.nodes:
                    moved = node.nodes.pop(text)
                    moved.parent, inner.nodes[text] = inner, moved
                    inner.size += moved.size
                    self.touched.add(moved)
                else:
                    node.routes.discard(text)
                    inner.routes.add(text)
                    inner.size += 1
            self._attach(inner, node)
            self._split(inner)

    def _shrink(self, node: Node) -> None:
        """Dissolve nodes upwards from here while they are too small to be worth a level."""
        while node.parent is not None:
            parent, own = node.parent, len(node.routes) + len(node.nodes)
            fits = parent.children - 1 + own <= SPLIT
            if own > 1 and not (node.size < MERGE and fits):
                return
            parent.routes |= node.routes
            for child in node.nodes.values():
                self._attach(child, parent)
            self._detach(node)
            node = parent

    def _attach(self, node: Node, parent: Node) -> None:
        node.parent = parent
        parent.nodes[node.prefix] = node
        self.dropped.discard(node.prefix)
        self.touched |= {node, parent}

    def _detach(self, node: Node) -> None:
        parent = node.parent
        if parent is None:
            raise ValueError("the root cannot be taken out")
        del parent.nodes[node.prefix]
        node.parent = None
        self.dropped.add(node.prefix)
        self.touched.discard(node)
        self.touched.add(parent)


def _largest_group(node: Node) -> tuple[str, list[str]] | None:
    """The prefix and the children that become one inner node; None if nothing can be grouped."""
    texts = sorted({*node.routes, *node.nodes} - {node.prefix})
    common = _common(texts[0], texts[-1])
    if texts[0] == common:
        # One route encloses all others: it becomes the fallback of a node of its own.
        return common, texts
    groups: dict[str, list[str]] = {}
    for text in texts:
        groups.setdefault(text[len(common)], []).append(text)
    group = max(groups.values(), key=len)  # texts are sorted, so ties go to the smallest byte
    if len(group) < 2:
        return None
    return _common(group[0], group[-1]), group


def _common(first: str, last: str) -> str:
    """The longest common prefix of a sorted list, from its first and last element."""
    for i, (a, b) in enumerate(zip(first, last, strict=False)):
        if a != b:
            return first[:i]
    return first[: len(last)]
