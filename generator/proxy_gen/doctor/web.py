"""Requests as they are, one connection each: nothing is followed or repeated unseen.

Every request ends: each wait for the network has a limit, and so has the whole answer.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urljoin, urlsplit

from proxy_gen.errors import UsageError

SECONDS = 5.0
"""How long one request may take."""

_MOST = 4 << 20
_AGENT = "proxy-gen doctor"
_PORTS = {"http": 80, "https": 443}
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class NoAnswerError(Exception):
    """No answer, or not in time; the text says why."""


@dataclass(frozen=True)
class Site:
    """Scheme, host and port of a URL."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """Host and port as a browser writes them: without the scheme's own port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """The URL without its path."""
        return f"{self.scheme}://{self.authority}"

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent there stays on this machine."""
        return self.host in {"localhost", "::1"} or self.host.startswith("127.")


def parse(url: str) -> tuple[Site, str]:
    """Return site and path of a URL; raises UsageError for what is no http URL."""
    cure = "write it like https://hub.example.com/ or https://www.example.com/jupyter/"
    shown = re.split(r"[?#]", url)[0]  # what is behind them may be a token
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{shown!r} is no URL: {error}; {cure}") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise UsageError(f"{shown!r} is no URL of a hub; {cure}")
    if parts.username or parts.password:
        raise UsageError(f"the URL holds a user or a password; {cure}")
    if parts.query or parts.fragment:
        raise UsageError(f"the URL has more than a path, behind ? or #; {cure}")
    return Site(parts.scheme, parts.hostname, port or _PORTS[parts.scheme]), parts.path


@dataclass(frozen=True)
class Answer:
    """What came back, at most the first few MiB of it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    url: str
    seconds: float

    def header(self, name: str) -> str:
        """Return the first header of that name, empty if there is none."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        """Return every header of that name."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def location(self) -> str:
        """The absolute URL that a redirect leads to, empty if it is none."""
        where = self.header("Location")
        return urljoin(self.url, where) if self.status in REDIRECTS and where else ""

    def cookies(self) -> SimpleCookie:
        """Return the cookies that it sets."""
        jar = SimpleCookie()
        for line in self.all("Set-Cookie"):
            with contextlib.suppress(CookieError):
                jar.load(line)
        return jar


class Web:
    """A site as one client sees it; ``context`` is for https."""

    def __init__(self, site: Site, context: ssl.SSLContext | None = None) -> None:
        self.site = site
        self._context = context

    @contextlib.contextmanager
    def connect(self, seconds: float | None = None) -> Iterator[http.client.HTTPConnection]:
        """A connection of its own; whatever goes wrong meanwhile is a NoAnswerError."""
        site = self.site
        seconds = seconds or SECONDS
        if site.scheme == "https":
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                site.host, site.port, timeout=seconds, context=self._context
            )
        else:
            connection = http.client.HTTPConnection(site.host, site.port, timeout=seconds)
        try:
            yield connection
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NoAnswerError(f"{site.origin}: {reason(error)}") from error
        finally:
            connection.close()

    def ask(
        self,
        path: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """Return the answer, whatever its status; raises NoAnswerError."""
        with self.connect(seconds) as connection:
            sent = {"Connection": "close", **(headers or {})}
            return self.ask_over(connection, path, method, sent, body, seconds)

    def ask_over(
        self,
        connection: http.client.HTTPConnection,
        path: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """Do the same over a connection that is there."""
        began = time.monotonic()
        connection.request(method, path, body, self.headers(headers))
        response = connection.getresponse()
        read = bytearray()
        while len(read) < _MOST and (piece := response.read1(65536)):
            read += piece
            if time.monotonic() - began > (seconds or SECONDS):
                raise TimeoutError
        response.close()  # so that the connection takes another request
        return Answer(
            response.status,
            tuple(response.getheaders()),
            bytes(read),
            self.site.origin + path,
            time.monotonic() - began,
        )

    def headers(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return what every request carries, and ``more``."""
        return {"Host": self.site.authority, "User-Agent": _AGENT, **(more or {})}


def reason(error: Exception) -> str:
    """Say in a few words what went wrong."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, http.client.RemoteDisconnected | ConnectionResetError | BrokenPipeError):
        return "the connection was closed without an answer"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
