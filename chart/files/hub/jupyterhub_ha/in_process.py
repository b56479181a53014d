"""JupyterHub's proxy in the hub's own process: no other program."""

from __future__ import annotations

import asyncio
import resource
import ssl
import sys
import time
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from jupyterhub.proxy import Proxy
from jupyterhub.utils import make_ssl_context, url_path_join
from traitlets import Bool, Float, Integer, List, Unicode, default, validate

from .errors import ListenError
from .in_process_server import ProxyServer
from .in_process_service import Options
from .in_process_sockets import Listener, ServerTls, inherited_listeners, open_listeners
from .in_process_table import Entry, RouteTable

_OPEN_FILES = 65536


class InProcessProxy(Proxy):  # type: ignore[misc]
    """Serves users from the hub's process, in a thread with an event loop of its own.

    It listens at JupyterHub's `bind_url` with its `ssl_key` and `ssl_cert`, and needs no other
    setting. Routes live in memory: while the hub restarts, nobody is served.
    """

    listen = List(
        Unicode(),
        config=True,
        help="""More URLs to listen at, beside JupyterHub's `bind_url`: `http://10.0.0.1:8080`,
        `https://:8443` or `unix+http://%2Frun%2Fjupyterhub.sock`.""",
    )
    trusted_networks = List(
        Unicode(),
        config=True,
        help="""Addresses or networks of the proxies in front of this one: what they say in
        X-Forwarded-For, -Host, -Port and -Proto is passed on, and ours is added. From others these
        headers are dropped. By default those in JupyterHub's `trusted_downstream_ips`.""",
    )
    error_pages = Bool(
        True,
        config=True,
        help="""Ask the hub for its error pages; else users see a line of text.""",
    )
    max_head_bytes = Integer(
        65536,
        min=1024,
        config=True,
        help="""Longest request line with headers, in bytes; longer ones are refused with 414 or
        431.""",
    )
    keep_alive_timeout = Float(
        75.0, min=1, config=True, help="""Seconds after which an idle connection is closed."""
    )
    head_timeout = Float(
        60.0, min=1, config=True, help="""Seconds in which a request's headers must arrive."""
    )
    connect_timeout = Float(
        10.0,
        min=0,
        config=True,
        help="""Seconds to wait for a server to accept a connection; 0: as long as the kernel.""",
    )
    response_timeout = Float(
        0.0,
        min=0,
        config=True,
        help="""Seconds without a byte of a server's answer after which it is given up (504);
        0: never. Websockets are never given up.""",
    )
    drain_timeout = Float(
        5.0,
        min=0,
        config=True,
        help="""Seconds that running requests have to end when the hub stops. Websockets are
        closed at once, since they would not end.""",
    )
    wait_for_routes = Float(
        30.0,
        min=0,
        config=True,
        help="""When the hub starts, connections wait until it has added the routes of the servers
        that run, at most for so many seconds. Without that, users of these servers would be sent
        to the hub.""",
    )
    switch_interval = Float(
        0.001,
        min=0,
        config=True,
        help="""Python's thread switch interval in seconds (`sys.setswitchinterval`): how long hub
        and proxy may keep each other waiting. 0 leaves Python's own 0.005.""",
    )

    @default("trusted_networks")
    def _default_networks(self) -> list[str]:
        return list(getattr(self.app, "trusted_downstream_ips", []))

    @validate("trusted_networks")
    def _validate_networks(self, proposal: Any) -> list[str]:
        for network in proposal.value:
            ip_network(network)  # says itself what is wrong
        return list(proposal.value)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._table = RouteTable(host_routing=self.host_routing)
        self._server: ProxyServer | None = None
        self._checked = False  # whether the hub has added the routes that it started with
        self._opening: asyncio.TimerHandle | None = None

    # -- start and stop

    async def start(self) -> None:
        """Listen; users are served when the hub has checked its routes for the first time."""
        _raise_open_files()
        if self.switch_interval:
            sys.setswitchinterval(self.switch_interval)
        server_tls = ServerTls(self.ssl_cert, self.ssl_key) if self.ssl_cert else None
        if server_tls is None:
            self.log.warning("Running JupyterHub without TLS: terminate it in front of this proxy")
        self._server = ProxyServer(
            self._table,
            self._listeners(),
            self._options(),
            self.log,
            server_tls=server_tls,
            client_tls=self._client_tls,
        )
        await self._server.start()
        if self.wait_for_routes:
            loop = asyncio.get_running_loop()
            self._opening = loop.call_later(self.wait_for_routes, self._open_late)
        else:
            self._checked = True
            await self._server.open()

    async def stop(self) -> None:
        """Accept no more, let running requests end (`drain_timeout`), and end the thread."""
        self._cancel_opening()
        server, self._server = self._server, None
        if server is not None:
            await server.stop(self.drain_timeout)

    async def check_routes(
        self, user_dict: Any, service_dict: Any, routes: dict[str, Any] | None = None
    ) -> None:
        """What JupyterHub's Proxy does; users are let in after the first time."""
        try:
            await super().check_routes(user_dict, service_dict, routes)
        finally:
            self._checked = True
            self._cancel_opening()
            if self._server is not None:
                await self._server.open()

    def _open_late(self) -> None:
        self._opening = None
        if self._server is not None:
            self.log.warning("The hub has not checked its routes yet; serving all the same")
            self._late = asyncio.ensure_future(self._server.open())

    def _cancel_opening(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None

    def _listeners(self) -> list[Listener]:
        urls = [*self.listen]
        inherited = inherited_listeners(tls=bool(self.ssl_cert))
        if not inherited:
            urls.insert(0, self.public_url)
        encrypted = [url for url in urls if url.partition(":")[0].removeprefix("unix+") == "https"]
        if encrypted and not self.ssl_cert:
            raise ListenError(
                f"{', '.join(encrypted)}: set JupyterHub.ssl_cert and ssl_key, or write http://"
            )
        return inherited + open_listeners(urls)

    def _options(self) -> Options:
        networks: list[IPv4Network | IPv6Network] = [ip_network(n) for n in self.trusted_networks]
        error_url = url_path_join(self.hub.url, "error") if self.error_pages and self.hub else ""
        return Options(
            trusted_networks=networks,
            max_head_bytes=self.max_head_bytes,
            keep_alive_timeout=self.keep_alive_timeout,
            head_timeout=self.head_timeout,
            connect_timeout=self.connect_timeout,
            response_timeout=self.response_timeout,
            error_url=error_url,
        )

    def _client_tls(self) -> ssl.SSLContext:
        """For https targets: with the proxy's own certificate if JupyterHub has internal_ssl."""
        if not self.app.internal_ssl:
            return ssl.create_default_context()
        files = self.app.internal_proxy_certs["proxy-client"]
        authority = self.app.internal_trust_bundles["proxy-client-ca"]
        context = make_ssl_context(files["keyfile"], files["certfile"], cafile=authority)
        assert isinstance(context, ssl.SSLContext)  # noqa: S101 - for the type checker
        return context

    # -- routes

    async def add_route(self, routespec: str, target: str, data: dict[str, Any]) -> None:
        """Add or replace a route; the next request is served by it.

        Raises RouteError for a target that is not a web server's URL.
        """
        routespec = self.validate_routespec(routespec)
        # What a starting hub adds were running before; when they were used last it knows itself.
        seen = time.time() if self._checked else 0.0
        old = self._table.add(routespec, target, dict(data or {}), seen)
        if old is not None and old.url != target:
            self._drop(old)

    async def delete_route(self, routespec: str) -> None:
        """Delete a route if it exists; requests that run may end."""
        old = self._table.delete(self.validate_routespec(routespec))
        if old is not None:
            self._drop(old)

    async def get_all_routes(self) -> dict[str, dict[str, Any]]:
        """All routes by routespec, as they were added.

        `last_activity` in their data (ISO 8601, UTC) is the time of the last byte of a request's
        body, of a successful answer or of a websocket; before these the time when the route was
        added, but for the routes that the hub added while it started.
        """
        return {entry.routespec: _as_jupyterhub_wants(entry) for entry in self._table.entries()}

    async def get_route(self, routespec: str) -> dict[str, Any] | None:
        """One route, None if there is none."""
        entry = self._table.get(self.validate_routespec(routespec))
        return _as_jupyterhub_wants(entry) if entry else None

    def _drop(self, entry: Entry) -> None:
        if self._server is not None:
            self._server.drop(entry.target)


def _as_jupyterhub_wants(entry: Entry) -> dict[str, Any]:
    data = dict(entry.data)
    if entry.last_activity:
        data["last_activity"] = datetime.fromtimestamp(entry.last_activity, UTC).isoformat()
    return {"routespec": entry.routespec, "target": entry.url, "data": data}


def _raise_open_files() -> None:
    """A websocket needs two files; the usual soft limit of 1024 is for programs with select()."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
