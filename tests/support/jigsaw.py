"""A stand-in for calysto.github.io, from where MetaKernel's `%jigsaw` fetches its page.

That site cannot be reached from a test. The page here keeps to what `%jigsaw` and the published
page have agreed on (its placeholders, the messages to the notebook, where its scripts come from),
and the editor in it is the real Blockly; the blocks that it offers are few.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.processes import TOOLS_BIN
from tests.support.serving import running

from proxy_gen.certificates import Leaf, make_ca, sign

SITE = "calysto.github.io"
_BLOCKLY = TOOLS_BIN.parent / "blockly/package"
_PAGE = Path(__file__).with_name("jigsaw.html")


@dataclass(frozen=True)
class Site:
    """The site as a kernel reaches it, by a proxy for https, and as a browser does."""

    env: dict[str, str]
    browser_options: tuple[str, ...]
    asked: list[str]
    """The paths that were asked for."""


@contextlib.contextmanager
def site(folder: Path) -> Iterator[Site]:
    """Serve the page and its scripts, until the end of the block."""
    asked: list[str] = []
    files = folder / "site"
    (files / "jigsaw_v2").mkdir(parents=True)
    (files / "jigsaw_v2/Python.html").write_bytes(_PAGE.read_bytes())
    (files / "javascripts").mkdir()
    (files / "javascripts/blockly").symlink_to(_BLOCKLY)
    ca = make_ca()
    pair = sign(ca, Leaf(sans=(SITE,), server=True))
    (folder / "site-ca.crt").write_text(ca.crt)
    (folder / "site.pem").write_text(pair.key + pair.crt)

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "site.pem")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(files)))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with running(server), running(_Proxy(server.server_port)) as proxy:
        port = proxy.server_address[1]
        yield Site(
            {
                "https_proxy": f"http://127.0.0.1:{port}",
                "SSL_CERT_FILE": str(folder / "site-ca.crt"),
            },
            (f"--host-resolver-rules=MAP {SITE}:443 127.0.0.1:{server.server_port}",),
            asked,
        )


class _Proxy(socketserver.ThreadingTCPServer):
    """Takes CONNECT for the site, and for nothing else."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        self.port = port
        super().__init__(("127.0.0.1", 0), _Tunnel)


class _Tunnel(socketserver.StreamRequestHandler):
    # Otherwise a part of the client's greeting to the site would stay in the buffer.
    rbufsize = 0

    def handle(self) -> None:
        head = self.rfile.readline().decode()
        while self.rfile.readline().strip():
            pass
        if not head.startswith(f"CONNECT {SITE}:443 "):
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            return
        assert isinstance(self.server, _Proxy)
        with socket.create_connection(("127.0.0.1", self.server.port)) as there:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=_pass_on, args=(there, self.connection))
            back.start()
            _pass_on(self.connection, there)
            back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
