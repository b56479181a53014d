"""Paths of requests and routes, read as configurable-http-proxy reads them. No I/O.

The path of a request goes on as it came, but for what no two servers might read alike: it is
written as the WHATWG URL standard has it. Dot segments are resolved (also ``%2e``), a backslash is
a slash, a fragment and an empty query go, and ``" < > ` { }`` and bytes beyond ASCII are
percent-encoded. Its *route path* is that path with all percent-encoding undone, so that ``%2F``
ends a segment.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from .errors import MessageError

_UNUSUAL = re.compile(rb"[\"<>`{}\\%\x80-\xff]|/\.")
_TO_ENCODE = re.compile(rb"[\"<>`{}\x80-\xff]")
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def read_target(target: bytes) -> tuple[bytes, bytes]:
    """A request's target as it goes on, and its route path.

    Raises MessageError (400) for a percent sign without two hexadecimal digits in the path.
    """
    if b"#" in target:
        target = target.partition(b"#")[0]
    path, mark, query = target.partition(b"?")
    if _UNUSUAL.search(path) is None:
        return (target if query else path), path
    if _BROKEN_ESCAPE.search(path):
        raise MessageError(400, "a percent sign without two hexadecimal digits")
    path = _resolved(path)
    written = _TO_ENCODE.sub(lambda match: b"%%%02X" % match[0][0], path)
    return (written + mark + query if query else written), unquote_to_bytes(path)


def segments(route_path: bytes) -> list[bytes]:
    """The steps of a route path from the root; slashes at both ends do not count."""
    return route_path.strip(b"/").split(b"/")


def segments_of_route(path: str) -> list[bytes]:
    """The steps of a routespec's path, which may be percent-encoded."""
    stripped = unquote_to_bytes(path.encode()).strip(b"/")
    return stripped.split(b"/") if stripped else []


def _resolved(path: bytes) -> bytes:
    if b"\\" in path:
        path = path.replace(b"\\", b"/")
    if b"/." not in path and b"%2" not in path:
        return path
    kept: list[bytes] = []
    steps = path.split(b"/")
    for number, step in enumerate(steps, 1):
        dots = step.lower().replace(b"%2e", b".")
        if dots not in (b".", b".."):
            kept.append(step)
            continue
        if dots == b".." and len(kept) > 1:
            kept.pop()
        if number == len(steps):
            kept.append(b"")  # "/a/." is "/a/"
    return b"/".join(kept)
