"""What the service answers, below its prefix at the hub, `/services/share/`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar
from urllib.parse import quote

from jupyterhub.services.auth import HubOAuth, HubOAuthCallbackHandler, HubOAuthenticated
from tornado.web import HTTPError, RequestHandler, authenticated

from . import keys, pages
from .errors import SharingError, TooLargeError
from .renderer import Renderer
from .shares import Record, Shares

_P = ParamSpec("_P")
_T = TypeVar("_T")
_STATIC: Final = {
    "common.js": "text/javascript",
    "share.js": "text/javascript",
    "open.js": "text/javascript",
    "delete.js": "text/javascript",
    "share.css": "text/css",
}


@dataclass(frozen=True, slots=True)
class Site:
    """What all handlers share."""

    shares: Shares
    renderer: Renderer
    auth: HubOAuth
    prefix: str
    """`/services/share/`, below the hub's base URL."""
    base: str
    """The hub's base URL."""
    max_size: int
    threads: ThreadPoolExecutor

    async def run(self, work: Callable[_P, _T], *args: _P.args, **options: _P.kwargs) -> _T:
        """Something that blocks, in a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, lambda: work(*args, **options))


class SiteHandler(RequestHandler):
    """Headers and errors of every answer."""

    site: Site

    def initialize(self, site: Site) -> None:
        """Of the application."""
        self.site = site

    def set_default_headers(self) -> None:
        """The strict policy of our own pages; those of strangers' contents replace it."""
        self.set_header("Content-Security-Policy", pages.POLICY)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Robots-Tag", "noindex")
        # What is deleted is to be gone.
        self.set_header("Cache-Control", "no-cache")
        self.clear_header("Server")

    def write_error(self, status_code: int, **options: Any) -> None:
        """A page for people, JSON for programs."""
        error = (options.get("exc_info") or (None, None))[1]
        text = str(error) if isinstance(error, SharingError) else ""
        if isinstance(error, HTTPError):
            text = error.log_message or ""
        text = text or HTTPStatus(status_code).phrase
        is_api = self.request.path.startswith(f"{self.site.prefix}api/")
        if not is_api and "text/html" in self.request.headers.get("Accept", ""):
            self.finish(pages.problem(self.site.prefix, text))
        else:
            self.json({"message": text})

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """What visitors did wrong is no trouble of the service."""
        if not isinstance(value, SharingError) or value.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            super().log_exception(typ, value, tb)

    def _handle_request_exception(self, e: BaseException) -> None:
        if isinstance(e, SharingError) and not self._finished:
            self.log_exception(type(e), e, e.__traceback__)
            self.send_error(e.status, exc_info=(type(e), e, e.__traceback__))
            return
        super()._handle_request_exception(e)

    def json(self, document: Any) -> None:
        """End the answer with JSON."""
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(document))

    def absolute(self, path: str) -> str:
        """A link of this site as a visitor may pass it on."""
        return f"{self.request.protocol}://{self.request.host}{self.site.prefix}{path}"


class VisitorHandler(HubOAuthenticated, SiteHandler):  # type: ignore[misc]  # jupyterhub has no types
    """Knows the hub's user, and lets scripts of other sites do nothing."""

    def initialize(self, site: Site) -> None:
        """Of the application."""
        super().initialize(site)
        self.hub_auth = site.auth

    def set_default_headers(self) -> None:
        """Of one visitor only."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    async def prepare(self) -> None:
        """Ask the hub, without keeping others waiting; what asks later gets the same answer."""
        await self.hub_auth.get_user(self, sync=False)

    @property
    def visitor(self) -> str:
        """The name of the hub's user. 403 without one."""
        if self.current_user is None:
            raise HTTPError(HTTPStatus.FORBIDDEN, "Open this page anew: you are not logged in.")
        return str(self.current_user["name"])

    @property
    def server(self) -> str:
        """Where the visitor's own server is."""
        return f"{self.site.base}user/{quote(self.visitor, safe='@~')}/"


class MineHandler(VisitorHandler):
    """`/`: to share, and what is shared."""

    @authenticated
    def get(self) -> None:
        """The page; what it shows its script asks for."""
        _ = self.xsrf_token  # sets the cookie
        site = self.site
        self.finish(pages.mine(site.prefix, self.server, f"{site.base}hub/", site.max_size))


class SharesHandler(VisitorHandler):
    """`/api/shares`: of the visitor."""

    async def get(self) -> None:
        """All of them."""
        records = await self.site.run(self.site.shares.of, self.visitor)
        self.json({"shares": [self.described(record) for record in records]})

    async def post(self) -> None:
        """The body is the notebook, `name` in the query its name."""
        owner = self.visitor
        body = self.request.body
        if len(body) > self.site.max_size:
            raise TooLargeError(
                f"The notebook has {len(body)} bytes, and may have {self.site.max_size}. "
                "Remove large outputs."
            )
        made = await self.site.renderer.render(body)
        name = self.get_query_argument("name", "notebook.ipynb")
        created = await self.site.run(self.site.shares.add, owner, name, made)
        identity = created.record.identity
        self.set_status(HTTPStatus.CREATED)
        delete = self.absolute(f"{identity}/delete#{created.secret}")
        self.json({**self.described(created.record), "delete": delete})

    def described(self, record: Record) -> dict[str, Any]:
        """A record without its owner."""
        document = asdict(record)
        del document["owner"]
        return {**document, "url": self.absolute(record.identity)}


