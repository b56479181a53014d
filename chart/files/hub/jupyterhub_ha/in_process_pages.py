"""Error pages, asked from the hub as configurable-http-proxy does with its --error-target."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import quote

from tornado.httpclient import HTTPRequest
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from .in_process_rewrite import plain_page

_TIMEOUT = 5.0
_MAX_PAGE = 1 << 20
_REASONS = {
    404: "there is nothing here",
    503: "the server does not answer; it may be starting or stopped",
    504: "the server did not answer in time",
}


class ErrorPages:
    """Pages from ``<url>/<status>?url=<path>``, or a line of text when there is none.

    Lives in the proxy's event loop: make it and close it there.
    """

    def __init__(
        self, url: str, tls: Callable[[], ssl.SSLContext] | None, log: logging.Logger
    ) -> None:
        self._url = url.rstrip("/")
        self._tls = tls
        self._log = log
        self._client: SimpleAsyncHTTPClient | None = None

    async def page(self, status: int, target: bytes) -> tuple[bytes, bytes]:
        """Content type and body."""
        reason = _REASONS.get(status, HTTPStatus(status).description or "sorry")
        plain = b"text/plain; charset=utf-8", plain_page(status, reason)
        if not self._url:
            return plain
        if self._client is None:
            self._client = SimpleAsyncHTTPClient(force_instance=True, max_buffer_size=_MAX_PAGE)
        url = f"{self._url}/{status}?url={quote(target, safe='')}"
        context = self._tls() if self._tls and url.startswith("https:") else None
        request = HTTPRequest(
            url, connect_timeout=_TIMEOUT, request_timeout=_TIMEOUT, ssl_options=context
        )
        try:
            response = await self._client.fetch(request)
        except Exception as error:  # whatever it is, the user gets an answer
            self._log.warning("No error page from %s: %s", self._url, error)
            return plain
        kind = response.headers.get("Content-Type", "text/html")
        return kind.encode("latin-1", "replace"), response.body

    def close(self) -> None:
        """End its connections."""
        if self._client is not None:
            self._client.close()
