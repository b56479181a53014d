"""The routing table as etcd keys. Pure: no I/O.

Under Traefik's root key stand routers and services: inner routers own entry points and lead by
``parentRefs`` to leaves, which have only rule, parent and service. Under ``jupyterhub-ha/`` stand
one JSON record for each route and one for each inner node, so that a restarted hub reads the same
table in the same shape; Traefik does not read those, so they cost it nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .errors import RouteError
from .routes import (
    Names,
    Route,
    check_target,
    else_rule,
    enclosing_texts,
    low_priority,
    route_text,
    rule,
)
from .tree import Node, Tree

RECORDS = "jupyterhub-ha/"
MARKER = "jupyterhub-generation"


def marks_in(body: bytes) -> dict[str, str]:
    """The marker's headers (`generation`, `store`, ...) as Traefik's API shows the middleware.

    Empty where the answer shows none.
    """
    try:
        headers = json.loads(body)["headers"]["customResponseHeaders"]
        return {str(name): str(value) for name, value in headers.items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}


def generation_in(marks: Mapping[str, str]) -> int:
    """The generation that these marks tell of, 0 for none."""
    found = marks.get("generation", "")
    return int(found) if found.isdigit() else 0


@dataclass(frozen=True, slots=True)
class Put:
    """Write this value."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove this key."""

    key: str


Operation = Put | Delete


@dataclass(frozen=True, slots=True)
class Layout:
    """Where one hub's keys are, and what the root of its tree owns."""

    namespace: str = ""
    root_key: str = "traefik"
    entry_points: tuple[str, ...] = ("http",)
    root_rule: str = else_rule()
    servers_transport: str = ""

    @property
    def http(self) -> str:
        """Prefix of everything that Traefik reads here."""
        return f"{self.root_key}/http/"

    @property
    def records(self) -> str:
        """Prefix of this hub's records."""
        return RECORDS + (f"{self.namespace}/" if self.namespace else "")

    @property
    def marker(self) -> str:
        """Name of the middleware that carries the generation."""
        return f"{MARKER}-{self.namespace}" if self.namespace else MARKER

    @property
    def marker_key(self) -> str:
        """Key of the generation."""
        return self.mark_key("generation")

    def mark_key(self, what: str) -> str:
        """Key of a header of the marker; replicas show its value, and no response has it."""
        return f"{self.http}middlewares/{self.marker}/headers/customresponseheaders/{what}"

    @property
    def watched(self) -> tuple[str, ...]:
        """Prefixes of all keys that this hub cares for."""
        return self.http, f"{self.records}routes/", f"{self.records}nodes/"

    def may_own(self, key: str) -> bool:
        """Whether this hub cares for a key that has one of the `watched` prefixes."""
        if not key.startswith(self.http):
            return True
        kind, _, rest = key.removeprefix(self.http).partition("/")
        name = rest.partition("/")[0]
        if kind in {"routers", "services"}:
            return Names(self.namespace).is_own(name)
        return kind == "middlewares" and name == self.marker


