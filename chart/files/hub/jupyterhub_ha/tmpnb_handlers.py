"""What visitors see of the hub: the way into a server of their own, and the pages around it."""

from __future__ import annotations

import json
import math
import secrets
import time
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

from jupyterhub import orm
from jupyterhub.handlers.base import BaseHandler, PrefixRedirectHandler, UserUrlHandler
from jupyterhub.utils import url_path_join
from tornado.httputil import url_concat

from . import tmpnb_metrics as metrics
from . import tmpnb_pages as pages
from .tmpnb_address import client_address, counted_as
from .tmpnb_desk import Wait
from .tmpnb_keeper import Keeper
from .tmpnb_names import is_temporary
from .tmpnb_visit import (
    Visitor,
    local_path,
    navigates,
    server_of_client,
    server_path,
    visitor,
)

_TICKET: Final = "jupyterhub-tmpnb-ticket"
_TICKET_SECONDS: Final = 3600
# In the query of the second request, which must bring the cookie: the time of the first one, since
# such a link may be kept and opened by somebody else.
_AGAIN: Final = "tmpnb-again"
_AGAIN_SECONDS: Final = 60


class VisitorHandler(BaseHandler):  # type: ignore[misc]  # jupyterhub has no types
    """A page for visitors. Nothing of it may be kept by a browser or a cache."""

    session_ended = False
    """Whether the visitor has a session whose user is deleted."""

    @property
    def keeper(self) -> Keeper:
        """Of the authenticator that has added these handlers."""
        keeper: Keeper = self.authenticator.keeper
        return keeper

    def set_default_headers(self) -> None:
        """JupyterHub's, and none is to be kept."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    def get_current_user_cookie(self) -> Any:
        """As JupyterHub's, but a cookie of a deleted user stays: its visitor is to be told."""
        cookie = self.get_secure_cookie(self.hub.cookie_name, max_age_days=self.cookie_max_age_days)
        if cookie:
            identity = cookie.decode("utf8", "replace")
            if self.db.query(orm.User).filter(orm.User.cookie_id == identity).first() is None:
                self.session_ended = True
                return None
        return super().get_current_user_cookie()

    def page_for_gone(self, then: str = "") -> None:
        """The server has ended: a button for a new one, and what then; JSON for programs."""
        self.set_status(HTTPStatus.GONE)
        new_url = url_path_join(self.hub.base_url, "tmpnb/new")
        if then:
            new_url = url_concat(new_url, {"next": then})
        if visitor(self.request.headers) is Visitor.PROGRAM:
            text = "this server has ended, or is somebody else's; cookies of it are of no use"
            self.json({"message": text, "new": new_url})
        else:
            self.write(pages.gone(self.keeper.settings.gone, new_url))

    async def page_for_own(self, path: str) -> None:
        """The visitor's own server at a path, or what has become of it."""
        spawner = self.current_user.spawner
        if spawner.ready:
            # The hub looks only twice a minute whether a server has ended by itself.
            await spawner.poll_and_notify()
        if spawner.pending in {"spawn", "check"}:
            self.write(pages.starting())
        elif spawner.ready:
            self.redirect(self.own_url(self.current_user, path))
        else:
            self.page_for_gone()

    def own_url(self, user: Any, path: str) -> str:
        """Where a path of a user's server is."""
        return str(user.url).rstrip("/") + path

    def json(self, document: dict[str, Any]) -> None:
        """A JSON answer."""
        self.set_header("Content-Type", "application/json")
        self.write(json.dumps(document))


