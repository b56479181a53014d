"""Checks of what the hub says: that it is one, where it is, and what it takes itself for."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from proxy_gen.values import get

from .facts import OK, WARNING, FaultError, Finding, NotCheckedError
from .visit import Visit, as_json, path_of, who
from .web import Answer

_TRAEFIKS_404 = b"404 page not found"
_GATEWAY = {502, 503, 504}
_WORDS = re.compile(r"(https?)://([^/\s\"]+)/")

# A proxy that appends its own word to X-Forwarded-Proto has the last one, and that may be http;
# X-Scheme has one word only, and JupyterHub takes it first.
_BOTH_WORDS = (
    "set X-Forwarded-Proto and X-Scheme in front, and let our proxy believe it "
    "(trustedIPs, trusted_networks)"
)
# Whatever an application behind a proxy may take for the word of that proxy; an address and a host
# that are nobody's (RFC 5737, RFC 2606).
_ADDRESS, _HOST = "203.0.113.77", "forged.invalid"
_ADDRESS_HEADERS = {"X-Forwarded-For": _ADDRESS, "X-Real-IP": _ADDRESS}


def jupyterhub(visit: Visit) -> Finding:
    """Ask the hub's API who it is."""
    answer = visit.web.ask(visit.hub("api"))
    version = answer.header("X-JupyterHub-Version")
    found = as_json(answer)
    if answer.status == 200 and isinstance(found, dict) and "version" in found:
        visit.version = version or str(found["version"])
        return Finding(OK, f"JupyterHub {visit.version}")
    if version:
        visit.version = version
        return Finding(OK, f"JupyterHub {version}, at another base URL")
    if answer.status in _GATEWAY:
        what = f"a proxy without a hub: {who(answer)} answers {answer.status}"
        raise FaultError(what, "start the hub, or look why the proxy does not reach it")
    if answer.status == 404 and answer.body.strip() == _TRAEFIKS_404:
        what = "a Traefik that has no route for it answers 404"
        raise FaultError(what, "look whether the replica reads the table, and at the base URL")
    if answer.status == 404 and b"<title>JupyterHub" in answer.body:
        what = f"JupyterHub's page says that nothing is at {visit.hub('api')}: its base is another"
        raise FaultError(what, "end the URL with hub.baseUrl, and cut nothing off in front")
    leads = f", which leads to {answer.location}" if answer.location else ""
    raise FaultError(
        f"something else: {who(answer)} answers {answer.status} for {visit.hub('api')}{leads}",
        "check the URL, its path too, and where the web server in front sends it",
    )


def base_url(visit: Visit) -> Finding:
    """Compare the base URL of the values, of the URL and of the hub; redirects stay below it."""
    promised = str(get(visit.asked.values, ("hub", "baseUrl"), "")) if visit.asked.values else ""
    if promised and f"/{promised.strip('/')}/".replace("//", "/") != visit.given_base:
        what = f"the values have hub.baseUrl {promised}, the URL has {visit.given_base}"
        raise FaultError(what, "make them the same")
    answer = visit.web.ask(visit.hub("api"))
    if answer.status != 200:
        _elsewhere(visit, answer)
    at, seen = visit.base, []
    for _ in range(5):
        answer = visit.web.ask(at)
        if not answer.location:
            break
        _stays(visit, answer)
        parts = urlsplit(answer.location)
        at = parts.path + (f"?{parts.query}" if parts.query else "")
        seen.append(parts.path)
        if parts.path == visit.hub("login"):  # from here on it is the authenticator's
            break
    if not seen and answer.status >= 400:
        raise FaultError(f"{visit.base} answers {answer.status}", "check what serves it in front")
    return Finding(OK, f"{visit.base}, and redirects stay below it" if seen else visit.base)