class ShareHandler(VisitorHandler):
    """`/api/shares/ID`."""

    async def delete(self, identity: str) -> None:
        """By the visitor who shares it."""
        gone = await self.site.run(self.site.shares.delete, identity, owner=self.visitor)
        self.json({"gone": gone})


class DeleteHandler(SiteHandler):
    """`/ID/delete`: by who has the secret, logged in or not."""

    def check_xsrf_cookie(self) -> None:
        """No cookie lets anybody do anything here."""

    def get(self, identity: str) -> None:
        """A page with a button: what only follows links deletes nothing."""
        self.finish(pages.deletion(self.site.prefix, identity))

    async def post(self, identity: str) -> None:
        """The body is the secret."""
        secret = self.request.body.decode("ascii", "replace")
        gone = await self.site.run(self.site.shares.delete, identity, secret=secret)
        self.json({"gone": gone})


class ViewHandler(SiteHandler):
    """`/ID`: for everybody."""

    async def get(self, identity: str) -> None:
        """The frame's surroundings."""
        record = await self.site.run(self.site.shares.find, identity)
        self.finish(pages.view(self.site.prefix, record))


class PageHandler(SiteHandler):
    """`/ID/page`: the notebook itself, as HTML."""

    async def get(self, identity: str) -> None:
        """Kept from when it was shared; made anew after an upgrade that shows pages otherwise."""
        site = self.site
        self.set_header("Content-Security-Policy", pages.STRANGERS_POLICY)
        await site.run(site.shares.find, identity)
        page = await site.run(site.shares.page, identity)
        if page is None:
            made = await site.renderer.render(await site.run(site.shares.notebook, identity))
            page = made.page
            await site.run(site.shares.keep_page, identity, page)
        self.finish(pages.content(site.prefix, page.decode("utf-8", "replace")))


class NotebookHandler(SiteHandler):
    """`/ID/NAME.ipynb`: the file."""

    async def get(self, identity: str, _: str) -> None:
        """Never shown, always a download."""
        record = await self.site.run(self.site.shares.find, identity)
        content = await self.site.run(self.site.shares.notebook, identity)
        self.set_header("Content-Security-Policy", pages.STRANGERS_POLICY)
        self.set_header("Content-Type", "application/x-ipynb+json")
        name = quote(record.name)
        self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{name}")
        self.finish(content)


class OpenHandler(VisitorHandler):
    """`/ID/open`: into a server of one's own. The way to log in is by the hub, which gives one."""

    @authenticated
    async def get(self, identity: str) -> None:
        """The page whose script puts the copy there; who comes by a link from elsewhere is asked.

        Else another site, or a link in a shared notebook, could put files into visitors' servers.
        """
        record = await self.site.run(self.site.shares.find, identity)
        asks = self.request.headers.get("Sec-Fetch-Site") != "same-origin"
        self.finish(pages.opening(self.site.prefix, self.server, record, asks=asks))


class StaticHandler(SiteHandler):
    """`/static/...`: the few files of our pages."""

    def get(self, name: str) -> None:
        """From the folder of this module."""
        self.set_header("Content-Type", f"{_STATIC[name]}; charset=utf-8")
        # The frame with the notebook has an origin of its own.
        self.set_header("Cross-Origin-Resource-Policy", "cross-origin")
        self.finish(Path(__file__).with_name(name).read_bytes())


class HealthHandler(SiteHandler):
    """`/health`: whether it runs."""

    def get(self) -> None:
        """Nothing but the status."""
        self.finish()


class CallbackHandler(HubOAuthCallbackHandler):  # type: ignore[misc]
    """`/oauth_callback`: the end of a login at the hub."""

    def initialize(self, site: Site) -> None:
        """Of the application."""
        self.hub_auth = site.auth


class NothingHandler(SiteHandler):
    """All else."""

    def prepare(self) -> None:
        """404 for every method."""
        raise HTTPError(HTTPStatus.NOT_FOUND, "There is no such page.")


def routes(site: Site) -> list[Any]:
    """For Tornado's application."""
    name = "([a-z2-7]{26})"
    static = "|".join(key.replace(".", r"\.") for key in _STATIC)
    assert keys.is_identity("a" * 26)  # noqa: S101 - the pattern above says the same
    found: list[tuple[str, type[RequestHandler]]] = [
        ("", MineHandler),
        ("oauth_callback", CallbackHandler),
        ("health", HealthHandler),
        (f"static/({static})", StaticHandler),
        ("api/shares", SharesHandler),
        (f"api/shares/{name}", ShareHandler),
        (name, ViewHandler),
        (f"{name}/page", PageHandler),
        (f"{name}/open", OpenHandler),
        (f"{name}/delete", DeleteHandler),
        (rf"{name}/([^/]+\.ipynb)", NotebookHandler),
    ]
    every = {"site": site}
    listed = [(site.prefix + path, handler, every) for path, handler in found]
    return [*listed, (r".*", NothingHandler, every)]
