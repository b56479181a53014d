"""What a request wants, and where it leads. Pure: no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from urllib.parse import quote, unquote, urlsplit

# Who makes previews of links or indexes: said to be so by their makers, or by the word itself.
_ROBOTS = re.compile(
    r"(?<!cu)bot\b|crawl|spider|slurp|preview|facebookexternalhit|facebookcatalog|embedly|iframely"
    r"|^whatsapp/|^pinterest/|^tumblr/|mastodon/|vkshare|skypeuri|ia_archiver|w3c_validator"
    r"|google-read-aloud|google-inspectiontool|chrome-lighthouse",
    re.IGNORECASE,
)
_AHEAD = re.compile(r"prefetch|prerender|preview", re.IGNORECASE)
_AHEAD_HEADERS = ("Purpose", "Sec-Purpose", "X-Purpose", "X-Moz")


class Visitor(Enum):
    """Who asks."""

    PERSON = "person"
    """A browser that shows the page to somebody."""
    PROGRAM = "program"
    """Does not ask for HTML."""
    ROBOT = "robot"
    """Makes a preview of a link, or an index."""
    AHEAD = "ahead"
    """A browser that fetches what nobody has asked for yet."""


def visitor(headers: Mapping[str, str]) -> Visitor:
    """Who asks, by the headers of the request."""
    if any(_AHEAD.search(headers.get(name, "")) for name in _AHEAD_HEADERS):
        return Visitor.AHEAD
    if _ROBOTS.search(headers.get("User-Agent", "")):
        return Visitor.ROBOT
    return Visitor.PERSON if "text/html" in headers.get("Accept", "") else Visitor.PROGRAM


def navigates(headers: Mapping[str, str]) -> bool:
    """Whether it says what only browsers say of a page that they are about to show."""
    return headers.get("Sec-Fetch-Mode") == "navigate"


def local_path(url: str, host: str) -> str:
    """The path with query and fragment of a URL on this host; empty for any other place.

    What a browser may read in another way than we do is another place, too.
    """
    # Browsers take a backslash for a slash, and leave out tabs and line ends.
    if any(char in url for char in "\\\t\r\n") or url != url.strip():
        return ""
    parts = urlsplit(url)
    if parts.netloc:
        if parts.scheme not in {"http", "https"} or parts.netloc != host:
            return ""
        url = url.split(parts.netloc, 1)[1] or "/"
    if not url.startswith("/") or url.startswith("//"):
        return ""
    if ".." in unquote(urlsplit(url).path).split("/"):
        return ""
    # What was decoded on its way here, such as a space, is no part of a URL.
    return quote(url, safe="%/:?#[]@!$&'()*+,;=~")


def server_path(path: str, base: str) -> str:
    """What a path of this site is in a visitor's own server, with a slash first.

    Paths of users' servers, whoever they were, and `/hub/user-redirect/...` and `/hub/open/...`
    mean the visitor's own; all else is taken as a path in the server. Empty for other pages of the
    hub.
    """
    below = "/" + path.removeprefix(base) if path.startswith(base) else path
    for prefix in ("/hub/user-redirect/", "/hub/open/", "/user-redirect/", "/open/"):
        if below.startswith(prefix):
            return "/" + below.removeprefix(prefix).lstrip("/")
    if found := re.match(r"(?:/hub)?/user/[^/?#]*(.*)", below, re.DOTALL):
        rest = found.group(1)
        return rest if rest.startswith("/") else f"/{rest}"
    if re.match(r"/hub(?:[/?#]|$)", below):
        return ""
    return below


def is_allowed_origin(origin: str, allowed: Iterable[str]) -> bool:
    """Whether a page's origin is one of these; `*.` stands for any names in front."""
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*\.", r"([a-z0-9-]+\.)+"), origin)
        for pattern in allowed
    )


def server_of_client(query_client: str) -> str:
    """Whose server an OAuth client is, by its identifier; empty if it is no user's server."""
    found = re.fullmatch(r"jupyterhub-user-([^/]+)", query_client)
    return unquote(found.group(1)) if found else ""
