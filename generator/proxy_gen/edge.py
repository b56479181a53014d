"""A virtual host of somebody else's web server in front of our proxy. Pure: no I/O."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .edge_features import CIPHERS, DROPPED_HEADERS, TRAEFIK_FOLDER, Server
from .host_place import authority
from .host_templates import render_from
from .tree import File

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Upstream:
    """A replica or Service of our proxy."""

    host: str
    port: int

    def __str__(self) -> str:
        return authority(self.host, self.port)

    @property
    def is_loopback(self) -> bool:
        """Whether only programs of the same machine reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


@dataclass(frozen=True)
class Edge:
    """What a virtual host is made of; everything is checked (`edge_options`)."""

    server: Server
    kind: str
    """`proxy.kind` of the values."""
    base: str
    """`hub.baseUrl`, with a slash at both ends."""
    given_base: str
    """`hub.baseUrl` as it stands in the values."""
    names: tuple[str, ...]
    upstreams: tuple[Upstream, ...]
    sources: tuple[Network, ...]
    """Where the web server's requests come from, as our proxy sees them."""
    tls: bool
    certificate: str
    key: str
    pem: str
    """Both in one file, for HAProxy."""
    http_port: int
    https_port: int
    addresses: tuple[str, ...] = ()
    """Where to listen; none: at all addresses of the machine."""
    max_body: int = 0
    """In bytes; 0: no limit."""
    tls_in_front: bool = False
    """Without TLS here: whether another server in front ends it."""
    ends_https: bool = False
    """Whether our proxy would end TLS itself, by `proxy.https` of the values."""

    @property
    def prefix(self) -> str:
        """The base without the slash at its end; empty for the root."""
        return self.base.rstrip("/")

    @property
    def id(self) -> str:
        """A name for what else must be unique among the virtual hosts of one server."""
        return "jupyterhub_" + re.sub(r"[^a-z0-9]+", "_", self.names[0] + self.prefix.lower())

    @property
    def short_id(self) -> str:
        """The same where names must not be long: variables of nginx, balancers of Apache."""
        return f"jupyterhub_{hashlib.sha256(self.id.encode()).hexdigest()[:8]}"

    @property
    def scheme(self) -> str:
        """What users' browsers speak with the web server."""
        return "https" if self.tls else "http"

    @property
    def port(self) -> int:
        """The port of that scheme."""
        return self.https_port if self.tls else self.http_port

    @property
    def told_scheme(self) -> str:
        """What the hub is told that users' browsers speak."""
        return "https" if self.tls_in_front else self.scheme

    @property
    def told_port(self) -> int:
        """What the hub is told of the port that users came to."""
        return 443 if self.tls_in_front else self.port

    @property
    def ports(self) -> tuple[int, ...]:
        """All ports to listen at."""
        return (self.http_port, self.https_port) if self.tls else (self.http_port,)

    @property
    def https_suffix(self) -> str:
        """The port in URLs with https; empty for the usual one."""
        return "" if self.https_port == 443 else f":{self.https_port}"

    @property
    def url(self) -> str:
        """Where users go."""
        usual = {"http": 80, "https": 443}[self.told_scheme]
        suffix = "" if self.told_port == usual else f":{self.told_port}"
        return f"{self.told_scheme}://{self.names[0]}{suffix}{self.base}"

    @property
    def several(self) -> bool:
        """Whether another upstream can take over."""
        return len(self.upstreams) > 1

    @property
    def idle_seconds(self) -> int:
        """How long a connection to our proxy may be idle; less than the proxy's own limit."""
        return (
            3 if self.kind == "chp" else 60
        )  # Node.js closes after 5 s, the others after 75 or 180


def build(edge: Edge) -> dict[str, File]:
    """All files for a virtual host, by name; the same input makes the same bytes."""
    context = {
        "edge": edge,
        "server": edge.server,
        "title": edge.url,
        "ciphers": CIPHERS,
        "dropped": DROPPED_HEADERS,
        "folder": TRAEFIK_FOLDER,
        "places": places(edge.server),
    }
    ours = {name: f"{name}.j2" for name in ("values.yaml", "README.md")}
    documents = {**edge.server.documents, **ours}
    return {file: File(_render(template, context)) for file, template in documents.items()}


def places(server: Server) -> dict[str, str]:
    """Where each file of a server belongs."""
    first, *more = server.files
    return {first: server.place, **{file: f"{TRAEFIK_FOLDER}/{file}" for file in more}}


def _render(template: str, context: dict[str, Any]) -> str:
    filters: dict[str, Callable[..., Any]] = {
        "authority": authority,
        "regex": re.escape,
        "rule": lambda name, matcher: f"{matcher}(`{name}`)",
    }
    return render_from("edge", template, filters, context)
