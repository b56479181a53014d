"""From routespecs to Traefik's rules and names. Pure: no I/O.

A routespec is ``[host]/path/`` as JupyterHub writes it, percent-encoded. Its *text* is the same
route in one spelling, with one character for what must not be cut apart:

- every byte of the path is one character (U+0000 to U+00FF), percent-encoding undone;
- an encoded slash is ``ENCODED_SLASH``, because it does not end a segment;
- the host is in lower case; the default route ``/`` is the empty text, a prefix of all others.

Traefik compares a rule with the request's path after decoding everything but the reserved
characters of RFC 3986 and ``%`` (``%40`` stays ``%40``, ``%20`` becomes a space), so a rule
names both spellings of a reserved character. configurable-http-proxy decodes all.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .errors import RouteError

ENCODED_SLASH = "\u012f"

# Characters that Traefik leaves encoded in the path it compares, and that a client may also send
# as they are. "/", "?", "#" and "%" mean something else when they are not encoded.
_EITHER = frozenset(":[]@!$&'()*+,;=")
_ENCODED_ONLY = frozenset("?#%" + ENCODED_SLASH)
# How clients in use spell reserved characters: as JupyterHub's links do, as encodeURIComponent
# does, as a browser sends what was typed, and everything encoded.
_SPELLINGS = (frozenset("@"), frozenset("!'()*"), _EITHER, frozenset[str]())

_HOST = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?\Z")
_NAMESPACE = re.compile(r"([a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?)?\Z")
_HUB_NAME = re.compile(r"[a-z2-7]{12}_([a-z0-9-]+_)?[a-z0-9-]+\Z")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Route:
    """One entry of the routing table, as JupyterHub gave it."""

    routespec: str
    target: str
    data: dict[str, Any] = field(default_factory=dict)


def route_text(routespec: str) -> str:
    """The routespec's text (see the module); the same for all its spellings.

    Raises RouteError for a routespec without a slash, or with a host name that cannot be one.
    """
    host, slash, path = routespec.partition("/")
    if not slash:
        raise RouteError(f"routespec {routespec!r} has no path; write [host]/path/")
    host = host.lower()
    if host and not _HOST.match(host):
        raise RouteError(f"routespec {routespec!r}: {host!r} is not a host name")
    text = host + "/" + _path_text(path)
    if not text.endswith("/"):
        text += "/"
    return "" if text == "/" else text


def _path_text(path: str) -> str:
    def decoded(match: re.Match[bytes]) -> bytes:
        byte = bytes([int(match[1], 16)])
        return b"%2F" if byte == b"/" else byte.replace(b"%", b"%25")

    # First all escapes but those of "/" and "%", then these two, so that "%252F" stays "%2F".
    raw = _PERCENT.sub(decoded, re.sub(rb"%(?![0-9A-Fa-f]{2})", b"%25", path.encode()))
    text = raw.decode("latin-1").replace("%2F", ENCODED_SLASH)
    return text.replace("%25", "%")


def check_target(target: str) -> str:
    """Return the target as given; RouteError if it is not a URL of a web server."""
    parts = urlsplit(target)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise RouteError(f"target {target!r} is not a URL such as http://10.0.0.1:8888")
    return target


def check_namespace(namespace: str) -> str:
    """Return the namespace as given; RouteError if it cannot be part of a key."""
    if not _NAMESPACE.match(namespace) or namespace in {"routes", "nodes"}:
        raise RouteError(
            f"namespace {namespace!r}: use at most 20 of a-z, 0-9 and -, not 'routes' or 'nodes'"
        )
    return namespace


def split_text(text: str) -> tuple[str, str]:
    """Host and path of a text or of a part of one; the path is empty inside a host name."""
    host, slash, path = text.partition("/")
    return host, slash + path


def enclosing_texts(text: str) -> list[str]:
    """The texts of all routes that enclose this text, longest first; the last is the default."""
    cuts = [i for i, char in enumerate(text[:-1], 1) if char == "/" and i > 1]
    return [text[:i] for i in reversed(cuts)] + [""] if text else []


def rule(text: str, within: str = "") -> str:
    """Traefik's rule for a route's text or for the prefix of an inner node.

    A text that ends in "/" matches by segment (``/user/a`` and ``/user/a/...``, not
    ``/user/ab``); any other prefix matches by characters. `within` is the prefix of the parent:
    when it already holds the whole host name, the rule does not test the host again.

    Of two routes, one inside the other, the inner one has the longer rule, which is Traefik's
    default priority; ``else_rule`` is shorter than all.
    """
    host, path = split_text(text)
    if host and not path:
        # Names of hosts differ at the front, so the inner nodes do.
        return f"HostRegexp(`^{host.replace('.', chr(92) + '.')}`)"
    terms = _path_terms(path)
    if not host or split_text(within)[1]:
        return " || ".join(terms)
    joined = terms[0] if len(terms) == 1 else f"({' || '.join(terms)})"
    return f"Host(`{host}`) && {joined}"


def else_rule() -> str:
    """The rule that matches everything and is shorter than every other one."""
    return "PathPrefix(`/`)"


def low_priority(text: str, within: str = "") -> int:
    """A priority for a route that has an inner node inside it among its siblings.

    It is above the fallback's (15) and below the inner node's, whose rule has at least 14
    characters more than what the rule tests.
    """
    return 14 + len(split_text(text)[1] if split_text(within)[1] else text)


def _path_terms(path: str) -> list[str]:
    if path == "/":
        return [else_rule()]
    terms = []
    for spelling in _spellings(path):
        terms.append(f"PathPrefix({_go_string(spelling)})")
        if path.endswith("/"):
            terms.append(f"Path({_go_string(spelling[:-1])})")
    return terms


def _spellings(path: str) -> list[str]:
    spelled = dict.fromkeys(_spell(path, literal) for literal in _SPELLINGS)
    return list(spelled)


def _spell(path: str, literal: frozenset[str]) -> str:
    return "".join(
        f"%{ord(char) & 0xFF:02X}"
        if char in _ENCODED_ONLY or (char in _EITHER and char not in literal)
        else char
        for char in path
    )


def _go_string(text: str) -> str:
    """A string of the rule language (Go's syntax) for these bytes."""
    raw = text.encode("latin-1")
    try:
        readable = raw.decode()
    except UnicodeDecodeError:
        readable = "`"
    if readable.isprintable() and "`" not in readable:
        return f"`{readable}`"
    quoted = "".join(
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\x{byte:02x}"
        for byte in raw
    )
    return f'"{quoted}"'


class Names:
    """Names of routers and services of one hub: short, safe, recognisable.

    ``<hash>_[<namespace>_]<readable>``: Traefik's decoder compares sibling names from their first
    letter, so the hash stands first; the rest is for the reader of a dashboard. Keys in Traefik's
    KV provider ignore case, so there is no upper case.
    """

    def __init__(self, namespace: str = "") -> None:
        self.namespace = check_namespace(namespace)
        middle = f"{namespace}_" if namespace else ""
        self._own = re.compile(rf"[a-z2-7]{{12}}_{middle}[a-z0-9-]+\Z")
        self._middle = middle

    def route(self, text: str) -> str:
        """Name of a route's router, service and record."""
        return self._name("route", text, "")

    def node(self, prefix: str) -> str:
        """Name of an inner node's router and record."""
        return self._name("node", prefix, "in-")

    def fallback(self, prefix: str) -> str:
        """Name of the router that takes what no child of an inner node matches."""
        return self._name("else", prefix, "else-")

    def is_own(self, name: str) -> bool:
        """Whether a name is one of this namespace's."""
        return bool(self._own.match(name))

    @staticmethod
    def belongs_to_a_hub(name: str) -> bool:
        """Whether a name is one of any namespace's, or looks so."""
        return bool(_HUB_NAME.match(name))

    def _name(self, kind: str, text: str, label: str) -> str:
        digest = hashlib.sha256("\0".join((kind, self.namespace, text)).encode()).digest()
        short = base64.b32encode(digest[:8]).decode()[:12].lower()
        readable = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[-32:].strip("-")
        return f"{short}_{self._middle}{label}{readable or 'root'}"
