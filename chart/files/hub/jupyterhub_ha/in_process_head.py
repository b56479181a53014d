"""Heads of HTTP/1.1 messages (RFC 9112), read strictly and kept raw. No I/O.

A proxy and the server behind it must read a message alike, or a request can be smuggled inside
another one. What RFC 9112 allows a recipient to refuse is refused here: bare line feeds, folded
lines, space before a colon, control characters, both Content-Length and Transfer-Encoding, more
than one of either, and any transfer coding but ``chunked``.

Fields that concern only one connection, and those that the proxy writes itself, are taken out;
all others stay as they were sent, byte for byte and in their order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import MessageError
from .in_process_path import read_target

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_REQUEST_LINE = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) HTTP/([0-9])\.([0-9])"
)
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: ([\t\x20-\x7e\x80-\xff]*))?")
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+,;=\-]*)(?::[0-9]*)?")
_ABSOLUTE = re.compile(rb"[Hh][Tt][Tt][Pp][Ss]?://(?:[^/?#@]*@)?([^/?#]*)(.*)", re.DOTALL)
_ALLOWED = bytes([9, *range(0x20, 0x7F), *range(0x80, 0x100)])

# What tells a server where a request came from, and what servers of Jupyter's family believe.
CLAIMS = (b"forwarded", b"x-real-ip", b"x-scheme")
ALIAS = b"alias"


class _Names(dict[bytes, bytes]):
    """By a field's name as it was sent: the name under which it is taken out, or nothing.

    CGI and WSGI read ``X_Real_IP`` as ``X-Real-IP``, so what looks like one of `vouched` to them is
    taken out, too, as an ALIAS.
    """

    _MAX_NAMES, _MAX_LENGTH = 2000, 64  # what is remembered, so that a client cannot fill memory

    def __init__(self, *taken: bytes, vouched: tuple[bytes, ...] = ()) -> None:
        super().__init__()
        self._taken = frozenset(taken)
        self._aliases = frozenset(name.replace(b"-", b"_") for name in vouched)

    def __missing__(self, name: bytes) -> bytes:
        if not _TOKEN.fullmatch(name):
            raise MessageError(400, "a header's name is not a token")
        lower = name.lower()
        key = lower if lower in self._taken else b""
        if b"_" in lower and lower.replace(b"-", b"_") in self._aliases:
            key = ALIAS
        if len(self) < self._MAX_NAMES and len(name) <= self._MAX_LENGTH:
            self[name] = key
        return key


_HOP_BY_HOP = (b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"upgrade")
_FRAMING = (b"content-length", b"transfer-encoding")
_FORWARDED = (b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-port", b"x-forwarded-proto")
_IN_REQUESTS = _Names(
    *(*_HOP_BY_HOP, *_FRAMING, *_FORWARDED, b"expect", b"host", b"proxy-authorization"),
    vouched=(*_FRAMING, *_FORWARDED, *CLAIMS),
)
_IN_RESPONSES = _Names(*_HOP_BY_HOP, *_FRAMING)
_ONCE = frozenset((*_FRAMING, b"host"))


@dataclass(slots=True)
class RequestHead:
    """A request's head; `taken` are the values of the fields taken out, by lower-case name.

    `path` is the route path (see in_process_path), `target` what the server is asked for.
    """

    method: bytes
    target: bytes
    persistent: bool
    http_1_1: bool
    fields: list[bytes]
    taken: dict[bytes, bytes]
    host: bytes
    content_length: int
    chunked: bool
    websocket: bool
    path: bytes

    @property
    def wants_trailers(self) -> bool:
        """Whether the client knows what to do with trailers (RFC 9110 6.5.1)."""
        return b"trailers" in self.taken.get(b"te", b"").lower()

    @property
    def has_body(self) -> bool:
        """Whether anything follows the head."""
        return self.chunked or self.content_length > 0


@dataclass(slots=True)
class ResponseHead:
    """A response's head; `content_length` is -1 when none is stated."""

    status: int
    reason: bytes
    persistent: bool
    fields: list[bytes]
    taken: dict[bytes, bytes]
    content_length: int
    chunked: bool


def parse_request(head: bytes) -> RequestHead:
    """Read a request's head, up to and without the empty line.

    Raises MessageError (400, 501 or 505) for what no server should have to interpret.
    """
    lines = _lines(head)
    method, target, http_1_1 = _request_line(lines[0])
    fields, taken = _fields(lines, _IN_REQUESTS)
    host = taken.get(b"host")
    if host is None:
        if http_1_1:
            raise MessageError(400, "Host is missing")
        host = b""
    if target[0] != 47:  # "/"
        target, host = _origin_form(method, target, host)
    target, path = read_target(target)
    if not _HOST.fullmatch(host):
        raise MessageError(400, "Host is not a host name")
    length, chunked = _framing(taken, 0)
    if chunked and not http_1_1:
        raise MessageError(400, "HTTP/1.0 knows no Transfer-Encoding")
    persistent, websocket = http_1_1, False
    if b"connection" in taken:
        options = _options(taken)
        persistent = b"close" not in options if http_1_1 else b"keep-alive" in options
        websocket = (
            b"upgrade" in options
            and taken.get(b"upgrade", b"").lower() == b"websocket"
            and method == b"GET"
            and not (chunked or length)
        )
        fields = _without(fields, options)
    return RequestHead(
        method, target, persistent, http_1_1, fields, taken, host, length, chunked, websocket, path
    )


