"""Where the in-process proxy listens: TCP, Unix sockets, and what systemd hands over."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .errors import ListenError

_BACKLOG = 2048
_FIRST_FD = 3  # sd_listen_fds(3)


@dataclass(frozen=True, slots=True)
class Listener:
    """An open socket and whether TLS is spoken on it."""

    socket: socket.socket
    tls: bool
    path: str = ""  # of a Unix socket


def open_listeners(urls: list[str]) -> list[Listener]:
    """Sockets that listen at these URLs; all of them or, with a ListenError, none.

    ``http://127.0.0.1:8000``, ``https://:443`` (all addresses), ``unix+http://%2Frun%2Fhub.sock``.
    Connections are queued by the kernel until somebody accepts them.
    """
    listeners: list[Listener] = []
    try:
        for url in urls:
            listeners += _open(url)
    except BaseException:
        close_listeners(listeners)
        raise
    return listeners


def close_listeners(listeners: list[Listener]) -> None:
    """Close the sockets, and remove the Unix ones from their folder."""
    for listener in listeners:
        listener.socket.close()
        if listener.path:
            Path(listener.path).unlink(missing_ok=True)


def _open(url: str) -> list[Listener]:
    parts = urlsplit(url)
    scheme = parts.scheme.removeprefix("unix+").removesuffix("+unix")
    if scheme not in {"http", "https"}:
        raise ListenError(f"cannot listen at {url!r}: write http://, https:// or unix+http://")
    tls = scheme == "https"
    try:
        if scheme != parts.scheme:
            path = unquote(parts.netloc)
            return [Listener(_unix(path), tls, path)]
        host = parts.hostname or ""
        port = parts.port if parts.port is not None else (443 if tls else 80)
        return [Listener(one, tls) for one in _tcp("" if host == "*" else host, port)]
    except (OSError, ValueError) as error:
        raise ListenError(f"cannot listen at {url!r}: {error}") from error


def _tcp(host: str, port: int) -> list[socket.socket]:
    if not host and socket.has_dualstack_ipv6():
        with contextlib.suppress(OSError):  # a kernel may have IPv6 and no address of it
            return [_listen(socket.AF_INET6, ("::", port), dual=True)]
    found = socket.getaddrinfo(
        host or "0.0.0.0",  # noqa: S104 - all addresses is what an empty host asks for
        port,
        type=socket.SOCK_STREAM,
        flags=socket.AI_PASSIVE,
    )
    addresses = list(dict.fromkeys((info[0], info[4]) for info in found))
    sockets: list[socket.socket] = []
    try:
        for family, address in addresses if port else addresses[:1]:
            sockets.append(_listen(family, address))
    except OSError:
        for one in sockets:
            one.close()
        raise
    return sockets


def _listen(family: int, address: object, *, dual: bool = False) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if dual else 1)
        made.bind(address)  # type: ignore[arg-type]
        made.listen(_BACKLOG)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


def _unix(path: str) -> socket.socket:
    if not path.startswith("/"):
        raise ValueError(f"{path!r} is not an absolute path")
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(os.stat(path).st_mode):
            os.unlink(path)  # what a killed hub left
    return _listen(socket.AF_UNIX, path)


def inherited_listeners(tls: bool) -> list[Listener]:
    """The sockets that systemd opened for this process (sd_listen_fds(3)), none without it.

    They take the place of the public URL's, so that connections wait while the hub restarts.
    """
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(os.environ.get("LISTEN_FDS", "0"))
    listeners = []
    for number in range(_FIRST_FD, _FIRST_FD + count):
        os.set_inheritable(number, False)
        made = socket.socket(fileno=os.dup(number))
        made.setblocking(False)
        listeners.append(Listener(made, tls))
    return listeners


class ServerTls:
    """The certificate of the public listeners; `renew` reads it again when its file changed."""

    def __init__(self, cert_file: str, key_file: str) -> None:
        self._files = (cert_file, key_file or None)  # both may be in one file
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        self._seen = self._state()
        self.context.load_cert_chain(*self._files)

    def _state(self) -> list[tuple[int, int, int]]:
        states = [os.stat(file) for file in self._files if file]
        return [(one.st_ino, one.st_mtime_ns, one.st_size) for one in states]

    def renew(self) -> bool:
        """Whether a changed certificate was read; OSError or SSLError if it cannot be used.

        New connections get the new one; after an error they still get the old one.
        """
        state = self._state()
        if state == self._seen:
            return False
        # Key and certificate are two files: check that they fit before either is used.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*self._files)
        self.context.load_cert_chain(*self._files)
        self._seen = state
        return True