class Table:
    """One hub's routes, the keys they should have (`wanted`) and those they have (`known`)."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.names = Names(layout.namespace)
        self.routes: dict[str, Route] = {}
        self.wanted: dict[str, str] = {}
        self.known: dict[str, str] = {}
        self._tree = Tree()
        self._rendered: dict[str, dict[str, str]] = {}
        self._suspect: set[str] = set()  # keys whose wanted and known value may differ

    def load(self, pairs: Mapping[str, str]) -> tuple[list[str], list[str]]:
        """Take over what etcd has; routes that are in memory already stay as they are.

        Returns the keys of records that cannot be read, which will be removed, and what stands
        in Traefik's prefix and is no hub's, such as "middlewares/mine", which is left alone.
        """
        prefixes = [node.prefix for node in self._tree.root.walk()]
        found: dict[str, Route] = {}
        self.known, broken, foreign = {}, [], set()
        for key, value in pairs.items():
            if key.startswith(self.layout.http):
                kind, _, rest = key.removeprefix(self.layout.http).partition("/")
                name = rest.partition("/")[0]
                if kind in {"routers", "services"} and self.names.is_own(name):
                    self.known[key] = value
                elif not self.names.belongs_to_a_hub(name) and not name.startswith(MARKER):
                    foreign.add(f"{kind}/{name}")
            elif key.startswith(self.layout.records):
                kind = key.removeprefix(self.layout.records).partition("/")[0]
                if kind not in {"routes", "nodes"}:
                    continue  # another namespace's
                self.known[key] = value
                try:
                    if kind == "nodes":
                        prefixes.append(_read_node(value))
                    else:
                        route = read_route(value)
                        found[route_text(route.routespec)] = route
                except ValueError:
                    broken.append(key)
        self.routes = {**found, **self.routes}
        self._tree = Tree(prefixes, self.routes)
        self.wanted, self._rendered = {}, {}
        self._render()
        self._suspect = self.wanted.keys() | self.known.keys()
        return broken, sorted(foreign)

    def apply(self, changes: Mapping[str, Route | None]) -> dict[str, Route | None]:
        """Set or remove routes, by text; returns what would undo it."""
        undo = {text: self.routes.get(text) for text in changes}
        added = [text for text, route in changes.items() if route and not undo[text]]
        removed = [text for text, route in changes.items() if not route and undo[text]]
        for text, route in changes.items():
            if route is None:
                self.routes.pop(text, None)
            else:
                self.routes[text] = route
                self._tree.touched.add(self._tree.locate(text))
        self._tree.change(added, removed)
        for text in (*added, *removed):
            self._tree.touched.update(self._tree.inside(text))  # their fallback may be another
        self._render()
        return undo

    def difference(self) -> list[list[Operation]]:
        """What must be written so that etcd has what is wanted.

        Each inner list belongs together in one transaction: the keys of one router. The order is
        safe when the whole needs several: services, inner routers, routes; then removals, routers
        before services.
        """
        groups: dict[tuple[int, str], list[Operation]] = {}
        for key in sorted(self._suspect):
            wanted = self.wanted.get(key)
            if wanted == self.known.get(key):
                continue
            operation = Delete(key) if wanted is None else Put(key, wanted)
            groups.setdefault(self._rank(key), []).append(operation)
        return [groups[rank] for rank in sorted(groups)]

    def written(self, operations: Iterable[Operation]) -> None:
        """Note that etcd has these now."""
        for operation in operations:
            if isinstance(operation, Put):
                self.known[operation.key] = operation.value
            else:
                self.known.pop(operation.key, None)
            if self.known.get(operation.key) == self.wanted.get(operation.key):
                self._suspect.discard(operation.key)

    def _rank(self, key: str) -> tuple[int, str]:
        owner = self._owner(key)
        if "/services/" in owner or key.startswith(self.layout.records):
            return (0, owner) if key in self.wanted else (4, owner)
        if f"{owner}/rule" not in self.wanted:
            return 3, owner
        return (2, owner) if f"{owner}/service" in self.wanted else (1, owner)

    def _owner(self, key: str) -> str:
        """The part of a Traefik key that ends with the name; a record's whole key."""
        if not key.startswith(self.layout.http):
            return key
        return "/".join(key.split("/", self.layout.http.count("/") + 2)[:-1])

    def _render(self) -> None:
        """Bring `wanted` up to date for the nodes that were touched."""
        tree = self._tree
        old: dict[str, str] = {}
        new: dict[str, str] = {}
        for prefix in tree.dropped:
            old |= self._rendered.pop(prefix, {})
        for node in tree.touched:
            keys = self._node_keys(node)
            old |= self._rendered.get(node.prefix, {})
            new |= keys
            self._rendered[node.prefix] = keys
        tree.dropped, tree.touched = set(), set()
        for key in old.keys() - new.keys():
            del self.wanted[key]
        for key, value in new.items():
            if self.wanted.get(key) != value:
                self.wanted[key] = value
                self._suspect.add(key)
        self._suspect |= old.keys() - new.keys()

    def _node_keys(self, node: Node) -> dict[str, str]:
        if not node.size:
            return {}
        name = self.names.node(node.prefix)
        keys = {}
        if node.parent is None:
            keys[self._router(name, "rule")] = self.layout.root_rule
            for i, entry_point in enumerate(self.layout.entry_points):
                keys[self._router(name, f"entrypoints/{i}")] = entry_point
        else:
            keys[self._router(name, "rule")] = rule(node.prefix, node.parent.prefix)
            keys[self._router(name, "parentrefs/0")] = self.names.node(node.parent.prefix)
            keys[f"{self.layout.records}nodes/{name}"] = json.dumps(node.prefix)
        for text in node.routes:
            keys |= self._route_keys(text, node, name)
        if node.prefix not in node.routes:
            keys |= self._fallback_keys(node, name)
        return keys

    def _route_keys(self, text: str, node: Node, parent: str) -> dict[str, str]:
        name, route = self.names.route(text), self.routes[text]
        own = text == node.prefix
        keys = {
            self._router(name, "rule"): else_rule() if own else rule(text, node.prefix),
            self._router(name, "parentrefs/0"): parent,
            self._router(name, "service"): name,
            f"{self.layout.http}services/{name}/loadbalancer/servers/0/url": route.target,
            f"{self.layout.records}routes/{name}": write_route(route),
        }
        if self.layout.servers_transport and route.target.lower().startswith("https:"):
            balancer = f"{self.layout.http}services/{name}/loadbalancer"
            keys[f"{balancer}/serverstransport"] = self.layout.servers_transport
        if not own and any(prefix.startswith(text) for prefix in node.nodes):
            keys[self._router(name, "priority")] = str(low_priority(text, node.prefix))
        return keys

    def _fallback_keys(self, node: Node, parent: str) -> dict[str, str]:
        service = next((t for t in enclosing_texts(node.prefix) if t in self.routes), None)
        if service is None:
            return {}
        name = self.names.fallback(node.prefix)
        return {
            self._router(name, "rule"): else_rule(),
            self._router(name, "parentrefs/0"): parent,
            self._router(name, "service"): self.names.route(service),
        }

    def _router(self, name: str, what: str) -> str:
        return f"{self.layout.http}routers/{name}/{what}"


def write_route(route: Route) -> str:
    """A route's record; RouteError if its data is not JSON."""
    try:
        return json.dumps(
            {"routespec": route.routespec, "target": route.target, "data": route.data},
            sort_keys=True,
            separators=(",", ":"),
        )
    except (TypeError, ValueError) as error:
        raise RouteError(f"data of {route.routespec!r} is not JSON: {error}") from error


def read_route(record: str) -> Route:
    """The route of a record; ValueError if it is none."""
    found = json.loads(record)
    if not isinstance(found, dict) or not isinstance(found.get("data"), dict):
        raise ValueError("a record is an object with routespec, target and data")
    route = Route(str(found.get("routespec", "")), str(found.get("target", "")), found["data"])
    route_text(route.routespec)
    check_target(route.target)
    return route


def _read_node(record: str) -> str:
    prefix = json.loads(record)
    if not isinstance(prefix, str):
        raise ValueError("an inner node's record is its prefix")
    return prefix
