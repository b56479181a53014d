"""The hub's own REST API over loopback, and whether a server answers.

Servers are started and ended only this way, as by any other service of the hub, so that hooks,
limits, events and metrics are JupyterHub's.
"""

from __future__ import annotations

import json
import ssl
import time
from enum import Enum
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from jupyterhub import orm
from jupyterhub.utils import make_ssl_context, url_path_join

from .configure_tmpnb import SERVICE
from .errors import HubApiError
from .http_session import KeptSession

_SECONDS: Final = 60.0
_ANSWER_SECONDS: Final = 4.0
_TRIES: Final = 10


class Answer(Enum):
    """What a server says when it is asked whether it is there."""

    HERE = "here"
    LATE = "late"
    """Nothing in time: its node has gone, or the hub or the server has much to do."""
    GONE = "gone"
    """Its node says that nobody is there, or the server has failed."""


class HubApi:
    """What the keeper of the pool asks the hub for. `app` is JupyterHub's application, started."""

    def __init__(self, app: Any) -> None:
        self._tls: ssl.SSLContext | bool = True
        if app.internal_ssl:
            files = (app.internal_ssl_key, app.internal_ssl_cert)
            self._tls = make_ssl_context(*files, cafile=app.internal_ssl_ca)
        self._url = loopback_url(app.hub.bind_url, url_path_join(app.hub.base_url, "api/users"))
        self._headers = {"Authorization": f"token {_new_token(app)}"}
        self._kept = KeptSession()

    async def create(self, name: str) -> None:
        """Create a user."""
        await self._ask("POST", name, {HTTPStatus.CREATED})

    async def start(self, name: str) -> None:
        """Start a user's server, or begin to."""
        await self._ask("POST", f"{name}/server", {HTTPStatus.CREATED, HTTPStatus.ACCEPTED})

    async def stop(self, name: str) -> None:
        """Stop a user's server, or begin to, also one that is starting."""
        done = {HTTPStatus.NO_CONTENT, HTTPStatus.ACCEPTED, HTTPStatus.NOT_FOUND}
        await self._ask("DELETE", f"{name}/server", done)

    async def delete(self, name: str) -> None:
        """Delete a user whose server has stopped."""
        await self._ask("DELETE", name, {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND})

    async def answer(self, url: str, seconds: float) -> Answer:
        """What a user's server, by its own URL, answers; `seconds` are for the connection.

        Opening it is the kernel's work, which is quick also on a node that has no time left.
        """
        for _ in range(_TRIES):
            began = time.monotonic()
            answer, allowed = await self._answer(url, seconds)
            # With hundreds of visitors at once it is the hub that had no time to look.
            if answer is not Answer.LATE or time.monotonic() - began < 1.5 * allowed:
                break
        return answer

    async def _answer(self, url: str, seconds: float) -> tuple[Answer, float]:
        """The answer, and the seconds that it was allowed to take."""
        whole = seconds + _ANSWER_SECONDS
        limits = aiohttp.ClientTimeout(total=whole, sock_connect=seconds)
        try:
            async with self._kept.get().get(
                url_path_join(url, "api"), ssl=self._tls, timeout=limits, allow_redirects=False
            ) as response:
                failed = response.status >= HTTPStatus.INTERNAL_SERVER_ERROR
                return Answer.GONE if failed else Answer.HERE, whole
        except aiohttp.ServerTimeoutError:
            return Answer.LATE, seconds
        except TimeoutError:
            return Answer.LATE, whole
        except (aiohttp.ClientError, OSError):
            return Answer.GONE, whole

    def close(self) -> None:
        """Close all connections, soon."""
        self._kept.close()

    async def _ask(self, method: str, path: str, expected: set[HTTPStatus]) -> None:
        limits = aiohttp.ClientTimeout(total=_SECONDS)
        what = f"{method} {path}"
        try:
            async with self._kept.get().request(
                method,
                f"{self._url}/{path}",
                headers=self._headers,
                ssl=self._tls,
                timeout=limits,
            ) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise HubApiError(f"{what}: {error or type(error).__name__}") from error
        if response.status not in expected:
            raise HubApiError(f"{what}: {response.status} {_message(body)}")


def loopback_url(bind_url: str, path: str) -> str:
    """Where a process beside the hub reaches it, by the URL to which it is bound.

    By its public name or a Service of Kubernetes it would be asked around half the cluster.
    """
    parts = urlsplit(bind_url)
    if parts.scheme not in {"http", "https"}:
        raise HubApiError(
            f"the hub listens at {bind_url}; temporary notebooks need a port: set "
            "JupyterHub.hub_bind_url to http://127.0.0.1:8081"
        )
    host = parts.hostname or ""
    if host in {"", "*", "0.0.0.0"}:  # noqa: S104 - it is only compared
        host = "127.0.0.1"
    elif ":" in host:
        host = "[::1]" if host == "::" else f"[{host}]"
    return f"{parts.scheme}://{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}{path}"


def _new_token(app: Any) -> str:
    """A token for this run of the hub; that of the run before is deleted."""
    service = orm.Service.find(app.db, SERVICE)
    if service is None:
        raise HubApiError(f"no service {SERVICE!r}: add it to JupyterHub.services, with its role")
    for token in list(service.api_tokens):
        app.db.delete(token)
    app.db.commit()
    return str(service.new_api_token(note="keeper of the pool of temporary notebooks"))


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode(errors="replace")
