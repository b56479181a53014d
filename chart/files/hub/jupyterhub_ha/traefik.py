"""What JupyterHub's proxy classes with Traefik have in common: their options and their routes."""

from __future__ import annotations

import asyncio
import os
from typing import Any, ClassVar

from jupyterhub.proxy import Proxy
from traitlets import Float, List, TraitError, Unicode, default, validate

from .activity_poll import ActivityPoll
from .committer import Committer
from .errors import NoReplicaError, RouteError, StoreError
from .replicas import Replicas, Report
from .routes import Route, check_namespace, check_target, else_rule, route_text
from .store import Store
from .table import Layout, Table, write_route


class TraefikProxy(Proxy):  # type: ignore[misc]  # jupyterhub has no types
    """Options and routes of every proxy here whose work Traefik does.

    A change is done when it is written and every live replica serves it.
    """

    provider: ClassVar[str]
    """Name of Traefik's provider that reads the store."""

    namespace = Unicode(
        config=True,
        help="""Name of this hub among several behind the same Traefik replicas: at most 20 of a-z,
        0-9 and -. Empty when there is one hub. With several, set `root_rule` too.""",
    )
    root_rule = Unicode(
        else_rule(),
        config=True,
        help="""Traefik rule that every request for this hub matches, for example
        ``Host(`hub.example.org`)``. The routes of the hub are below it.""",
    )
    entry_points = List(
        Unicode(),
        ["http"],
        config=True,
        help="""Traefik's entry points for users, by their names in its static configuration.""",
    )
    servers_transport = Unicode(
        config=True,
        help="""Traefik's serversTransport for servers with an https URL, by its name with provider,
        for example ``internal-ssl@file``; for JupyterHub's `internal_ssl`. Traefik trusts the
        system's authorities if empty.""",
    )
    replica_urls = List(
        Unicode(),
        config=True,
        help="""URLs of the replicas' internal entry point, for example
        http://proxy-replicas:8080. A host name stands for all its addresses and is looked up
        anew for each change. Empty: the hub does not wait for the replicas.""",
    )
    api_username = Unicode(config=True, help="""User for the replicas' API.""")
    api_password = Unicode(
        config=True,
        help="""Password for the replicas' API; JUPYTERHUB_HA_API_PASSWORD is the default.""",
    )
    commit_timeout = Float(
        30.0, min=0.1, config=True, help="""Seconds in which a change must be written."""
    )
    replica_timeout = Float(
        30.0,
        min=0.0,
        config=True,
        help="""Seconds to wait for a replica that is alive to serve a change. One that is late is
        named in the log, counted, and not waited for again until it has caught up.""",
    )
    start_timeout = Float(
        120.0,
        min=0.1,
        config=True,
        help="""Seconds to wait for the store of the routing table when the hub starts, and for a
        Traefik that replaces another on one host to read the table.""",
    )

    @default("api_password")
    def _default_api_password(self) -> str:
        return os.environ.get("JUPYTERHUB_HA_API_PASSWORD", "")

    @validate("namespace")
    def _validate_namespace(self, proposal: Any) -> str:
        try:
            return check_namespace(proposal.value)
        except RouteError as error:
            raise TraitError(str(error)) from error

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._adopting: asyncio.Task[Committer] | None = None
        self._activity: ActivityPoll | None = None

    # -- life

    async def start(self) -> None:
        """Wait for the store and adopt the table that is there."""
        await self._ready()

    async def stop(self) -> None:
        """Stop writing. Routes stay, so that users keep working without the hub."""
        adopting, self._adopting = self._adopting, None
        activity, self._activity = self._activity, None
        if activity is not None:
            await activity.close()
        if adopting is None:
            return
        if adopting.done() and not adopting.cancelled() and not adopting.exception():
            await adopting.result().close()
        adopting.cancel()

    async def _ready(self) -> Committer:
        """The committer, after adoption; the hub calls no start() when should_start is False."""
        if self._adopting is None:
            self._adopting = asyncio.create_task(self._adopt())
        adopting = self._adopting
        try:
            return await asyncio.shield(adopting)
        except Exception:
            if self._adopting is adopting:
                self._adopting = None  # the next call tries again
            raise

    def _layout(self) -> Layout:
        """Where the keys are."""
        return Layout(
            self.namespace,
            entry_points=tuple(self.entry_points),
            root_rule=self.root_rule,
            servers_transport=self.servers_transport,
        )

    def _make_store(self, layout: Layout) -> Store:
        """The store of the routing table."""
        raise NotImplementedError

    async def _adopt(self) -> Committer:
        layout = self._layout()
        replicas = Replicas(
            self.replica_urls,
            layout.marker,
            username=self.api_username,
            password=self.api_password,
            provider=self.provider,
            timeout=self.replica_timeout,
            log=self.log,
        )
        committer = Committer(
            Table(layout),
            self._make_store(layout),
            replicas,
            commit_timeout=self.commit_timeout,
            log=self.log,
        )
        try:
            await committer.adopt(self.start_timeout)
        except BaseException:
            await committer.close()
            raise
        self._activity = ActivityPoll(replicas, self.provider, log=self.log)
        return committer

    # -- routes

    async def add_route(self, routespec: str, target: str, data: dict[str, Any]) -> None:
        """Add or replace a route; returns when all live replicas serve it.

        Raises RouteError for a routespec or target that cannot be served, StoreError when it
        cannot be written, NoReplicaError when no replica serves it although one was there before.
        """
        routespec = self.validate_routespec(routespec)
        route = Route(routespec, check_target(target), dict(data))
        write_route(route)  # refuse what is no JSON here, not in the middle of a commit
        committer = await self._ready()
        text = route_text(routespec)
        report = await committer.submit(text, route)
        if self._activity is not None:
            self._activity.added(committer.table.names.route(text))
        self._require_a_replica(committer, routespec, report)

    async def delete_route(self, routespec: str) -> None:
        """Delete a route if it exists; returns when all live replicas have dropped it."""
        text = route_text(self.validate_routespec(routespec))
        committer = await self._ready()
        await committer.submit(text, None)

    async def get_all_routes(self) -> dict[str, dict[str, Any]]:
        """All routes by routespec, as they were added.

        Their data also have the `last_activity` (ISO 8601, UTC) where it is known: when the route
        was added, or else the first call after a request ended well. What is sent through an open
        websocket is not seen. The store is checked on the way: what somebody else removed is
        written again.
        """
        committer = await self._ready()
        try:
            await committer.check()
        except StoreError as error:
            # Traefik has its copy and the hub its own: nobody is served better by an error here.
            self.log.warning("Cannot check the routing table: %s", error)
        table = committer.table
        if self._activity is not None:
            await self._activity.update(lambda: [table.names.route(t) for t in table.routes])
        return {
            route.routespec: self._as_jupyterhub_wants(route, table.names.route(text))
            for text, route in table.routes.items()
        }

    async def get_route(self, routespec: str) -> dict[str, Any] | None:
        """One route, None if there is none; its last activity is that of the last poll."""
        text = route_text(self.validate_routespec(routespec))
        table = (await self._ready()).table
        route = table.routes.get(text)
        return self._as_jupyterhub_wants(route, table.names.route(text)) if route else None

    def _as_jupyterhub_wants(self, route: Route, service: str) -> dict[str, Any]:
        data = dict(route.data)
        last = self._activity.activity.last(service) if self._activity else None
        if last is not None:
            data["last_activity"] = last
        return {"routespec": route.routespec, "target": route.target, "data": data}

    def _require_a_replica(self, committer: Committer, routespec: str, report: Report) -> None:
        missing = report.lagging or report.skipped
        if report.live or not missing:
            return
        message = f"no Traefik replica serves {routespec}: {', '.join(missing)}"
        if committer.replicas.seen:
            raise NoReplicaError(message)
        # At a first start the hub may be up before Traefik; the table waits for it.
        self.log.warning("%s; none was seen yet", message)