def _elsewhere(visit: Visit, answer: Answer) -> None:
    """The hub answers, and not at this base: raise, and go on where it is."""
    base, found, _ = path_of(answer.location).partition("hub/") if answer.location else ("", "", "")
    wrong = visit.base
    if found and base.endswith("/") and base != wrong:
        visit.base = base
        raise FaultError(f"the hub's base URL is {base}, not {wrong}", f"use {base}")
    what = f"{visit.hub('api')} answers {answer.status}: the hub is not at {wrong}"
    raise FaultError(what, "let hub.baseUrl, the URL and what stands in front agree")


def _stays(visit: Visit, answer: Answer) -> None:
    site, to = visit.site, urlsplit(answer.location)
    if to.scheme != site.scheme or to.netloc.lower() != site.authority.lower():
        raise FaultError(
            f"{path_of(answer.url)} leads to {to.scheme}://{to.netloc}, away from {site.origin}",
            "keep scheme, host and port: Host and X-Forwarded-Proto must reach the hub",
        )
    if not to.path.startswith(visit.base):
        what = f"{path_of(answer.url)} leads to {to.path}, out of {visit.base}"
        raise FaultError(what, "cut no part of the path off in front; let hub.baseUrl say it")


def slash(visit: Visit) -> Finding:
    """Ask for the base without its slash."""
    if visit.base == "/":
        return Finding(OK, "the base URL is /")
    bare = visit.base.rstrip("/")
    answer = visit.web.ask(bare)
    if not answer.location:
        raise FaultError(f"{bare} answers {answer.status} ({who(answer)}), and no redirect")
    _stays(visit, answer)
    return Finding(OK, f"{bare} leads to {path_of(answer.location)}")


@dataclass(frozen=True)
class Seen:
    """What the hub takes a request for."""

    scheme: str
    host: str
    client: str
    """Not the address itself: what the hub makes of it."""


def _login(visit: Visit, headers: Mapping[str, str]) -> tuple[str, str]:
    """What the hub gives a new client against forged forms, and whom it is made out to."""
    answer = visit.web.ask(visit.hub("login"), headers=headers)
    cookie = answer.cookies().get("_xsrf")
    return (cookie.value, _client(cookie.value)) if cookie else ("", "")


def _client(token: str) -> str:
    """Read whom a signed value is made out to; empty if it is none that is understood.

    Source: https://github.com/tornadoweb/tornado/blob/v6.5.0/tornado/web.py (create_signed_value)
    """
    try:
        whole = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return ""
    fields = whole.split(b"|")
    return fields[4].decode("latin-1") if len(fields) > 5 and fields[0] == b"2" else ""


def _told(visit: Visit, headers: Mapping[str, str]) -> tuple[str, str]:
    """Return scheme and host of the URL that the hub writes into its words on a stopped server."""
    xsrf, _ = _login(visit, {})
    # Without a cookie there is no form to log in with: the authenticator is elsewhere.
    sent = {"Cookie": f"_xsrf={xsrf}", "X-XSRFToken": xsrf} if xsrf else visit.token
    answer = visit.web.ask(visit.hub("user/-/api"), "POST", {**sent, **headers}, b"")
    if answer.status == 403 and xsrf:
        raise FaultError(
            "the hub sees one client under changing addresses: logins fail (XSRF)",
            "let every proxy pass the client's address on, or see docs/how-to/trouble.md",
        )
    found = _WORDS.search(answer.body.decode(errors="replace"))
    if found is None:
        raise NotCheckedError(f"this hub does not say what it takes itself for ({answer.status})")
    return found[1], found[2]


def forwarded(visit: Visit) -> Finding:
    """Compare scheme and host that the hub knows with those of the URL."""
    site = visit.site
    scheme, host = _told(visit, {})
    if scheme != site.scheme:
        what = f"the hub takes itself for {scheme}, and is {site.scheme} outside"
        raise FaultError(what, _BOTH_WORDS)
    if host.lower() != site.authority.lower():
        what = f"the hub takes itself for {host}, and is {site.authority} outside"
        raise FaultError(what, "pass Host on as it came, with its port")
    more = _secure_cookie(visit)
    return Finding(OK, f"the hub knows that it is {site.origin}{more}")


