"""Heads as the proxy sends them on. No I/O.

X-Forwarded-For, -Port, -Proto and -Host are what configurable-http-proxy sends: a trusted
client's values stay, ours follow after a comma; only -Host is kept as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network, ip_address

from .in_process_head import CLAIMS, RequestHead, ResponseHead
from .in_process_table import Target


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a client's connection; `address` is empty on a Unix socket."""

    address: bytes
    tls: bool
    trusted: bool


def is_trusted(address: str, networks: list[IPv4Network | IPv6Network]) -> bool:
    """Whether an address is in one of the networks; a Unix socket's client always is."""
    if not address:
        return True
    ip = ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    return any((mapped or ip) in network for network in networks)


def request_for_server(head: RequestHead, target: Target, peer: Peer) -> bytes:
    """The request's head with an empty line, as the server behind the proxy gets it."""
    taken = head.taken
    host = head.host
    fields = head.fields
    if not peer.trusted:
        fields = [line for line in fields if line.partition(b":")[0].lower() not in CLAIMS]
    lines = [
        b"%b %b%b HTTP/1.1" % (head.method, target.prefix, head.target),
        b"Host: " + (host or target.netloc),
        *fields,
        *_forwarded(taken if peer.trusted else {}, host, peer),
    ]
    if head.chunked:
        lines.append(b"Transfer-Encoding: chunked")
    elif b"content-length" in taken:
        lines.append(b"Content-Length: " + taken[b"content-length"])
    if b"expect" in taken and head.http_1_1 and head.has_body:
        lines.append(b"Expect: " + taken[b"expect"])
    if head.websocket:
        lines.append(b"Connection: Upgrade\r\nUpgrade: websocket")
    elif b"te" in taken and head.wants_trailers:
        lines.append(b"Connection: TE\r\nTE: trailers")
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


def _forwarded(taken: dict[bytes, bytes], host: bytes, peer: Peer) -> list[bytes]:
    port = host.rpartition(b":")[2] if b":" in host else b""
    if not port.isdigit():
        port = b"443" if peer.tls else b"80"
    proto = b"https" if peer.tls else b"http"
    ours = ((b"For", peer.address), (b"Port", port), (b"Proto", proto))
    lines = []
    for name, value in ours:
        before = taken.get(b"x-forwarded-" + name.lower()) if taken else None
        if value or before:
            both = before + b"," + value if before and value else before or value
            lines.append(b"X-Forwarded-%b: %b" % (name, both))
    lines.append(b"X-Forwarded-Host: " + taken.get(b"x-forwarded-host", host))
    return lines


def response_for_client(
    head: ResponseHead, request: RequestHead, *, chunked: bool, close: bool
) -> bytes:
    """The response's head with an empty line; `chunked` says how its body will be sent."""
    lines = [b"HTTP/1.1 %d %b" % (head.status, head.reason), *head.fields]
    if chunked:
        lines.append(b"Transfer-Encoding: chunked")
        if b"trailer" in head.taken and request.wants_trailers:
            lines.append(b"Trailer: " + head.taken[b"trailer"])
    elif head.content_length >= 0:
        lines.append(b"Content-Length: %d" % head.content_length)
    if close:
        lines.append(b"Connection: close")
    elif not request.http_1_1:
        lines.append(b"Connection: keep-alive")
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


def interim_for_client(head: ResponseHead) -> bytes:
    """The head of a 1xx response; 101 tells the client that the protocol changes."""
    lines = [b"HTTP/1.1 %d %b" % (head.status, head.reason), *head.fields]
    if head.status == HTTPStatus.SWITCHING_PROTOCOLS:
        lines.append(b"Connection: Upgrade\r\nUpgrade: " + head.taken.get(b"upgrade", b""))
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


def own_response(
    status: int, body: bytes, content_type: bytes, *, close: bool, without_body: bool = False
) -> bytes:
    """A whole response that the proxy gives itself."""
    head = b"HTTP/1.1 %d %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n%b\r\n" % (
        status,
        HTTPStatus(status).phrase.encode(),
        content_type,
        len(body),
        b"Connection: close\r\n" if close else b"",
    )
    return head if without_body else head + body


def plain_page(status: int, reason: str) -> bytes:
    """What is shown when there is no error page."""
    return f"{status} {HTTPStatus(status).phrase}: {reason}\n".encode()