class EntryHandler(VisitorHandler):
    """`/hub/` and `/hub/login`: to the visitor's own server, claimed at the first visit."""

    async def head(self, *_: str) -> None:
        """Whether somebody would be served; takes no server."""

    async def get(self, *_: str) -> None:
        """Lead to the server, or say why not yet."""
        kind = visitor(self.request.headers)
        if kind is Visitor.ROBOT:
            metrics.REFUSED.labels("robot").inc()
            self.write(pages.preview(self.keeper.settings.preview))
        elif kind is Visitor.AHEAD:
            # Not a success, or the browser would show it when somebody does come.
            metrics.REFUSED.labels("ahead").inc()
            self.set_status(HTTPStatus.SERVICE_UNAVAILABLE)
        elif self.current_user:
            await self._go_on()
        elif self._is_for_another():
            self.page_for_gone()
        elif self.session_ended:
            # A log-in to a service, such as the one that opens shared notebooks, goes on after it.
            self.page_for_gone(self._authorization())
        elif ticket := self._ticket():
            await self._claim(ticket)
        else:
            self._hand_out_ticket(kind)

    def target(self) -> str:
        """What is to be opened in the visitor's server: a path, empty for the default."""
        return server_path(self._asked(), self.base_url)

    def _asked(self) -> str:
        asked = self.get_argument("redirect", "") or self.get_argument("next", "")
        return local_path(asked, self.request.host)

    def _authorization(self) -> str:
        """The page of the hub at which a server's log-in goes on, if that is where it came from."""
        asked = self._asked()
        path = url_path_join(self.hub.base_url, "api/oauth2/authorize")
        return asked if urlsplit(asked).path == path else ""

    def _is_for_another(self) -> bool:
        """Whether a server that is not this visitor's sent them here to log in."""
        query = parse_qs(urlsplit(self._authorization()).query)
        return is_temporary(server_of_client(query.get("client_id", [""])[0]))

    def _own_page(self) -> str:
        return self.target() or self.keeper.settings.open_path

    async def _go_on(self) -> None:
        if next_page := self._authorization():
            self.redirect(next_page)
        else:
            await self.page_for_own(self._own_page())

    # -- tickets: a cookie that shows that somebody is there, and where in the line

    def _ticket(self) -> str:
        days = _TICKET_SECONDS / 86400
        return (self.get_secure_cookie(_TICKET, max_age_days=days) or b"").decode()

    def _set_ticket(self, ticket: str) -> None:
        self._set_cookie(
            _TICKET,
            ticket,
            path=self.hub.base_url,
            expires_days=None,
            max_age=_TICKET_SECONDS,
        )

    def _hand_out_ticket(self, kind: Visitor) -> None:
        now = int(time.time())
        before = self.get_argument(_AGAIN, "")
        if before.isascii() and before.isdigit() and now - int(before[:15]) < _AGAIN_SECONDS:
            metrics.REFUSED.labels("cookie").inc()
            self.set_status(HTTPStatus.FORBIDDEN)
            if kind is Visitor.PROGRAM:
                self.json({"message": "this needs a client that keeps cookies between requests"})
            else:
                self.write(pages.no_cookies(self._uri()))
            return
        self._set_ticket(secrets.token_hex(16))
        again = url_concat(self._uri(), {_AGAIN: str(now)})
        if kind is Visitor.PROGRAM or navigates(self.request.headers):
            self.redirect(again, status=HTTPStatus.SEE_OTHER)
        else:
            # Robots that follow redirects often keep cookies, too; few of them do what a page says.
            self.write(pages.come_again(again))

    def _uri(self) -> str:
        """This request's, without the mark of the second one."""
        parts = urlsplit(self.request.uri)
        kept = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k != _AGAIN]
        return url_concat(parts.path, kept)

    # -- claims

    async def _claim(self, ticket: str) -> None:
        outcome = await self.keeper.desk.claim(ticket, self._address())
        if isinstance(outcome, Wait):
            self._wait(outcome, ticket)
            return
        user = await self.login_user(outcome)
        if user is None:  # blocked by name: nothing that a visitor could do
            self.page_for_gone()
            return
        self.clear_cookie(_TICKET, path=self.hub.base_url)
        self.redirect(self._authorization() or self.own_url(user, self._own_page()))

    def _address(self) -> str:
        forwarded = ",".join(self.request.headers.get_list("X-Forwarded-For"))
        address = getattr(self.request.connection.context, "address", None)
        peer = address[0] if isinstance(address, tuple) else ""
        if self.keeper.register.runs_at(peer):
            forwarded = ""  # a program in a notebook, which may write what only proxies may
        return counted_as(client_address(peer, forwarded, self.keeper.settings.trusted))

    def _wait(self, outcome: Wait, ticket: str) -> None:
        metrics.REFUSED.labels("waiting" if outcome.place else "address").inc()
        self._set_ticket(ticket)
        self.set_header("Retry-After", str(math.ceil(outcome.again)))
        place = outcome.place
        if visitor(self.request.headers) is Visitor.PROGRAM:
            self.set_status(HTTPStatus.SERVICE_UNAVAILABLE)
            if place:
                text = "all servers are in use; ask again with the same cookies"
                self.json({"message": text, "place": place.place, "of": place.of})
            else:
                self.json({"message": "too many servers for this address in a minute"})
        elif place:
            ask = url_path_join(self.hub.base_url, "tmpnb/place")
            self.write(pages.waiting(self.keeper.settings.waiting, place, ask))
        else:
            self.write(pages.too_many(outcome.seconds))