def _secure_cookie(visit: Visit) -> str:
    """Look at a cookie of the user's server, if there is one to ask."""
    if not visit.asked.user:
        return ""
    own = at = visit.of_server("")
    for _ in range(3):  # to the page that asks who it is
        answer = visit.web.ask(at)
        cookies = [one for name, one in answer.cookies().items() if name.endswith("oauth-state")]
        at = path_of(answer.location)
        if cookies or not at.startswith(own):
            break
    if not cookies:
        return ""
    secure, wanted = bool(cookies[0]["secure"]), visit.site.scheme == "https"
    if secure != wanted:
        what = "is not Secure" if wanted else "is Secure"
        raise FaultError(
            f"a cookie of {visit.user}'s server {what} under {visit.site.scheme}",
            "X-Forwarded-Proto and X-Scheme must say the same, and reach users' servers",
        )
    return ", and cookies of users' servers are Secure" if secure else ""


def forged(visit: Visit) -> Finding:
    """Send forged headers, all at once; where they change anything, each alone."""
    other = "http" if visit.site.scheme == "https" else "https"
    words = {
        "X-Forwarded-Proto": other,
        "X-Scheme": other,
        "X-Forwarded-Host": _HOST,
        "X-Forwarded-Port": "1",
        "Forwarded": f"for={_ADDRESS};proto={other};host={_HOST}",
    }
    believed = []
    told = _told(visit, {})
    if _told(visit, words) != told:
        believed += [name for name, word in words.items() if _told(visit, {name: word}) != told]
    client = _login(visit, {})[1]
    if client and _login(visit, _ADDRESS_HEADERS)[1] != client:
        believed += [
            name
            for name, word in _ADDRESS_HEADERS.items()
            if _login(visit, {name: word})[1] != client
        ]
    said = f"the hub believes a client's own {', '.join(believed)}"
    if believed == ["X-Scheme"]:
        # It is not the word of any proxy of ours, and a client deceives only itself with it.
        return Finding(WARNING, said, "drop X-Scheme in front, or set it")
    if believed:
        raise FaultError(said)
    unseen = "" if client else "; the client's address could not be seen"
    return Finding(OK, f"forged X-Forwarded-*, X-Scheme and X-Real-IP change nothing{unseen}")


def frames(visit: Visit) -> Finding:
    """Look at who may show the pages in a frame, and whether somebody in front adds a word."""
    said = [_framed(visit.web.ask(visit.hub("login")), "the hub")]
    if visit.asked.user:
        try:
            headers = visit.token
            visit.needs_server()
            page = visit.web.ask(visit.of_server("api/status"), headers=headers)
            said.append(_framed(page, f"{visit.user}'s server"))
        except NotCheckedError as error:
            said.append(f"{visit.user}'s server was not seen: {error}")
    return Finding(OK, "; ".join(said))


def _framed(page: Answer, whose: str) -> str:
    """Say by whom a page may be framed, as JupyterHub itself wants it."""
    option = page.header("X-Frame-Options")
    if option and option.upper() != "SAMEORIGIN":
        raise FaultError(f"somebody in front of {whose} adds X-Frame-Options: {option}")
    policies = [one for one in page.all("Content-Security-Policy") if "frame-ancestors" in one]
    if len(policies) > 1:
        raise FaultError(f"somebody in front of {whose} adds a second Content-Security-Policy")
    if not policies:
        raise FaultError(f"somebody in front of {whose} takes its Content-Security-Policy away")
    allowed = policies[0].partition("frame-ancestors")[2].partition(";")[0].strip()
    own = ", JupyterHub's default" if allowed == "'none'" else ""
    return f"{whose} may be framed by {allowed}{own}"