def parse_response(head: bytes) -> ResponseHead:
    """Read a response's head, up to and without the empty line; MessageError if it is broken."""
    lines = _lines(head)
    match = _STATUS_LINE.fullmatch(lines[0])
    if match is None:
        raise MessageError(503, "the server's answer is not HTTP/1.1")
    minor, status, reason = match.groups()
    fields, taken = _fields(lines, _IN_RESPONSES)
    if b"transfer-encoding" in taken:
        taken.pop(b"content-length", None)  # RFC 9112 6.3: the coding decides
    length, chunked = _framing(taken, -1)
    persistent = minor == b"1"
    if b"connection" in taken:
        options = _options(taken)
        persistent = b"close" not in options if persistent else b"keep-alive" in options
        fields = _without(fields, options)
    return ResponseHead(int(status), reason or b"", persistent, fields, taken, length, chunked)


def _request_line(line: bytes) -> tuple[bytes, bytes, bool]:
    """Method, target, and whether it is HTTP/1.1 and not 1.0."""
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise MessageError(400, "the request line is not one of HTTP/1.1")
    method, target, major, minor = match.groups()
    if major != b"1":
        raise MessageError(505, "this is HTTP/1.1")
    return method, target, minor != b"0"


def read_trailer(line: bytes) -> bytes:
    """A trailer as it may go on to the client, or nothing if it may not."""
    if line.translate(None, _ALLOWED):
        raise MessageError(400, "a control character in a trailer")
    name, colon, _ = line.partition(b":")
    if not colon:
        raise MessageError(400, "a trailer without a colon")
    return b"" if _IN_RESPONSES[name] else line + b"\r\n"


def _lines(head: bytes) -> list[bytes]:
    lines = head.split(b"\r\n")
    if len(head.translate(None, _ALLOWED)) != 2 * (len(lines) - 1):
        raise MessageError(400, "a control character or a bare line break in the head")
    return lines


def _fields(lines: list[bytes], names: _Names) -> tuple[list[bytes], dict[bytes, bytes]]:
    kept: list[bytes] = []
    taken: dict[bytes, bytes] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        key = names[name]
        if not colon:
            raise MessageError(400, "a header line without a colon")
        if not key:
            kept.append(line)
        elif key not in taken:
            taken[key] = value.strip(b" \t")
        elif key in _ONCE:
            raise MessageError(400, f"more than one {key.decode()}")
        else:
            taken[key] += b"," + value.strip(b" \t")
    return kept, taken


def _framing(taken: dict[bytes, bytes], without: int) -> tuple[int, bool]:
    length = taken.get(b"content-length")
    coding = taken.get(b"transfer-encoding")
    if coding is not None:
        if length is not None:
            raise MessageError(400, "both Content-Length and Transfer-Encoding")
        if coding.lower() != b"chunked":
            raise MessageError(501, "a transfer coding other than chunked")
        return without, True
    if length is None:
        return without, False
    # isdigit() knows only ASCII's digits in bytes; the length keeps int() cheap.
    if not length.isdigit() or len(length) > 18:
        raise MessageError(400, "Content-Length is not a number")
    return int(length), False


def _origin_form(method: bytes, target: bytes, host: bytes) -> tuple[bytes, bytes]:
    """The target as the server behind us reads it, and the host that it names."""
    if method == b"CONNECT":
        raise MessageError(405, "this is no forward proxy")
    if target == b"*" and method == b"OPTIONS":
        return target, host
    match = _ABSOLUTE.fullmatch(target)
    if match is None:
        raise MessageError(400, "the request's target is neither a path nor a URL")
    rest = match[2]
    return rest if rest.startswith(b"/") else b"/" + rest, match[1]


def _options(taken: dict[bytes, bytes]) -> set[bytes]:
    return {option.strip(b" \t").lower() for option in taken[b"connection"].split(b",")}


def _without(fields: list[bytes], options: set[bytes]) -> list[bytes]:
    """The fields that Connection does not name (RFC 9110 7.6.1)."""
    named = options - {b"close", b"keep-alive", b"upgrade", b""}
    if not named:
        return fields
    return [line for line in fields if line.partition(b":")[0].lower() not in named]
