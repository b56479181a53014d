"""A mirror of releases on this machine, over http or https, good or bad."""

from __future__ import annotations

import hashlib
import http.server
import io
import ssl
import tarfile
import threading
from pathlib import Path

from tests.support.certificates import CertFiles


def archive(member: str, content: bytes) -> bytes:
    """A tar.gz with one program in it, and another file before it."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, data in (("LICENSE", b"free"), (member, content)):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


def sha256(content: bytes) -> str:
    """Its hash as hex digits."""
    return hashlib.sha256(content).hexdigest()


class Mirror:
    """Serves `files` by path on a free port; a context. With certificates by https."""

    def __init__(self, certificates: CertFiles | None = None) -> None:
        self.files: dict[str, bytes] = {}
        self.cut: set[str] = set()
        """Paths whose answer ends in the middle."""
        self.asked: list[str] = []
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.lstrip("/")
                mirror.asked.append(path)
                content = mirror.files.get(path)
                self.send_response(200 if content is not None else 404)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                content = content or b""
                self.wfile.write(content[: len(content) // 2] if path in mirror.cut else content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        scheme = "http"
        if certificates:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates.cert, certificates.key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Mirror:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def program(version: str, folder: Path) -> bytes:
    """A small program that says its version, and where it ran."""
    return f"#!/bin/sh\necho ran >> {folder}/ran\necho Version: {version}\n".encode()
