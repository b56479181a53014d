"""One visit to a hub: the options, and what the checks before have learned."""

from __future__ import annotations

import functools
import json
import ssl
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from proxy_gen.errors import UsageError
from proxy_gen.values import get

from .facts import Asked, FaultError, NotCheckedError
from .web import Answer, Site, Web, parse


@dataclass
class Visit:
    """What every check gets. ``base`` and ``site`` change where the hub is elsewhere."""

    asked: Asked
    site: Site
    given: Site
    base: str
    given_base: str
    spawned: bool = False
    context: ssl.SSLContext | None = None
    version: str = ""
    strict: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    """Believes only trusted certificates."""

    @classmethod
    def of(cls, asked: Asked) -> Visit:
        """Read the URL and the file of authorities; raises UsageError."""
        site, path = parse(asked.url)
        if not path and asked.values is not None:
            path = str(get(asked.values, ("hub", "baseUrl"), "/"))
        base = f"/{path.strip('/')}/" if path.strip("/") else "/"
        try:
            strict = ssl.create_default_context(cafile=asked.ca_file or None)
        except (OSError, ssl.SSLError) as error:
            what = f"{asked.ca_file}: no file of certificates in PEM ({error.strerror or error})"
            raise UsageError(what) from error
        return cls(asked, site, site, base, base, strict=strict)

    def now(self) -> float:
        """Return this machine's time."""
        return time.time()

    @property
    def web(self) -> Web:
        """The site, whatever its certificate: that has its own check."""
        return Web(self.site, self.context or self.careless)

    @functools.cached_property
    def careless(self) -> ssl.SSLContext:
        """A context that believes every certificate; no token goes over it."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def hub(self, path: str) -> str:
        """Return the path of something of the hub."""
        return f"{self.base}hub/{path}"

    def of_server(self, path: str) -> str:
        """Return the path of something of the user's server; raises NotCheckedError."""
        return f"{self.base}user/{self.quoted_user}/{path}"

    @property
    def user(self) -> str:
        """The user whose server is looked at."""
        if not self.asked.user:
            raise NotCheckedError("it needs a user's server", "--user NAME and a token")
        return self.asked.user

    @property
    def quoted_user(self) -> str:
        """The user as JupyterHub writes names in URLs."""
        return quote(self.user, safe="@~")

    @property
    def token(self) -> dict[str, str]:
        """The header with the token; raises NotCheckedError without one, or without trust."""
        if not self.asked.token:
            raise NotCheckedError("it needs a token", "--token-file FILE or JUPYTERHUB_API_TOKEN")
        if self.site.scheme == "https" and self.context is None:
            what = "the token is not sent to a host whose certificate is not trusted"
            raise NotCheckedError(what, "--ca-file FILE")
        return {"Authorization": f"token {self.asked.token}"}

    def api(self, path: str, method: str = "GET") -> Answer:
        """Ask the hub's API with the token; raises NotCheckedError where that has no right."""
        answer = self.web.ask(self.hub(f"api/{path}"), method, self.token)
        if answer.status in {401, 403}:
            scope = "read:servers, access:servers and, with --spawn, servers"
            what = f"the hub refuses the token ({answer.status}) for api/{path}"
            raise NotCheckedError(what, f"a token with the scopes {scope}")
        return answer

    def server(self) -> dict[str, Any] | None:
        """Return the user's default server as the hub knows it, None if there is none."""
        answer = self.api(f"users/{self.quoted_user}")
        if answer.status == 404:
            raise NotCheckedError(f"the hub knows no user {self.user}", "another --user")
        found = as_json(answer)
        servers = found.get("servers") if isinstance(found, dict) else None
        if not isinstance(servers, dict):
            raise NotCheckedError(
                "the token does not show the user's servers", "the scope read:servers"
            )
        server = servers.get("")
        return server if isinstance(server, dict) else None

    def needs_server(self) -> None:
        """Raise NotCheckedError unless the user's server runs and takes the token."""
        path = self.of_server("api/status")
        answer = self.web.ask(path, headers=self.token)
        if answer.status == 200 and isinstance(as_json(answer), dict):
            return
        if answer.status in {401, 403}:
            what = f"{self.user}'s server refuses the token ({answer.status})"
            raise NotCheckedError(what, "a token with the scope access:servers")
        server = self.server()
        if server and server.get("ready"):
            raise FaultError(
                f"{self.user}'s server runs, says the hub, and {path} answers {answer.status}",
                "its route leads elsewhere: see replicas, or what cuts off a path in front",
            )
        raise NotCheckedError(f"{self.user}'s server does not run", "--spawn, or start it")


def as_json(answer: Answer) -> Any:
    """Return the body as JSON, None if it is none."""
    try:
        return json.loads(answer.body)
    except ValueError:
        return None


def who(answer: Answer) -> str:
    """Say who seems to have answered."""
    if answer.header("X-JupyterHub-Version"):
        return "JupyterHub"
    return answer.header("Server").split("/")[0] or "somebody in front of the hub"


def path_of(url: str) -> str:
    """Return the path of an absolute URL."""
    return urlsplit(url).path or "/"
