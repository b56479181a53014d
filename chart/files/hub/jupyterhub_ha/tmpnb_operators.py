"""What operators see and do: `/hub/tmpnb/stats`, and `/hub/api/tmpnb`.

The counts are for everybody, as those of tmpnb.org were; what changes something, and the reasons
of failures, need a token with the scope `admin:servers`.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, ClassVar, Final

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.scopes import needs_scope
from tornado.web import HTTPError

from . import tmpnb_pages as pages
from .tmpnb_handlers import VisitorHandler
from .tmpnb_visit import is_allowed_origin

_SCOPE: Final = "admin:servers"


class StatisticsHandler(VisitorHandler):
    """`/hub/tmpnb/stats`."""

    async def get(self) -> None:
        """The counts as a page."""
        self.write(pages.statistics(self.keeper.document(with_reasons=False)))


class StatisticsApiHandler(APIHandler):  # type: ignore[misc]
    """`/hub/api/tmpnb`; pages of sites that embed notebooks may read it, without cookies."""

    # It shows everybody the same, but for who has a token.
    _xsrf_safe_methods: ClassVar[set[str]] = {"GET", "HEAD", "OPTIONS"}

    def set_default_headers(self) -> None:
        """JupyterHub's, and for browsers which sites may read the answer."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")
        self.set_header("Vary", "Origin")
        origin = self.request.headers.get("Origin", "")
        if is_allowed_origin(origin, self.authenticator.keeper.settings.embed_origins):
            self.set_header("Access-Control-Allow-Origin", origin)

    async def options(self) -> None:
        """What a browser asks before, if a script sets headers."""
        self.set_status(HTTPStatus.NO_CONTENT)

    async def get(self) -> None:
        """The counts as JSON."""
        with_reasons = _SCOPE in self.expanded_scopes
        document = self.authenticator.keeper.document(with_reasons=with_reasons)
        self.write(json.dumps(document))


class ControlApiHandler(APIHandler):  # type: ignore[misc]
    """`POST /hub/api/tmpnb/drain`, `resize` with `{"size": N}`, `recycle`."""

    @needs_scope(_SCOPE)  # type: ignore[untyped-decorator]
    async def post(self, action: str) -> None:
        """Do it; 202 with what will happen, since servers start and end one after another."""
        keeper = self.authenticator.keeper
        if action == "drain":
            keeper.resize(0)
            document: dict[str, Any] = {"size": 0}
        elif action == "resize":
            size = self._size(keeper.settings.server_limit)
            keeper.resize(size)
            document = {"size": size}
        else:
            document = {"replaced": keeper.recycle()}
        self.log.info("Temporary notebooks: %s by %s", action, self.current_user.name)
        self.set_status(HTTPStatus.ACCEPTED)
        self.write(json.dumps(document))

    def _size(self, limit: int) -> int | None:
        body = self.get_json_body()
        size = body.get("size", "") if isinstance(body, dict) else ""
        if size is None:
            return None
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= limit:
            raise HTTPError(
                400,
                f'body: {{"size": N}} is needed, with N from 0 to {limit} (tmpnb.limits.servers), '
                "or null for the values' own",
            )
        return size


HANDLERS: Final = [
    (r"/stats", StatisticsHandler),
    (r"/tmpnb/stats", StatisticsHandler),  # noqa: S108 - a URL's path
    (r"/api/tmpnb", StatisticsApiHandler),
    (r"/api/tmpnb/(drain|resize|recycle)", ControlApiHandler),
]
