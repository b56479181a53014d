"""A head is read strictly: what two servers could read in two ways is refused."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from jupyterhub_ha import in_process_head
from jupyterhub_ha.errors import MessageError
from jupyterhub_ha.in_process_head import parse_request, parse_response, read_trailer
from jupyterhub_ha.in_process_path import read_target
from jupyterhub_ha.in_process_rewrite import (
    Peer,
    is_trusted,
    request_for_server,
    response_for_client,
)
from jupyterhub_ha.in_process_sockets import open_listeners
from jupyterhub_ha.in_process_table import parse_target

TARGET = parse_target("http://127.0.0.1:1")
PEER = Peer(b"10.0.0.1", tls=False, trusted=False)


def head(*lines: str, line: str = "GET /a HTTP/1.1", host: str = "Host: h") -> bytes:
    return "\r\n".join([line, *([host] if host else []), *lines]).encode("latin-1")


def sent(*lines: str, line: str = "GET /a HTTP/1.1", peer: Peer = PEER) -> list[str]:
    request = parse_request(head(*lines, line=line))
    text = request_for_server(request, TARGET, peer).decode("latin-1")
    assert text.endswith("\r\n\r\n")
    return text.split("\r\n")[:-2]


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        (head("A : b"), 400),
        (head("A\t: b"), 400),
        (head(" folded: b"), 400),
        (head("A: b", " folded"), 400),
        (head("no colon"), 400),
        (head("nocolon"), 400),
        (head(": no name"), 400),
        (head("A: b\nB: c"), 400),
        (head("A: b\rB: c"), 400),
        (head("A: b\0"), 400),
        (head("A: \x7f"), 400),
        (head("Ä: b"), 400),
        (head("Host: again"), 400),
        (head(host=""), 400),
        (head(host="Host: a b"), 400),
        (head(host="Host: a/b"), 400),
        (head(host="Host: a@b"), 400),
        (head("Content-Length: 1", "Content-Length: 1"), 400),
        (head("Content-Length: 1, 1"), 400),
        (head("Content-Length: +1"), 400),
        (head("Content-Length: -1"), 400),
        (head("Content-Length: 0x1"), 400),
        (head("Content-Length: 1_0"), 400),
        (head("Content-Length: "), 400),
        (head("Content-Length: " + "9" * 30), 400),
        (head("Content-Length: 1", "Transfer-Encoding: chunked"), 400),
        (head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 400),
        (head("Transfer-Encoding: chunked", "transfer-encoding: identity"), 400),
        (head("Transfer-Encoding: gzip, chunked"), 501),
        (head("Transfer-Encoding: chunked, identity"), 501),
        (head("Transfer-Encoding: xchunked"), 501),
        (head("Transfer-Encoding: \x0bchunked"), 400),
        (head("Transfer-Encoding:"), 501),
        (head("Transfer-Encoding: chunked", line="POST / HTTP/1.0"), 400),
        (head(line="GET  / HTTP/1.1"), 400),
        (head(line="GET / HTTP/1.1 "), 400),
        (head(line=" GET / HTTP/1.1"), 400),
        (head(line="GET / HTTP/1"), 400),
        (head(line="GET / http/1.1"), 400),
        (head(line="GET /\x80\t HTTP/1.1"), 400),
        (head(line="GET x HTTP/1.1"), 400),
        (head(line="GET"), 400),
        (head(line="G(T / HTTP/1.1"), 400),
        (head(line="PRI * HTTP/2.0"), 505),
        (head(line="CONNECT a:443 HTTP/1.1"), 405),
        (head(line="GET * HTTP/1.1"), 400),
        (head(line="GET /%zz HTTP/1.1"), 400),
        (head(line="GET ftp://a/ HTTP/1.1"), 400),
    ],
)  # fmt: skip
def test_refused(bad: bytes, status: int) -> None:
    with pytest.raises(MessageError) as caught:
        parse_request(bad)
    assert caught.value.status == status


def test_fields_keep_bytes_and_order() -> None:
    lines = ["X-b:  two ", "x-A:one", 'Cookie: a=ü; b="c"', "X-b: again", "Accept:"]
    assert sent(*lines)[2:7] == lines


def test_hop_by_hop_fields_stay_here() -> None:
    lines = sent(
        "Connection: keep-alive, X-Mine , close", "Keep-Alive: timeout=5", "X-Mine: 1",
        "Proxy-Connection: close", "Proxy-Authorization: x", "TE: gzip", "Trailer: X",
        "Upgrade: h2c", "HTTP2-Settings: x",
    )  # fmt: skip
    assert [line.partition(":")[0] for line in lines[1:]] == [
        "Host", "HTTP2-Settings", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto",
        "X-Forwarded-Host",
    ]  # fmt: skip


def test_a_websocket_keeps_its_upgrade_and_nothing_else_does() -> None:
    asked = ("Connection: keep-alive, Upgrade", "Upgrade: WebSocket", "Sec-WebSocket-Key: x")
    assert sent(*asked)[-2:] == ["Connection: Upgrade", "Upgrade: websocket"]
    assert "Upgrade: websocket" not in sent(*asked, line="POST /a HTTP/1.1")
    assert "Upgrade: websocket" not in sent(*asked, "Content-Length: 3")


FORWARDED = [
    "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https", "X-Forwarded-Port: 443",
    "X-Forwarded-Host: public", "X-Scheme: https", "X-Real-IP: 1.2.3.4", "Forwarded: for=1.2.3.4",
]  # fmt: skip


def test_a_stranger_cannot_say_where_he_comes_from() -> None:
    assert sent(*FORWARDED)[2:] == [
        "X-Forwarded-For: 10.0.0.1", "X-Forwarded-Port: 80", "X-Forwarded-Proto: http",
        "X-Forwarded-Host: h",
    ]  # fmt: skip


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize(
    "name", ["X_Forwarded_For", "x-real_ip", "X_SCHEME", "Content_Length", "Transfer_Encoding"]
)
def test_an_alias_for_cgi_goes_no_further(name: str, trusted: bool) -> None:
    lines = sent(f"{name}: 7", "A_b: 1", peer=Peer(b"10.0.0.1", tls=False, trusted=trusted))
    assert lines[2:] == [
        "A_b: 1", "X-Forwarded-For: 10.0.0.1", "X-Forwarded-Port: 80", "X-Forwarded-Proto: http",
        "X-Forwarded-Host: h",
    ]  # fmt: skip


def test_a_proxy_in_front_can() -> None:
    lines = sent(*FORWARDED, peer=Peer(b"10.0.0.1", tls=True, trusted=True))
    assert lines[2:] == [
        *FORWARDED[4:],
        "X-Forwarded-For: 1.2.3.4,10.0.0.1", "X-Forwarded-Port: 443,443",
        "X-Forwarded-Proto: https,https", "X-Forwarded-Host: public",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("address", "trusted"),
    [("10.1.2.3", True), ("11.1.2.3", False), ("::ffff:10.1.2.3", True), ("fe80::1%eth0", False),
     ("", True)],
)  # fmt: skip
def test_trust_by_network(address: str, trusted: bool) -> None:
    assert is_trusted(address, [ip_network("10.0.0.0/8")]) is trusted


@pytest.mark.parametrize(
    ("target", "arrives", "route"),
    [
        ("/a%20b?c", "/a%20b?c", "/a b"),
        ("/a/../b", "/b", "/b"),
        ("/../../b", "/b", "/b"),
        ("/a/..", "/", "/"),
        ("/a/b/.", "/a/b/", "/a/b/"),
        ("/a/.b", "/a/.b", "/a/.b"),
        ("/a\\b", "/a/b", "/a/b"),
        ("/a#b", "/a", "/a"),
        ("/a?", "/a", "/a"),
        ("/a?b#c", "/a?b", "/a"),
        ('/"<>`{}', "/%22%3C%3E%60%7B%7D", '/"<>`{}'),
        ("/ü", "/%C3%BC", "/ü"),
        ("/a?../%zz", "/a?../%zz", "/a"),
    ],
)
def test_paths(target: str, arrives: str, route: str) -> None:
    assert read_target(target.encode()) == (arrives.encode(), route.encode())


def test_the_targets_own_path_comes_first() -> None:
    request = parse_request(head(line="GET /a?b HTTP/1.1"))
    out = request_for_server(request, parse_target("http://x:1/base/"), PEER)
    assert out.startswith(b"GET /base/a?b HTTP/1.1\r\n")


def test_http_1_0_needs_no_host() -> None:
    request = parse_request(head(line="GET /a HTTP/1.0", host=""))
    assert not request.persistent
    assert b"Host: 127.0.0.1:1\r\n" in request_for_server(request, TARGET, PEER)


def test_an_absolute_target_states_the_host() -> None:
    request = parse_request(head(line="GET http://user@other:81?q HTTP/1.1"))
    assert (request.host, request.target) == (b"other:81", b"/?q")


@pytest.mark.parametrize(
    "bad",
    [
        b"HTTP/1.1 99 x", b"HTTP/2 200 OK", b"HTTP/1.1 2000 OK", b"200 OK", b"",
        b"HTTP/1.1 200 OK\r\nA : b", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip", b"HTTP/1.1 200 OK\nA: b",
    ],
)  # fmt: skip
def test_broken_responses(bad: bytes) -> None:
    with pytest.raises(MessageError):
        parse_response(bad)


def test_a_response_keeps_what_is_not_hop_by_hop() -> None:
    response = parse_response(
        b"HTTP/1.1 404 Nicht da\r\nSet-Cookie: a\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n"
        b"Set-Cookie: b\r\nKeep-Alive: x\r\nContent-Length: 3\r\nX-Forwarded-For: x"
    )
    assert not response.persistent
    request = parse_request(head())
    out = response_for_client(response, request, chunked=False, close=False)
    assert out == (
        b"HTTP/1.1 404 Nicht da\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nX-Forwarded-For: x\r\n"
        b"Content-Length: 3\r\n\r\n"
    )


def test_a_coding_outranks_a_length_in_a_response() -> None:
    response = parse_response(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked")
    assert (response.chunked, response.content_length) == (True, -1)


def test_many_names_do_not_fill_memory() -> None:
    for number in range(3000):
        parse_request(head(f"X-{number}: 1"))
    parse_request(head("X-" + "y" * 5000 + ": 1"))
    assert len(in_process_head._IN_REQUESTS) <= 2000
    assert max(map(len, in_process_head._IN_REQUESTS)) <= 64


def test_trailers() -> None:
    assert read_trailer(b"X-Sum: 7") == b"X-Sum: 7\r\n"
    assert read_trailer(b"Content-Length: 7") == b""
    for bad in (b"X", b"X : 1", b"X: \0"):
        with pytest.raises(MessageError):
            read_trailer(bad)


@pytest.mark.parametrize("url", ["ftp://x", "http://999.1.1.1:1", "unix+http://relative"])
def test_where_one_cannot_listen(url: str) -> None:
    with pytest.raises(Exception, match="cannot listen at"):
        open_listeners([url])