class OpenHandler(EntryHandler):
    """`/hub/open/...`, `/hub/user-redirect/...` and `/hub/lab/...`: a path in the server."""

    def target(self) -> str:
        """The path of this request, below the hub's."""
        path = self._uri().removeprefix(self.hub.base_url.rstrip("/"))
        for prefix in ("/open/", "/user-redirect/"):
            if path.startswith(prefix):
                path = "/" + path.removeprefix(prefix).lstrip("/")
        return local_path(path, self.request.host)


class PlaceHandler(EntryHandler):
    """`/hub/tmpnb/place`: the place in the line, for the page that waits."""

    async def get(self, *_: str) -> None:
        """As JSON; cheap, since many ask."""
        ticket = self._ticket()
        if not ticket or self.current_user:
            self.json({"go": True})  # the page itself knows what to do
            return
        place = self.keeper.desk.place(ticket)
        self.json({"place": place.place, "of": place.of, "go": place.go, "again": place.again})


class NewHandler(VisitorHandler):
    """`/hub/tmpnb/new`: the button of who has lost a server. One that runs is kept."""

    async def get(self) -> None:
        """Forget the session of a server that has ended, and begin anew."""
        user = self.current_user
        if user is None or not (user.spawner.ready or user.spawner.pending):
            self.clear_cookie(self.hub.cookie_name, path=self.hub.base_url)
        then = local_path(self.get_argument("next", ""), self.request.host)
        login = url_path_join(self.hub.base_url, "login")
        self.redirect(url_concat(login, {"next": then}) if then else self.hub.base_url)


class ServerGoneHandler(VisitorHandler, UserUrlHandler):  # type: ignore[misc]
    """`/hub/user/NAME/...`: what the proxy sends here since it has no route for it."""

    async def get(self, user_name: str, user_path: str | None) -> None:
        """JupyterHub's answer for a server that runs, and to requests for JSON; else a page."""
        path = user_path or "/"
        mine = self.current_user is not None and self.current_user.name == user_name
        if mine and self.current_user.spawner.ready:
            await UserUrlHandler.get(self, user_name, path)
        elif "api" in path.split("/") or visitor(self.request.headers) is Visitor.PROGRAM:
            self._fail_api_request(user_name)
        elif mine:
            await self.page_for_own(quote(path))
        else:
            self.page_for_gone()


class ClosedHandler(VisitorHandler):
    """Pages of JupyterHub that visitors have no use for lead to their server."""

    async def get(self, *_: str) -> None:
        """To the entry."""
        self.redirect(self.hub.base_url)


class ShareHandler(VisitorHandler):
    """`/hub/share`: to the service for shared notebooks, if there is one."""

    async def get(self) -> None:
        """A short link, for texts in notebooks."""
        self.redirect(self.keeper.settings.share_path or self.hub.base_url)


class OutsideHandler(PrefixRedirectHandler):  # type: ignore[misc]
    """`/` and all else outside `/hub/`: as JupyterHub's, and also for HEAD, which it refuses."""

    def head(self) -> None:
        """As GET."""
        self.get()


HANDLERS: Final = [
    (r"/", EntryHandler),
    (r"/login", EntryHandler),
    (r"/(?:open|user-redirect)/.*", OpenHandler),
    # Links made for a Jupyter without a hub.
    (r"/(?:lab|tree|notebooks|nbclassic|voila|doc|edit|view|files)(?:/.*)?", OpenHandler),
    (r"/user/(?P<user_name>[^/]+)(?P<user_path>/.*)?", ServerGoneHandler),
    (r"/tmpnb/place", PlaceHandler),  # noqa: S108 - a URL's path
    (r"/tmpnb/new", NewHandler),  # noqa: S108
    (r"/share", ShareHandler),
    (r"/(?:home|token|admin|spawn|spawn-pending)(?:/.*)?", ClosedHandler),
]
