"""Checks what `proxy-gen edge` is asked for: all that is wrong is told at once."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .edge import Edge, Network, Upstream
from .edge_features import SERVERS
from .errors import Problem, ProblemsError
from .sizes import EXAMPLE, size_of
from .values import Values, coalesce, get, path_text

DEFAULT_UPSTREAM = "127.0.0.1:8000"
_LOOPBACK = ("127.0.0.1/32", "::1/128")
_HOSTS = (("proxy", "https", "hosts"), ("ingress", "hosts"))
_BASE = ("hub", "baseUrl")
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
# Nothing that means something else in the configuration of one of the servers.
_SEGMENTS = re.compile(r"(/[A-Za-z0-9_~.-]+)*")
_FILE = re.compile(r"/[A-Za-z0-9_.@+/-]+")


@dataclass(frozen=True)
class Asked:
    """The options as they were given."""

    server: str
    names: Sequence[str] = ()
    upstreams: Sequence[str] = ()
    certificate: str = ""
    key: str = ""
    tls: bool = True
    tls_in_front: bool = False
    max_body: str = ""
    http_port: int = 80
    https_port: int = 443
    addresses: Sequence[str] = ()
    sources: Sequence[str] = ()


def check(
    asked: Asked, given: Values, defaults: Mapping[str, Any], found: Sequence[Problem] = ()
) -> Edge:
    """The virtual host for the options and the values; `defaults` are the chart's.

    Raises ProblemsError with everything that is wrong, and with the problems `found` before.
    """
    return _Check(asked, given, defaults, found).edge()


class _Check:
    """Collects problems; each method returns what it could make sense of."""

    def __init__(
        self, asked: Asked, given: Values, defaults: Mapping[str, Any], found: Sequence[Problem]
    ) -> None:
        self.asked = asked
        self.given = given
        self.values = coalesce(given.data, defaults)
        self.problems = list(found)

    def edge(self) -> Edge:
        """Everything, or ProblemsError."""
        base = self._base()
        names = self._names()
        upstreams = self._upstreams()
        certificate, key, pem = self._files(names)
        self._ports()
        edge = Edge(
            server=SERVERS[self.asked.server],
            kind=str(get(self.values, ("proxy", "kind"))),
            base=base,
            given_base=str(get(self.values, _BASE)),
            names=names,
            upstreams=upstreams,
            sources=self._sources(upstreams),
            tls=self.asked.tls,
            certificate=certificate,
            key=key,
            pem=pem,
            http_port=self.asked.http_port,
            https_port=self.asked.https_port,
            addresses=self._addresses(),
            max_body=self._max_body(),
            tls_in_front=self.asked.tls_in_front,
            ends_https=self._ends_https(),
        )
        self._circles(edge)
        if self.problems:
            raise ProblemsError(sorted(set(self.problems)))
        return edge

    def _option(self, option: str, what: str, cure: str) -> None:
        self.problems.append(Problem("", 0, option, what, cure, rule="edge"))

    def _value(self, keys: Sequence[str | int], what: str, cure: str) -> None:
        file, line = self.given.place(keys)
        self.problems.append(Problem(file, line, path_text(keys), what, cure, rule="edge"))

    def _base(self) -> str:
        """With a slash at both ends: one that lacks the last is corrected, in values.yaml too."""
        text = get(self.values, _BASE)
        if not isinstance(text, str) or not text.startswith("/"):
            # The schema has told it, if it is no text at all.
            if isinstance(text, str) and not any(p.path == "hub.baseUrl" for p in self.problems):
                self._value(_BASE, f"{text!r} does not begin with a slash", f"write /{text}")
            return "/"
        path = text.removesuffix("/")
        if not _SEGMENTS.fullmatch(path) or {".", ".."} & set(path.split("/")):
            self._value(
                _BASE,
                f"{text!r} cannot stand in a web server's configuration as it is",
                "use letters, digits and _ ~ . - between single slashes, such as /jupyter/",
            )
            return "/"
        return f"{path}/"

    def _names(self) -> tuple[str, ...]:
        """Options first, then proxy.https.hosts, then ingress.hosts."""
        if self.asked.names:
            return tuple(self._name(name, ()) for name in dict.fromkeys(self.asked.names))
        for keys in _HOSTS:
            hosts = get(self.values, keys)
            if isinstance(hosts, list) and hosts:
                return tuple(self._name(host, (*keys, i)) for i, host in enumerate(hosts))
        self._option("--name", "no host name", "give --name hub.example.com, or set ingress.hosts")
        return ("localhost",)

    def _name(self, given: object, keys: tuple[str | int, ...]) -> str:
        name = str(given).lower()
        if not _NAME.fullmatch(name) or len(name) > 253:
            what = f"{str(given)!r} is no host name"
            cure = "write it like hub.example.com, without scheme, port or *"
            if keys:
                self._value(keys, what, cure)
            else:
                self._option("--name", what, cure)
            return "localhost"
        return name

    def _upstreams(self) -> tuple[Upstream, ...]:
        found = []
        for text in dict.fromkeys(self.asked.upstreams or (DEFAULT_UPSTREAM,)):
            host, _, port = text.rpartition(":")
            host = host[1:-1] if host.startswith("[") and host.endswith("]") else host.lower()
            if not _is_host(host) or not port.isascii() or not port.isdigit() or not _port(port):
                self._option(
                    "--upstream",
                    f"{text!r} is no HOST:PORT",
                    "write it like 10.0.0.5:8000, [fd00::5]:8000 or proxy.example.com:80",
                )
                continue
            found.append(Upstream(host, int(port)))
        return tuple(dict.fromkeys(found))

    def _files(self, names: Sequence[str]) -> tuple[str, str, str]:
        asked = self.asked
        if not asked.tls:
            for option, text in (("--certificate", asked.certificate), ("--key", asked.key)):
                if text:
                    self._option(option, "there is no TLS with --no-tls", "leave one of them out")
            return "", "", ""
        certificate = asked.certificate or f"/etc/ssl/certs/{names[0]}.crt"
        key = asked.key or f"/etc/ssl/private/{names[0]}.key"
        for option, path in (("--certificate", certificate), ("--key", key)):
            if not _FILE.fullmatch(path):
                self._option(
                    option,
                    f"{path!r} cannot stand in a web server's configuration",
                    "give an absolute path of letters, digits and _ . @ + - /",
                )
        # HAProxy has both in one file: the one that is given alone is that file.
        alone = asked.certificate and not asked.key
        return certificate, key, certificate if alone else f"/etc/haproxy/{names[0]}.pem"

    def _circles(self, edge: Edge) -> None:
        for upstream in edge.upstreams:
            if not edge.addresses and upstream.is_loopback and upstream.port in edge.ports:
                self._option(
                    "--upstream",
                    f"{upstream} is where this web server listens itself",
                    "let the proxy listen at another port, and name that",
                )

    def _ports(self) -> None:
        if self.asked.tls and self.asked.tls_in_front:
            self._option("--tls-in-front", "TLS ends here, too", "give --no-tls with it")
        if self.asked.tls and self.asked.http_port == self.asked.https_port:
            self._option(
                "--https-port",
                f"{self.asked.https_port} is the port for http, too",
                "give two different ports",
            )

    def _ends_https(self) -> bool:
        https = get(self.values, ("proxy", "https"))
        # With `offload`, what is in front of our proxy ends it already.
        return bool(get(https, ("enabled",))) and get(https, ("type",)) != "offload"

    def _sources(self, upstreams: Sequence[Upstream]) -> tuple[Network, ...]:
        texts: Sequence[str] = self.asked.sources
        if not texts:
            away = [str(upstream) for upstream in upstreams if not upstream.is_loopback]
            if away:
                self._option(
                    "--from",
                    f"the proxy at {', '.join(away)} must know from which addresses this web "
                    "server comes: it believes X-Forwarded-* from nobody else",
                    "give --from with the web server's address, such as 10.0.0.7/32",
                )
            texts = _LOOPBACK
        return tuple(network for text in texts for network in self._network(text))

    def _network(self, text: str) -> list[Network]:
        try:
            network = ipaddress.ip_network(text)
        except ValueError as error:
            self._option("--from", f"{error}", "write it like 10.0.0.7/32 or fd00::7/128")
            return []
        if network.prefixlen == 0:
            self._option(
                "--from",
                f"{text} is everybody: a client could forge its address",
                "give the web server's own addresses",
            )
        return [network]

    def _addresses(self) -> tuple[str, ...]:
        found = []
        for text in dict.fromkeys(self.asked.addresses):
            try:
                address = ipaddress.ip_address(text)
            except ValueError:
                self._option("--address", f"{text!r} is no address", "write it like 192.0.2.7")
                continue
            found.append(str(address))
        if len(found) > 1 and not SERVERS[self.asked.server].many_addresses:
            self._option(
                "--address",
                f"{self.asked.server} takes one address for each port",
                "give one, or none for all",
            )
        return tuple(found)

    def _max_body(self) -> int:
        text = self.asked.max_body
        if not text:
            return 0
        if not SERVERS[self.asked.server].can_limit_bodies:
            self._option(
                "--max-body",
                f"{self.asked.server} limits a body only by keeping it on its disk first",
                "leave it out, or take another server",
            )
        size = size_of(text)
        if size is None:
            self._option("--max-body", f"{text!r} is no size", EXAMPLE)
        return size or 0


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return bool(_NAME.fullmatch(host)) and not host.replace(".", "").isdigit()
    # A scope such as %eth0 would be needed, and is not understood everywhere.
    return "%" not in host


def _port(text: str) -> bool:
    return len(text) <= 5 and 1 <= int(text) <= 65535
