"""HTTP to etcd's members: connections that stay open, and answers that stream.

A connection to etcd costs a TLS handshake with two certificates, more than most requests, so
connections are kept. Certificates that were renewed on disk are used for the next connection.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp

from . import metrics
from .certificate import expiries
from .errors import EtcdError, EtcdTimeoutError, EtcdUnavailableError
from .http_session import KeptSession

_CONNECT_SECONDS = 5.0


class HttpStatusError(Exception):
    """An answer with a status of 400 or above, and its body."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.body = body


class EtcdHttp:
    """POST requests; raises HttpStatusError, EtcdTimeoutError, EtcdUnavailableError."""

    def __init__(self, ca_file: str = "", cert_file: str = "", key_file: str = "") -> None:
        self._ca_file = ca_file
        self._cert_file = cert_file
        self._key_file = key_file
        self._context: ssl.SSLContext | None = None
        self._loaded: tuple[int, ...] = ()
        self._kept = KeptSession()

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout: float
    ) -> bytes:
        """The body of the answer, within `timeout` seconds."""
        try:
            async with self._request(url, body, headers, timeout) as response:
                found: bytes = await response.read()
                if response.status >= 400:
                    raise HttpStatusError(response.status, found)
                return found
        except (TimeoutError, OSError, aiohttp.ClientError) as error:
            raise _unreached(url, error) from error

    async def stream(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout: float
    ) -> AsyncIterator[dict[str, Any]]:
        """The JSON objects of an answer, one a line, as they come; ends with the answer."""
        rest = b""
        try:
            async with self._request(url, body, headers, timeout) as response:
                if response.status >= 400:
                    raise HttpStatusError(response.status, await response.read())
                try:
                    async for chunk in response.content.iter_any():
                        *lines, rest = (rest + chunk).split(b"\n")
                        for line in lines:
                            if line.strip():
                                yield json.loads(line)
                finally:
                    _abort(response)
        except (TimeoutError, OSError, aiohttp.ClientError) as error:
            raise _unreached(url, error) from error

    def close(self) -> None:
        """Close all connections, soon; the next request opens new ones."""
        self._kept.close()

    def _request(self, url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Any:
        limits = aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, _CONNECT_SECONDS))
        tls = self._tls() if url.startswith("https:") else False
        session = self._kept.get()
        return session.post(url, data=body, headers=headers, timeout=limits, ssl=tls)

    def _tls(self) -> ssl.SSLContext:
        files = [name for name in (self._ca_file, self._cert_file, self._key_file) if name]
        loaded = tuple(Path(name).stat().st_mtime_ns for name in files)
        if self._context is None or loaded != self._loaded:
            context = ssl.create_default_context(cafile=self._ca_file or None)
            if self._cert_file:
                context.load_cert_chain(self._cert_file, self._key_file or None)
            self._context, self._loaded = context, loaded
            self._note_expiry()
        return self._context

    def _note_expiry(self) -> None:
        """Have the metrics tell until when these certificates are good."""
        if self._cert_file and (ends := expiries(Path(self._cert_file).read_bytes())):
            metrics.CERTIFICATE_EXPIRY.labels("hub").set(ends[0])
        if self._ca_file and (ends := expiries(Path(self._ca_file).read_bytes())):
            # During a rotation the old authority is still there.
            metrics.CERTIFICATE_EXPIRY.labels("ca").set(max(ends))


def _abort(response: aiohttp.ClientResponse) -> None:
    """Give up an answer that has not ended.

    To close it would be to wait for etcd's own goodbye, in the background and for up to 30 seconds:
    longer than the event loop may run, whose end would leave the socket open.
    """
    connection = response.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()


def _unreached(url: str, error: Exception) -> EtcdError:
    """The error for a request that got no answer."""
    endpoint = url.partition("/v3/")[0]
    if isinstance(error, TimeoutError):
        return EtcdTimeoutError(f"{endpoint}: no answer in time")
    if isinstance(error, aiohttp.ClientPayloadError):
        return EtcdUnavailableError(f"{endpoint}: the answer broke off")
    return EtcdUnavailableError(f"{endpoint}: {error or type(error).__name__}")
